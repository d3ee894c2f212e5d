"""The lines of a statement file as they would be stored, whichever way they were read."""

import io
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from feeds.staged_rows import StagedRows, staged_row
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from vocabulary.facts import HistoryRecord

#: The places of the instants of a row, which may be written in several ways.
_INSTANTS = (12, 13)

Line = HistoryRecord | StagedRows | UnreadableRow
Stored = tuple[Counter[tuple[object, ...]], list[UnreadableRow]]


def stored_lines(lines: Iterable[Line], provider: str = "book") -> Stored:
    """The rows of the records, in any order, and the problems in theirs."""
    rows: Counter[tuple[object, ...]] = Counter()
    problems: list[UnreadableRow] = []
    for line in lines:
        if isinstance(line, UnreadableRow):
            problems.append(line)
        elif isinstance(line, StagedRows):
            written = line.text.removesuffix("\n").split("\n")
            assert len(written) == line.count
            rows.update(map(_row, written))
        else:
            rows[_row(staged_row(provider, line).removesuffix("\n"))] += 1
    return rows, problems


def read_both_ways(reader: StatementReader, data: bytes, name: str) -> tuple[Stored, Stored]:
    """What reading row by row gives, and what reading for the database gives."""
    slug = reader.provider.slug
    singly = stored_lines(reader.read(io.BytesIO(data), name), slug)
    return singly, stored_lines(reader.read(io.BytesIO(data), name, for_stage=True), slug)


def plain_count(reader: StatementReader, data: bytes, name: str) -> int:
    """The number of lines that are read column by column."""
    lines = reader.read(io.BytesIO(data), name, for_stage=True)
    return sum(line.count for line in lines if isinstance(line, StagedRows))


def _row(text: str) -> tuple[object, ...]:
    values: list[object] = list(text.split("\t"))
    for place in _INSTANTS:
        values[place] = datetime.fromisoformat(str(values[place]))
    return tuple(values)
