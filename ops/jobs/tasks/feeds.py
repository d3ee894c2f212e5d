"""Previews and imports of uploaded statements, and pulls, as the command line makes them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from feeds.findings import NewFinding, severity_of
from feeds.statements.importer import QUARANTINED, UNCONFIRMED, ImportRequest
from feeds.statements.keep import keep_and_import
from feeds.statements.reading.reader import StatementReader
from feeds.statements.trial import TrialImport, try_import
from ops.jobs.kinds.feeds import ImportArguments, PreviewArguments, PullArguments
from ops.jobs.providers import entry_of
from ops.jobs.work import JobRun
from ops.providers.configured import configured_provider
from ops.providers.feed_pull import pull_feeds
from ops.providers.statement_guess import Suggestion, suggest
from ops.providers.statements import Preview, preview_file, reader_of
from ops.settings.model import ProviderSettings
from ops.settings.sections.feed import pulled_feeds
from storage.jobs.model import JobFile, JobLink, JobResult
from storage.jobs.queries import files_of
from storage.jobs.requests import drop_files
from storage.transactions import reading
from vocabulary.errors import Contradiction, Malformed, NotAllowed
from vocabulary.plurals import counted

#: Findings and unreadable lines that a result keeps.
SHOWN_MAX = 100
#: Longest value of a cell that a result keeps, in characters.
VALUE_CHARS_MAX = 120


def preview(run: JobRun) -> JobResult:
    """Read a file as an import would, and store nothing of it."""
    arguments = run.arguments
    assert isinstance(arguments, PreviewArguments)
    entry = entry_of(run.settings, arguments.provider)
    if len(run.files) != 1:
        raise Malformed("statement", "one file is expected")
    (file,) = run.files
    if not file.size:
        raise NotAllowed(f"{file.name} is empty: a statement has at least a header")
    with _on_disk(run, file) as path:
        reader = _reader(entry)
        run.progress(f"reading the beginning of {file.name}", 0)
        sample = preview_file(path, reader)
        is_complete = not sample.unreadable and not sample.missing
        better = (
            None if is_complete else suggest(path, reader, sample.readable, entry.statement)
        )
        run.progress(f"trying the import of {file.name}", 30)
        trial = try_import(run.engine, reader, _request(run, entry, path, restates=False))
        replacing = _as_replacement(run, entry, path, trial)
        rivals = [] if sample.readable else list(_readable_by(run, entry, path))
    details = {
        "provider": entry.slug,
        "file": file.name,
        "sha256": file.sha256,
        "size": file.size,
        "dialect": entry.dialect,
        "mapping": _mapping_json(sample),
        "suggestion": _suggestion_json(better),
        "rivals": rivals,
        **_trial_json(trial),
        "restates": replacing is not None,
        "importable": replacing is not None or trial.result.verdict != QUARANTINED,
        "replacing": None if replacing is None else _trial_json(replacing)["counts"],
    }
    return JobResult(summary=_preview_sentence(file, entry, trial, sample), details=details)


def import_previewed(run: JobRun) -> JobResult:
    """Import exactly the bytes that a preview showed."""
    arguments = run.arguments
    assert isinstance(arguments, ImportArguments)
    entry = entry_of(run.settings, arguments.provider)
    with reading(run.engine, "jobs") as connection:
        files = files_of(connection, arguments.preview)
    file = next(
        (candidate for candidate in files if candidate.sha256 == arguments.sha256), None
    )
    if file is None:
        raise NotAllowed("the previewed file was dropped or removed: upload it again")
    with _on_disk(run, file) as path:
        run.progress(f"importing {file.name}", 0)
        request = _request(run, entry, path, restates=arguments.restates)
        result = keep_and_import(run.engine, _reader(entry), request)
    # The archive has it now. Until the job is done the file stays, so that it can be repeated.
    drop = partial(drop_files, number=arguments.preview, by=run.by, now=run.clock.now())
    run.at_end.append(drop)
    day = f"/days/{entry.slug}/{result.day}" if result.day else "/days"
    outcome = f"{counted(result.count.stored, 'record is', 'records are')} new or changed"
    if result.refused:
        outcome += f", {counted(result.refused, 'line')} could not be read"
    if result.verdict == QUARANTINED:
        outcome = "nothing of it was imported, it is kept in quarantine"
    return JobResult(
        summary=f"{file.name}: {outcome}.",
        links=(
            JobLink(path=day, text=f"{entry.slug} {result.day}" if result.day else "Days"),
            JobLink(path=f"/files/{result.file_id}", text="The file"),
            JobLink(path=f"/feeds/{entry.slug}", text=f"Feeds of {entry.slug}"),
        ),
        details={
            "file_id": result.file_id,
            "verdict": result.verdict,
            "findings": _findings_json(result.findings),
            "refused": result.refused,
        },
    )


def pull(run: JobRun) -> JobResult:
    """Pull every feed of a provider from its watermark until now."""
    arguments = run.arguments
    assert isinstance(arguments, PullArguments)
    entry = entry_of(run.settings, arguments.provider)
    if entry.api is None or not pulled_feeds(entry.dialect):
        raise NotAllowed(f"{entry.slug} has no API that is pulled: see its settings")
    run.progress(f"pulling {entry.slug}", 0)
    pulls = pull_feeds(run.engine, entry, window=None, past_unreadable=False, clock=run.clock)
    for feed_pull in pulls:
        received = f"{feed_pull.received} received, {feed_pull.stored} new or changed"
        run.progress(f"{feed_pull.feed}: {feed_pull.error or received}")
    failed = [feed_pull.feed for feed_pull in pulls if feed_pull.error is not None]
    stored = sum(feed_pull.stored for feed_pull in pulls)
    summary = (
        f"{entry.slug}: "
        f"{counted(stored, 'record is new or changed', 'records are new or changed')}."
    )
    if failed:
        summary = f"{entry.slug}: {', '.join(failed)} could not be pulled."
    link = JobLink(path=f"/feeds/{entry.slug}", text=f"Feeds of {entry.slug}")
    return JobResult(summary=summary, links=(link,))


def _reader(entry: ProviderSettings) -> StatementReader:
    chosen = configured_provider(entry)
    if chosen.dialect.statement is None:
        raise NotAllowed(f"{entry.slug} pushes its history; it has no statements")
    return reader_of(chosen, entry.statement)


@contextmanager
def _on_disk(run: JobRun, file: JobFile) -> Iterator[Path]:
    """The file under its own name, which readers look at; checked against its digest."""
    content = run.read(file)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Contradiction(f"{file.name} is not what was uploaded")
    with TemporaryDirectory(prefix="tieout-statement-") as folder:
        path = Path(folder) / (file.name if file.name not in {".", ".."} else "statement")
        path.write_bytes(content)
        yield path


def _request(
    run: JobRun, entry: ProviderSettings, path: Path, *, restates: bool
) -> ImportRequest:
    return ImportRequest(
        path=path,
        zone=ZoneInfo(entry.timezone),
        now=run.clock.now(),
        expects_daily=entry.statement.daily,
        restates=restates,
    )


def _as_replacement(
    run: JobRun, entry: ProviderSettings, path: Path, trial: TrialImport
) -> TrialImport | None:
    """The trial of a file that is imported only if a person confirms what it replaces."""
    needs_person = any(finding.kind in UNCONFIRMED for finding in trial.result.findings)
    if trial.result.verdict != QUARANTINED or not needs_person:
        return None
    request = _request(run, entry, path, restates=True)
    replacing = try_import(run.engine, _reader(entry), request)
    return None if replacing.result.verdict == QUARANTINED else replacing


def _readable_by(run: JobRun, entry: ProviderSettings, path: Path) -> Iterator[str]:
    """Other providers whose settings read the beginning of the file."""
    for other in run.settings.providers:
        chosen = configured_provider(other)
        if other.slug == entry.slug or chosen.dialect.statement is None:
            continue
        sample = preview_file(path, reader_of(chosen, other.statement))
        if sample.readable and not sample.unreadable:
            yield other.slug


def _preview_sentence(
    file: JobFile, entry: ProviderSettings, trial: TrialImport, sample: Preview
) -> str:
    if trial.known is not None and not trial.new and not trial.changed:
        same_bytes = trial.known
        return (
            f"{file.name} is known: the same bytes are file {same_bytes.file_id},"
            f" {same_bytes.name}."
        )
    if not sample.readable:
        return f"{file.name} cannot be read as a statement of {entry.slug}."
    if trial.result.verdict == QUARANTINED:
        return f"{file.name} would not be imported as it is: see its findings."
    refused = trial.result.refused
    left = f"; {counted(refused, 'line')} cannot be read" if refused else ""
    return (
        f"{file.name} would bring {trial.new} new and"
        f" {counted(trial.changed, 'changed record')}; {trial.same} are known{left}."
    )


def _mapping_json(sample: Preview) -> dict[str, Any]:
    return {
        "columns": [
            {
                "column": _cut(column.name),
                "field": column.becomes,
                "values": column.values,
                "kinds": list(column.kinds),
                "first": [_cut(value) for value in column.first],
                "booked": [_cut(value) for value in column.booked],
            }
            for column in sample.columns
        ],
        "missing": list(sample.missing),
        "readable": sample.readable,
        "unreadable": [
            {"line": row.line, "reason": row.reason} for row in sample.unreadable[:SHOWN_MAX]
        ],
    }


def _suggestion_json(suggestion: Suggestion | None) -> dict[str, Any] | None:
    if suggestion is None:
        return None
    return {
        "settings": suggestion.block,
        "readable": suggestion.readable,
        "questions": list(suggestion.questions),
    }


def _trial_json(trial: TrialImport) -> dict[str, Any]:
    result, same_bytes = trial.result, trial.known
    return {
        "verdict": result.verdict,
        "day": None if result.day is None else str(result.day),
        "days": [[str(day), records] for day, records in trial.days],
        "counts": {
            "received": result.count.received,
            "new": trial.new,
            "changed": trial.changed,
            "same": trial.same,
            "refused": result.refused,
            "late": result.count.late,
            "restated": result.restatements,
        },
        "currencies": result.currencies,
        "findings": _findings_json(result.findings),
        "findings_count": len(result.findings),
        "known": same_bytes and {"file_id": same_bytes.file_id, "name": same_bytes.name},
    }


def _findings_json(findings: tuple[NewFinding, ...]) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(finding.kind),
            "severity": str(severity_of(finding.kind)),
            "line": finding.line,
            "record_id": finding.record_id,
            "detail": finding.detail,
        }
        for finding in findings[:SHOWN_MAX]
    ]


def _cut(value: str) -> str:
    """A value of a cell, without NUL, which JSON of PostgreSQL cannot hold."""
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:VALUE_CHARS_MAX]
