"""Tables that every file of a pack shows alike: made once, written by each in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from breaks.kinds import Impact

#: Who has to pay whom, in words, by impact.
WHO_OWES = {
    str(Impact.PLAYER_OWED): "we owe the player",
    str(Impact.OPERATOR_OWED): "the player owes us",
    str(Impact.NONE): "no money",
}


@dataclass(frozen=True, slots=True)
class Amount:
    """Minor units of a currency; ``digits`` where they are not those of the provider."""

    minor: int
    currency: str
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time; every file shows it in UTC."""

    at: datetime

    def seconds(self) -> str:
        """As a person reads it."""
        return f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


#: A value: text, a count, an amount, or an instant.
Value = str | int | Amount | Instant
GridRow = Sequence[Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        width: in characters, of the workbook's column.
        name: heads it in the CSV; empty: the heading does.
        number: aligned to the right.
        signed: a plus is written where an amount is more than nothing.
        owed: the sign says who owes whom, and colours say so too.
        under: on the page it stands below the column before it.
        page: whether the page shows it; workbook and CSV show all.
        code: an id: never cut, broken where it has to be.
        flow: longer text runs on over the empty cells beside it.
        links: holds the id of a break, which the page links to its row.
        named: holds a name of the code, which the page writes with spaces.
    """

    heading: str
    width: int
    name: str = ""
    number: bool = False
    signed: bool = False
    owed: bool = False
    under: bool = False
    page: bool = True
    code: bool = False
    flow: bool = False
    links: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table.

    Attributes:
        name: heads it; ``slug`` names its file and its place on the page.
        sheet: the sheet of the workbook it is on.
        note: what the figures mean, in a sentence or two.
        empty: said where there are no rows.
        foot: sums of the rows, for readers: a CSV leaves them out.
        anchor: the column whose value names a row, so that others link to it; None: none.
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
    """Columns of amounts side by side."""
    return [Column(each, width, number=True, signed=signed) for each in headings]


def owed_column(heading: str, **more: Any) -> Column:
    """A column of amounts that somebody owes: plus where we do."""
    return Column(heading, 16, number=True, signed=True, owed=True, **more)


def readable(name: str) -> str:
    """A name of the code as a reader says it."""
    return name.replace("_", " ")
