"""Both sides of one provider and day, the pack about them, and its files read back."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl

from feeds.day_close import note_restatements
from feeds.records import store_records
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.grid import Grid
from reports.load import gather
from reports.report import Pack
from storage.engine import open_engine
from tests.harness.books.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)
STEM = "agg-20260301-20260302"
#: Longer than a spreadsheet's fifteen digits.
HUGE = 98_765_432_109_876_543
HOSTILE = "=cmd|' /c calc'!A1"
SCRIPT = "<script>alert(1)</script>"


def fill(database: str) -> None:
    """Write rounds that agree, rounds that do not, and hostile text."""
    books = TwoBooks()
    books.ours("r1", 1_000, 250, player=HOSTILE)
    books.ours("r2", 500, 0, player=HOSTILE)
    books.ours("r3", 700, 900, player=HOSTILE, currency="JPY")
    books.ours(SCRIPT, 300, 0, player=HOSTILE)
    books.theirs("r1", 1_000, 250, handle=HOSTILE)
    books.theirs("r2", 500, 125, handle=HOSTILE)
    books.theirs("r3", 700, 900, handle=HOSTILE, currency="JPY")
    books.theirs("huge", 0, HUGE, handle=HOSTILE)
    books.write(database)


def run(database: str, *, at: datetime = EVENING, **fields: Any) -> None:
    """Reconcile the day; ``fields`` are further fields of the request, such as ``close``."""
    request = RunRequest(provider="agg", window=DAY, maturity=timedelta(minutes=15), **fields)
    reconcile(database, request, clock=FrozenClock(at))


def restate(database: str, record_id: str, stake: int, payout: int, *, at: datetime) -> None:
    """Let the provider report a record of the day again, with other amounts."""
    record = HistoryRecord(
        record_id=record_id,
        round_id=record_id,
        handle=HOSTILE,
        currency="USD",
        stake=Money(stake, "USD"),
        payout=Money(payout, "USD"),
        rolled_back=False,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game="plinko",
        created_at=NOON,
        updated_at=at,
        raw=f"{record_id} {payout}".encode(),
    )
    engine = open_engine(database)
    with engine.begin() as connection:
        store_records(connection, "agg", [record], source="push", received_at=at)
        note_restatements(connection, "agg", first=NOON, last=NOON, now=at)
    engine.dispose()


def pack_of(database: str, *, at: datetime = EVENING, **options: Any) -> Pack:
    """Return the pack about the last run."""
    engine = open_engine(database)
    with engine.connect() as connection:
        pack = gather(connection, "agg", window=None, generated_at=at, exponents={}, **options)
    engine.dispose()
    return pack


#: A row that was read back: figures by heading.
Read = Mapping[str, str]


class Files:
    """The files of one pack, read back as finance reads them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.by_name = {path.name: path for path in paths}
        (self.page,) = [path for path in paths if path.suffix == ".html"]
        (book,) = [path for path in paths if path.suffix == ".xlsx"]
        self.book = openpyxl.load_workbook(book)
        self.stem = book.stem

    def table(self, slug: str) -> list[dict[str, str]]:
        """Return a CSV file as it is."""
        path = self.by_name[f"{self.stem}-{slug}.csv"]
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def sheet(self, name: str) -> list[dict[str, Any]]:
        """Return a sheet with one table, sums included."""
        heading, *rows = list(self.book[name].iter_rows(min_row=4, values_only=True))
        return [dict(zip(map(str, heading), row, strict=True)) for row in rows]

    def of_table(self, grid: Grid) -> list[Read]:
        """Return the rows of a grid's CSV file, under the grid's own headings."""
        rows = [list(row.values()) for row in self.table(grid.slug)]
        return [_read(grid, row) for row in rows]

    def of_sheet(self, grid: Grid) -> list[Read]:
        """Return the rows of a grid in the workbook, without the sums below."""
        lines = list(self.book[grid.sheet].iter_rows(values_only=True))
        begins = 3
        if grid.sheet == "Summary":
            begins = next(n for n, row in enumerate(lines) if row[0] == grid.name) + 2
        width = len(grid.columns)
        assert list(lines[begins][:width]) == [column.heading for column in grid.columns]
        rows = lines[begins + 1 : begins + 1 + len(self.table(grid.slug))]
        return [_read(grid, row[:width]) for row in rows]

    def of_page(self, grid: Grid) -> list[Read]:
        """Return the rows of a grid on the page."""
        reader = _PageReader(grid.slug)
        reader.feed(self.page.read_text(encoding="utf-8"))
        return [{name: plain(value) for name, value in row} for row in reader.rows]


def _read(grid: Grid, row: Sequence[object]) -> Read:
    return {c.heading: plain(value) for c, value in zip(grid.columns, row, strict=True)}


_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?Z?")


def plain(cell: object) -> str:
    """Return the exact value of a figure, however it is formatted."""
    words = "" if cell is None else str(cell).removeprefix("'").replace("_", " ")
    if instant := _INSTANT.fullmatch(words):
        return f"{instant[1]} {instant[2]}"
    try:
        return f"{Decimal(words.replace(',', '')).normalize():f}"
    except InvalidOperation:
        return words


class _PageReader(HTMLParser):
    """Reads the rows of the table in one section: (heading, text) of every figure."""

    def __init__(self, slug: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self._slug = slug
        self._inside = self._body = False
        self._figure: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "section":
            self._inside = attributes.get("id") == self._slug
        elif tag == "tbody":
            self._body = self._inside
        elif tag == "tr" and self._body:
            self.rows.append([])
        elif tag == "span" and self._body:
            self._figure = attributes["title"]
            self.rows[-1].append((self._figure or "", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._body = False
        elif tag == "span":
            self._figure = None

    def handle_data(self, data: str) -> None:
        if self._figure is not None:
            heading, text = self.rows[-1][-1]
            self.rows[-1][-1] = heading, text + data


def shown(grid: Grid, rows: Sequence[Read]) -> Iterator[Read]:
    """Yield the rows without the columns that the page leaves to workbook and CSV."""
    names = {column.heading for column in grid.columns if column.page}
    for row in rows:
        yield {name: value for name, value in row.items() if name in names}
