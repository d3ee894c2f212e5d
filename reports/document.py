"""A document: what every file of a pack is written from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from reports.grid import Amount, Column, Grid, Instant, Value, plain, readable
from vocabulary.currencies import digits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of the page, drawn as SVG, with its title."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetChart:
    """A chart of the workbook, which draws it from the cells of a table.

    Attributes:
        kind: ``column`` or ``line``.
        slug: of the table.
        category, value: columns of the table, by heading.
        split: the columns whose values name the series, by heading; empty: all rows are one
            series.
        highest: where the axis of the values ends; None: it depends on them.
    """

    title: str
    kind: str
    slug: str
    category: str
    value: str
    split: tuple[str, ...] = ()
    highest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What all files of a pack show.

    Attributes:
        subtitle: the period, the run and the instant of the report, in one line.
        stem: the common start of the file names.
        about: what a reader has to know first, by label: for the head of the PDF.
        sentences: the result in words.
        warnings: what a person has to know before signing.
        figures: the most important figures, with their labels.
        grids: all tables, in reading order.
        exponents: overrides of digits after the decimal point.
        draw: draws the charts of the page.
        sheet_charts: the charts of the workbook.
        first_page, next_pages: the tables of the PDF, by slug.
    """

    title: str
    subtitle: str
    stem: str
    generated_at: datetime
    about: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    grids: tuple[Grid, ...]
    draw: Callable[[], tuple[Chart, ...]]
    sheet_charts: tuple[SheetChart, ...] = ()
    first_page: tuple[str, ...] = ()
    next_pages: tuple[str, ...] = ()
    exponents: Mapping[str, int] = field(default_factory=dict)

    def digits_of(self, value: Amount) -> int:
        """Digits after the decimal point of an amount."""
        if value.digits is not None:
            return value.digits
        return digits_of(value.currency, self.exponents)

    def text(self, column: Column, value: Value) -> str:
        """A value as people read it, on the page and in the PDF."""
        match plain(value):
            case Amount() as amount:
                sign = "+" if column.signed and amount.minor > 0 else ""
                return f"{sign}{self.exact(amount):,f}"
            case Instant() as instant:
                return instant.seconds()
            case date() as day:
                return day.isoformat()
            case str() as text:
                return readable(text) if column.is_code_name else text
            case int() as count:
                return f"{count:,}"

    def exact(self, value: Amount) -> Decimal:
        """A table's amount with all its digits."""
        return Decimal(value.minor).scaleb(-self.digits_of(value))
