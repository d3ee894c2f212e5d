"""A provider's answers: each line of its file is checked, then stored once.

An answer that is rejected sends its break back to open; any other leaves it waiting until the
history cures it. Tables written: ``dispute_answers``, ``break_workflows``, ``break_notes``,
``audit``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, text

from breaks.actions import Note, add_note
from breaks.disputes.model import AnswerKind, Dispute, DisputeAnswer, DisputeLine, LineState
from breaks.disputes.store import disputes_named, lock_breaks_of, lock_dispute
from breaks.states import BreakState
from breaks.store import lock_break, move_break, require_text, transaction
from storage.audit import record

_STORE = """
INSERT INTO dispute_answers (dispute_id, line, answer, reference, comment, file, file_sha256,
                             file_line, imported_by, imported_at)
VALUES (:dispute_id, :line, :answer, :reference, :comment, :file, :file_sha256, :file_line,
        :imported_by, :imported_at)
"""


class AnswerProblem(StrEnum):
    """What may be wrong with a line of an answer file; a closed set."""

    UNREADABLE = "unreadable"
    WRONG_PROVIDER = "wrong_provider"
    UNKNOWN_LINE = "unknown_line"
    NOT_EXPORTED = "not_exported"
    WRONG_AMOUNT = "wrong_amount"
    CONFLICTING = "conflicting"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFinding:
    """One line of an answer file that is not stored, and why.

    Attributes:
        file_line: the line or row of the file.
        name: the id of the dispute's line, as far as it could be read.
    """

    file_line: int
    problem: AnswerProblem
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One line of an answer file, readable.

    Attributes:
        name: the id of the dispute's line, such as ``dsp-…/3``.
        amount: the difference as the file repeats it, minor units.
    """

    file_line: int
    name: str
    round_id: str
    currency: str
    amount: int
    answer: AnswerKind
    reference: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """What could be read of an answer file.

    Attributes:
        unanswered: lines whose answer is empty.
        findings: lines that cannot be read.
    """

    name: str
    sha256: str
    rows: tuple[AnswerRow, ...]
    unanswered: int
    findings: tuple[AnswerFinding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAnswers:
    """What became of an answer file.

    Attributes:
        stored: the new answers, by the line of the dispute.
        repeated: lines whose answer is stored already, word for word.
        unanswered: lines without an answer.
        findings: lines that are not stored, in file order.
    """

    stored: Mapping[str, AnswerKind]
    repeated: int
    unanswered: int
    findings: tuple[AnswerFinding, ...]


def import_answers(
    engine: Engine,
    file: AnswerFile,
    *,
    provider: str,
    by: str,
    now: datetime,
    dry_run: bool = False,
) -> ImportedAnswers:
    """Store the answers of a file that hold; the other lines are findings.

    Args:
        engine: of the database.
        file: as it was read.
        provider: whose file it is.
        by: the person who imports it.
        now: the instant of the import.
        dry_run: check everything and store nothing.

    Raises:
        ActionRefused: nobody is named.
        Unavailable: the database is out of reach.
    """
    require_text(by=by)
    with transaction(engine) as connection:
        names = sorted({row.name.partition("/")[0] for row in file.rows})
        for name in names:
            lock_dispute(connection, name)
        # A run or a person may have taken a break from the dispute at this very moment.
        lock_breaks_of(connection, names)
        checked = check_answers(
            file, disputes_named(connection, names), provider=provider, by=by, now=now
        )
        if not dry_run:
            for line, answer in checked.new:
                _store(connection, line, answer, provider=provider, now=now)
            _audit(connection, file, checked, by=by)
    return ImportedAnswers(
        stored={line.name: answer.answer for line, answer in checked.new},
        repeated=checked.repeated,
        unanswered=file.unanswered,
        findings=checked.findings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAnswers:
    """The lines of a file, each in one place: new, repeated or a finding."""

    new: tuple[tuple[DisputeLine, DisputeAnswer], ...]
    repeated: int
    findings: tuple[AnswerFinding, ...]


def check_answers(
    file: AnswerFile,
    disputes: Mapping[str, Dispute],
    *,
    provider: str,
    by: str,
    now: datetime,
) -> CheckedAnswers:
    """Check each line of a file against the disputes that it names. Pure."""
    new: dict[str, tuple[DisputeLine, DisputeAnswer]] = {}
    repeated = 0
    findings = list(file.findings)
    lines = {line.name: line for dispute in disputes.values() for line in dispute.lines}
    for row in file.rows:
        line = lines.get(row.name)
        problem = _problem(row, line, disputes, provider)
        if problem is not None or line is None:
            findings.append(problem or _unknown(row))
            continue
        answer = _answer(row, file, by=by, now=now)
        earlier = new[row.name][1] if row.name in new else line.answer
        if earlier is None:
            new[row.name] = (line, answer)
        elif earlier.says_the_same(answer):
            repeated += 1
        else:
            findings.append(_conflict(row, earlier))
    findings.sort(key=lambda finding: finding.file_line)
    return CheckedAnswers(new=tuple(new.values()), repeated=repeated, findings=tuple(findings))


def _problem(
    row: AnswerRow, line: DisputeLine | None, disputes: Mapping[str, Dispute], provider: str
) -> AnswerFinding | None:
    """Why a line of a file cannot be an answer to the line that it names."""
    dispute = disputes.get(row.name.partition("/")[0])
    if dispute is not None and dispute.provider != provider:
        detail = f"it answers a dispute of another provider than {provider}"
        return _finding(row, AnswerProblem.WRONG_PROVIDER, detail)
    if dispute is None or line is None:
        return _unknown(row)
    if not dispute.exports:
        return _finding(row, AnswerProblem.NOT_EXPORTED, "its dispute was never exported")
    if row.round_id not in {line.round_id, line.alias}:
        detail = f"line {line.line} is about another round than {row.round_id}"
        return _finding(row, AnswerProblem.UNKNOWN_LINE, detail)
    if (row.amount, row.currency) != (line.difference, line.currency):
        detail = "its amount or currency is not that of the line we put before the provider"
        return _finding(row, AnswerProblem.WRONG_AMOUNT, detail)
    return None


def _unknown(row: AnswerRow) -> AnswerFinding:
    return _finding(row, AnswerProblem.UNKNOWN_LINE, "no dispute has such a line")


def _conflict(row: AnswerRow, earlier: DisputeAnswer) -> AnswerFinding:
    detail = (
        f"{earlier.file}, line {earlier.file_line}, answered it otherwise:"
        f" {earlier.answer.replace('_', ' ')} {earlier.reference}".rstrip()
    )
    return _finding(row, AnswerProblem.CONFLICTING, detail)


def _finding(row: AnswerRow, problem: AnswerProblem, detail: str) -> AnswerFinding:
    return AnswerFinding(file_line=row.file_line, problem=problem, name=row.name, detail=detail)


def _answer(row: AnswerRow, file: AnswerFile, *, by: str, now: datetime) -> DisputeAnswer:
    return DisputeAnswer(
        answer=row.answer,
        reference=row.reference,
        comment=row.comment,
        file=file.name,
        file_sha256=file.sha256,
        file_line=row.file_line,
        imported_by=by,
        imported_at=now,
    )


def _store(
    connection: Connection,
    line: DisputeLine,
    answer: DisputeAnswer,
    *,
    provider: str,
    now: datetime,
) -> None:
    """Store one answer and note it at the break; reject: a break that still waits is open."""
    by = answer.imported_by
    values = {
        name: getattr(answer, name)
        for name in ("answer", "reference", "comment", "file", "file_sha256", "file_line")
    }
    params = {"dispute_id": line.dispute_id, "line": line.line, **values}
    connection.execute(text(_STORE), {**params, "imported_by": by, "imported_at": now})
    words = _words(provider, line, answer)
    add_note(connection, line.break_id, Note(kind="comment", body=words), by=by, now=now)
    if answer.answer is AnswerKind.REJECTED and line.state is LineState.UNANSWERED:
        break_ = lock_break(connection, line.break_id)
        move_break(
            connection, break_, BreakState.OPEN, by=by, now=now, action="rejected", why=words
        )


def _words(provider: str, line: DisputeLine, answer: DisputeAnswer) -> str:
    """An answer as the comment of a break."""
    reference = f" (reference {answer.reference})" if answer.reference else ""
    reason = f": {answer.comment}" if answer.comment else ""
    verb = {
        AnswerKind.ACCEPTED: "accepted",
        AnswerKind.REJECTED: "rejected",
        AnswerKind.WILL_RESTATE: "will restate",
    }[answer.answer]
    return f"{provider} {verb} {line.name}{reference}{reason}"


def _audit(
    connection: Connection, file: AnswerFile, checked: CheckedAnswers, *, by: str
) -> None:
    """One row for every dispute that got answers; what was refused is counted in each."""
    by_dispute: dict[str, list[DisputeAnswer]] = {}
    for line, answer in checked.new:
        by_dispute.setdefault(line.dispute_id, []).append(answer)
    for name, answers in sorted(by_dispute.items()):
        detail = {
            "file": file.name,
            "sha256": file.sha256,
            "answers": _counts(answers),
            "findings": len(checked.findings),
        }
        record(connection, by, "dispute.answered", name, detail)


def _counts(answers: Iterable[DisputeAnswer]) -> dict[str, int]:
    counts = Counter(answer.answer for answer in answers)
    return {kind.value: counts[kind] for kind in AnswerKind if counts[kind]}
