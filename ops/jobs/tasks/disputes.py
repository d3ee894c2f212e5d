"""Packs and answers, as ``tieout dispute export`` and ``import`` make and take them."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from breaks.disputes.answers import ImportedAnswers, import_answers
from breaks.disputes.model import AnswerKind
from breaks.disputes.store import get_dispute
from breaks.store import transaction
from ops.finance.disputes import disputed_provider
from ops.jobs.kinds.disputes import AnswersArguments, ExportArguments
from ops.jobs.providers import entry_of
from ops.jobs.tasks.uploaded import only_file, table_rules
from ops.jobs.work import JobRun
from reports.disputes.answer_file import AnswerFormat, read_answers
from reports.disputes.export import export_dispute
from storage.jobs.model import JobLink, JobResult
from vocabulary.plurals import counted

#: Findings that the result lists; it counts the rest.
FINDINGS_MAX = 200


def export_pack(run: JobRun) -> JobResult:
    """Write the pack of a dispute; if nothing changed since the last one, that one."""
    arguments = run.arguments
    assert isinstance(arguments, ExportArguments)
    with transaction(run.engine) as connection:
        slug = get_dispute(connection, arguments.dispute).provider
    disputed = disputed_provider(entry_of(run.settings, slug))
    pack = export_dispute(
        run.engine, arguments.dispute, disputed, by=run.by, now=run.clock.now()
    )
    run.write(pack.name, "application/zip", pack.content)
    verb = "written" if pack.is_new else "unchanged since it was written"
    return JobResult(
        summary=f"Pack {pack.export.number} of {slug} is {verb}. Send it; answers are due"
        f" {pack.export.due_at:%Y-%m-%d}.",
        links=(JobLink(path=f"/disputes/{arguments.dispute}", text="The dispute"),),
        details={"dispute": arguments.dispute, "pack": pack.export.number},
    )


def import_file(run: JobRun) -> JobResult:
    """Store the answers that hold; the other lines are findings."""
    arguments = run.arguments
    assert isinstance(arguments, AnswersArguments)
    entry, file = entry_of(run.settings, arguments.provider), only_file(run)
    rules = table_rules(arguments.decimal, arguments.thousands, arguments.encoding)
    form = AnswerFormat(
        columns=entry.disputes.columns,
        answers=entry.disputes.answers,
        exponents=entry.exponents,
        rules=rules,
    )
    with TemporaryDirectory(prefix="tieout-answers-") as folder:
        path = Path(folder) / file.name
        path.write_bytes(run.read(file))
        answers = read_answers(path, form)
    result = import_answers(
        run.engine, answers, provider=entry.slug, by=run.by, now=run.clock.now()
    )
    for finding in result.findings[:FINDINGS_MAX]:
        problem = finding.problem.replace("_", " ")
        run.progress(f"line {finding.file_line} {finding.name}: {problem}: {finding.detail}")
    return _imported(result)


def _imported(result: ImportedAnswers) -> JobResult:
    counts = Counter(result.stored.values())
    words = ", ".join(f"{counts[kind]} {kind.replace('_', ' ')}" for kind in AnswerKind)
    findings = len(result.findings)
    names = sorted({name.partition("/")[0] for name in result.stored})
    return JobResult(
        summary=f"{counted(len(result.stored), 'answer')} stored"
        f" ({words}), {result.repeated} known before,"
        f" {counted(result.unanswered, 'line')} without an answer,"
        f" {counted(findings, 'line')} not stored.",
        links=(
            *(JobLink(path=f"/disputes/{name}", text=f"Dispute {name[:12]}") for name in names),
            JobLink(path="/disputes", text="All disputes"),
        ),
        details={"stored": len(result.stored), "findings": findings},
    )
