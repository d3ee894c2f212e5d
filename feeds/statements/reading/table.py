"""A statement file of any format as a table of cells."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import EMPTY, Cell

_set = object.__setattr__


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        line: the 1-based line of a text file, row of a sheet, record of a Parquet file.
        cells: in the order of ``names``, or of the header if that is None.
        raw: the line as received, or the row in JSON if the file has no lines.
        names: the names of the cells, if every row has its own.
    """

    line: int
    cells: tuple[Cell, ...]
    raw: bytes = field(repr=False)
    names: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """The number of cells."""
        return len(self.cells)

    @property
    def size(self) -> int:
        """About the number of its characters."""
        return len(self.raw)

    @property
    def first_text(self) -> str | None:
        """The text of the first cell; None: there is no cell."""
        return self.cells[0].text if self.cells else None


class TextRow(TableRow):
    """A row of a text file, whose cells are made only if they are needed; most are not.

    Attributes:
        texts: the texts of the cells.
        text: the line or lines as received, with the line break.
    """

    __slots__ = ("text", "texts")
    text: str
    texts: list[str]

    def __init__(self, line: int, texts: list[str], text: str) -> None:
        _set(self, "line", line)
        _set(self, "texts", texts)
        _set(self, "text", text)

    def __reduce__(self) -> tuple[object, ...]:
        return TextRow, (self.line, self.texts, self.text)

    @property
    def names(self) -> None:
        """The header has them."""
        return None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in the order of the header."""
        return tuple(Cell(text) if text else EMPTY for text in self.texts)

    @property
    def raw(self) -> bytes:
        """The line as received."""
        return self.text.rstrip("\r\n").encode()

    @property
    def width(self) -> int:
        """The number of cells."""
        return len(self.texts)

    @property
    def size(self) -> int:
        """About the number of its characters."""
        return len(self.text)

    @property
    def first_text(self) -> str | None:
        """The text of the first cell; None: there is no cell."""
        return self.texts[0] if self.texts else None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that cannot be read, or the rest of a file from this row on.

    Attributes:
        reason: what is expected, and of one cell the beginning of what is there.
    """

    line: int
    reason: str
    kind: FindingKind = FindingKind.UNPARSABLE_RECORD


#: Rows in file order; they can be read once, while the file is open.
Rows = Iterator[TableRow | UnreadableRow]


@dataclass(frozen=True, slots=True)
class Table:
    """A file with rows.

    Attributes:
        header: the names of the columns; None if every row has its own.
        rows: can be read once, while the file is open.
        header_line: the line or row of the header.
        hint: what the file looks like and which setting reads it, if a column is missing.
        has_places: cells have addresses, so that no missing delimiter can shift them.
    """

    header: tuple[str, ...] | None
    rows: Rows
    header_line: int = 1
    hint: str = ""
    has_places: bool = False

    def has(self, names: Collection[str]) -> bool:
        """Whether the header has all of these columns."""
        return self.header is None or set(names) <= set(self.header)
