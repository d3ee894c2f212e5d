"""Tables of a pack: built once, then written by every file format."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from breaks.kinds import Impact

#: Sheets that hold several tables: what is signed, and the figures behind it.
STATEMENT, SUMMARY = "Statement", "Summary"
#: Who has to pay whom, in words, by impact.
WHO_OWES = {
    str(Impact.PLAYER_OWED): "we owe the player",
    str(Impact.OPERATOR_OWED): "the player owes us",
    str(Impact.NONE): "no money",
}
#: Of a break that owes no player anything, but changes what the provider counts.
ONLY_INVOICE = "only the invoice differs"


def who_owes(impact: str, invoice: int) -> str:
    """Who has to pay whom because of a break, or that only the provider's invoice differs."""
    if impact == Impact.NONE and invoice != 0:
        return ONLY_INVOICE
    return WHO_OWES[impact]


@dataclass(frozen=True, slots=True)
class Amount:
    """Minor units of a currency; ``digits`` if they differ from the provider's."""

    minor: int
    currency: str
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time; every file shows it in UTC."""

    at: datetime

    def seconds(self) -> str:
        """The instant to the second, for people."""
        return f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


#: A value that stands alone: text, a count, an amount, an instant, or a business day.
Plain = str | int | Amount | Instant | date


@dataclass(frozen=True, slots=True)
class Linked:
    """A figure that leads to the rows behind it; ``to`` identifies the first, as an anchor."""

    value: Plain
    to: str


Value = Plain | Linked
GridRow = Sequence[Value]


def plain(value: Value) -> Plain:
    """A value without its link."""
    return value.value if isinstance(value, Linked) else value


def linked(value: Plain, to: str) -> Value:
    """A value with a link, if there is something to link to."""
    return Linked(value, to) if to else value


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        width: of the workbook's column, in characters.
        name: the CSV heading; empty: ``heading`` is.
        number: right-aligned.
        signed: positive amounts have a plus sign.
        owed: the sign says who owes whom; the files colour it.
        stacked: the page shows the value below that of the column before it.
        on_page: whether the page shows it; workbook and CSV show every column.
        on_paper: whether the PDF and a printed sheet show it; such columns come first.
        is_id: an id: never cut, wrapped at any character.
        overflow: long text runs over the empty cells beside it.
        links: holds the id of a break; the page links it to the break's row.
        is_code_name: holds a name of the code; the page shows it with spaces.
    """

    heading: str
    width: int
    name: str = ""
    number: bool = False
    signed: bool = False
    owed: bool = False
    stacked: bool = False
    on_page: bool = True
    on_paper: bool = True
    is_id: bool = False
    overflow: bool = False
    links: bool = False
    is_code_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table.

    Attributes:
        name: its title.
        slug: names its CSV file and its section of the page.
        sheet: the workbook's sheet that holds it.
        note: what the figures mean, in a sentence or two.
        empty: the text shown instead of rows if there are none.
        foot: sums of the rows, for people: the CSV leaves them out.
        anchor: the column whose value identifies a row for links; None: none.
    """

    name: str
    slug: str
    sheet: str
    note: str
    empty: str
    columns: Sequence[Column]
    rows: Sequence[GridRow]
    foot: Sequence[GridRow] = ()
    anchor: int | None = None


def amount_columns(
    headings: Sequence[str], width: int = 16, *, signed: bool = False
) -> list[Column]:
    """One column of amounts per heading."""
    return [Column(heading, width, number=True, signed=signed) for heading in headings]


def owed_column(heading: str, **options: Any) -> Column:
    """A column of amounts owed: positive where we owe the player."""
    return Column(heading, 16, number=True, signed=True, owed=True, **options)


def readable(name: str) -> str:
    """A name of the code with spaces instead of underscores."""
    return name.replace("_", " ")
