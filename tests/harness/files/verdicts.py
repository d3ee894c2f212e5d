"""Reads a file of the corpus as an import does, and compares that with the truth."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from feeds.statements.reading.read_file import read_file, read_for_stage
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from ops.providers.configured import configured_provider
from ops.providers.statements import reader_of
from ops.settings.loader import load
from tests.harness.files.corpus import StatementFile
from tests.harness.files.lines import RESULT, ROLLBACK, Line
from tests.harness.files.settings_text import settings_text
from tests.harness.staged_lines import Line as ReadLine
from tests.harness.staged_lines import stored_lines
from vocabulary.facts import HistoryRecord


class Outcome(StrEnum):
    """What became of a file."""

    READ = "read as the truth"
    REFUSED = "finding names the cause"
    WRONG = "differs"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one file, and why it is wrong if it is."""

    outcome: Outcome
    difference: str = ""


#: A record as it is stored: id, round, player, currency, stake, payout, undone, instant.
Stored = tuple[str, str, str, str, int, int, bool, str]
#: A finding: its kind and its text.
Finding = tuple[str, str]


def reader_for(file: StatementFile) -> StatementReader:
    """The reader that the settings of the file declare, through the parser of settings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tieout.toml")
        path.write_text(settings_text(file.settings), encoding="utf-8")
        entry = load(path, {}).providers[0]
    return reader_of(configured_provider(entry), entry.statement)


def verdict_on(file: StatementFile, *, apart: bool = False) -> Verdict:
    """Read one file line by line and column by column, and compare.

    Args:
        file: of the corpus.
        apart: read packed files in a child process, as an import does; else all here.
    """
    try:
        reader = reader_for(file)
        items, for_stage = _read(reader, file, apart=apart)
    except Exception as error:  # noqa: BLE001 - any error is the failure that is looked for
        return Verdict(Outcome.WRONG, f"{type(error).__name__}: {error}")
    slug = reader.provider.slug
    if stored_lines(items, slug) != stored_lines(for_stage, slug):
        return Verdict(Outcome.WRONG, "column by column it is another file")
    records = [_as_stored(item) for item in items if isinstance(item, HistoryRecord)]
    findings = [(str(x.kind), x.reason) for x in items if isinstance(x, UnreadableRow)]
    if file.needs_store:
        # Reading keeps both lines; the import has the finding.
        return compared(
            file, records, [*findings, ("duplicated_key", "this id in several lines")]
        )
    return compared(file, records, findings)


def _read(
    reader: StatementReader, file: StatementFile, *, apart: bool
) -> tuple[list[HistoryRecord | UnreadableRow], list[ReadLine]]:
    """The lines of a file, and the same as an import reads them for the database."""
    with tempfile.TemporaryFile() as stream:
        stream.write(file.data)
        stream.seek(0)
        if apart:
            items = list(read_file(reader, stream, file.name))
            return items, list(read_for_stage(reader, stream, file.name))
        singly = list(reader.read(stream, file.name))
        stream.seek(0)
        return singly, list(reader.read(stream, file.name, for_stage=True))


def compared(
    file: StatementFile, records: Sequence[Stored], findings: Sequence[Finding]
) -> Verdict:
    """Whether these records and findings are what the file must give."""
    expected = [stored(line) for line in file.lines]
    is_whole = list(records) == expected
    if not file.causes or (file.may_pass and not findings):
        if findings:
            return Verdict(Outcome.WRONG, f"refused: {findings[0][1]}")
        if not is_whole:
            return Verdict(Outcome.WRONG, _difference(records, expected))
        return Verdict(Outcome.READ)
    if not any(names_cause(file, finding) for finding in findings):
        text = f"says {findings[0]}" if findings else "says nothing"
        return Verdict(Outcome.WRONG, f"{text}, not {file.causes[0].pattern!r}")
    if file.is_exact and not is_whole:
        return Verdict(Outcome.WRONG, _difference(records, expected))
    if extra := Counter(records) - Counter(expected):
        return Verdict(Outcome.WRONG, f"{next(iter(extra))} is not in the file")
    return Verdict(Outcome.REFUSED)


def names_cause(file: StatementFile, finding: Finding) -> bool:
    """Whether a finding names the planted damage."""
    kind, text = finding
    return any(
        kind in cause.kinds and re.search(cause.pattern, text, re.DOTALL)
        for cause in file.causes
    )


def _difference(records: Sequence[Stored], expected: Iterable[Stored]) -> str:
    for place, (record, line) in enumerate(zip(records, expected, strict=False)):
        if record != line:
            return f"record {place}: {record}, not {line}"
    return f"{len(records)} records"


def stored(line: Line) -> Stored:
    """A line of the truth as it must be stored."""
    is_win, is_undone = line.action == RESULT, line.action == ROLLBACK
    return (
        line.id,
        line.reference if is_undone else line.id,
        line.player,
        line.currency,
        0 if is_win else line.minor,
        line.minor if is_win else 0,
        is_undone,
        line.instant.isoformat(),
    )


def _as_stored(record: HistoryRecord) -> Stored:
    return (
        record.record_id,
        record.round_id,
        record.handle,
        record.currency,
        record.stake.minor,
        record.payout.minor,
        record.rolled_back,
        record.created_at.isoformat(),
    )
