"""A statement file as a table of cells, whatever its format: the values between the readers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from feeds.findings import FindingKind
from feeds.statements.cells import Cell


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        line: the 1-based line of a text file, row of a sheet, record of a Parquet file.
        cells: in the order of ``names``, or of the header where that is None.
        raw: the line as received, or the row in JSON where a file has no lines.
        names: the names of the cells, where every row has its own.
    """

    line: int
    cells: tuple[Cell, ...]
    raw: bytes = field(repr=False)
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row, or a file from this row on, that cannot be read.

    Attributes:
        reason: what was expected; never the content.
    """

    line: int
    reason: str
    kind: FindingKind = FindingKind.UNPARSABLE_RECORD


@dataclass(frozen=True, slots=True)
class Table:
    """A file that has rows.

    Attributes:
        header: the names of the columns; None where every row has its own.
        rows: to be read once, while the file is open.
    """

    header: tuple[str, ...] | None
    rows: Iterator[TableRow | UnreadableRow]
