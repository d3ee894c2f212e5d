"""The header of a table: which row it is, what is wrong with it, and rows that are none."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import CellKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.table import Rows, Table, TableRow, UnreadableRow
from providers.statements.format import TableFormat

#: Rows among which the header is looked for.
HEADER_ROWS_MAX = 50


def with_header(
    rows: Rows, rules: FileRules, needed: Collection[str], *, container: str = "file"
) -> Table | UnreadableRow:
    """A table with the header among the first rows.

    The declared row is the header, or the first one with all needed columns; without such a
    row the first. Rows above it are titles and the like, unless they have as many values as a
    record: two thirds of the needed columns.
    """
    if rules.header_row is not None:
        return _declared_header(rows, rules.header_row, container)
    first = list(islice(rows, HEADER_ROWS_MAX))
    if not first:
        return _empty(container)
    readable = (row for row in first if isinstance(row, TableRow))
    complete = (row for row in readable if set(needed) <= set(_names(row)))
    # A row whose text cannot be read may be the header, but not the last one, which is cut.
    unreadable = (
        row
        for row in first
        if isinstance(row, UnreadableRow) and row.kind is not FindingKind.TRUNCATED_FILE
    )
    header = next(complete, None) or next(unreadable, first[0])
    if isinstance(header, UnreadableRow):
        return header
    place = next(number for number, row in enumerate(first) if row is header)
    above = _above(first[:place], header, len(needed))
    return Table(_names(header), chain(above, first[place + 1 :], rows), header.line)


def header_problem(
    table: Table, columns: Mapping[str, tuple[str, ...]], shape: TableFormat
) -> UnreadableRow | None:
    """What is wrong with the header: a needed column missing, or a column twice."""
    if table.header is None:
        return None
    missing = [name for name in needed_columns(columns, shape) if name not in table.header]
    if missing:
        reason = f"header: these columns are missing: {', '.join(missing)}"
        reason += f"; {table.hint}" if table.hint else ""
        return UnreadableRow(table.header_line, reason, FindingKind.WRONG_COLUMNS)
    if any(table.header.count(column) > 1 for names in columns.values() for column in names):
        reason = "header: each column once is expected"
        return UnreadableRow(table.header_line, reason, FindingKind.WRONG_COLUMNS)
    return None


def needed_columns(columns: Mapping[str, tuple[str, ...]], shape: TableFormat) -> list[str]:
    """The names of the columns that no file may leave out."""
    return [
        column
        for ours, names in columns.items()
        if ours not in shape.optional
        for column in names
    ]


def cut_row(line: int) -> UnreadableRow:
    """The finding about a last line that does not end."""
    reason = "the last line has no line break, so the file may be cut (setting final_newline)"
    return UnreadableRow(line, reason, FindingKind.TRUNCATED_FILE)


def _declared_header(rows: Rows, line: int, container: str) -> Table | UnreadableRow:
    is_empty = True
    for row in rows:
        is_empty = False
        if row.line == line:
            return Table(_names(row), rows, line) if isinstance(row, TableRow) else row
        if row.line > line:
            break
    if is_empty:
        return _empty(container)
    reason = f"a header is expected in row {line}, as declared (setting header_row)"
    return UnreadableRow(line, reason, FindingKind.WRONG_COLUMNS)


def _empty(container: str) -> UnreadableRow:
    reason = f"a header is expected, the {container} is empty"
    return UnreadableRow(1, reason, FindingKind.EMPTY_FILE)


def _above(
    rows: list[TableRow | UnreadableRow], header: TableRow, needed: int
) -> Iterator[UnreadableRow]:
    """The rows above the header that may be records."""
    for row in rows:
        if isinstance(row, UnreadableRow):
            yield row
        elif 3 * sum(cell.kind is not CellKind.EMPTY for cell in row.cells) >= 2 * needed:
            reason = (
                f"line: it is above the header in row {header.line} and has as many values as a"
                f" record; if it is none, set header_row = {header.line}"
            )
            yield UnreadableRow(row.line, reason)


def _names(row: TableRow) -> tuple[str, ...]:
    return tuple(cell.text.strip() for cell in row.cells)
