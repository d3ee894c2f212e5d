"""Test data for reports: one provider and day, its pack, and readers of the pack's files."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl

from feeds.day_close import record_restatements
from feeds.records import store_records
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.files.workbook import paper_first
from reports.grid import STATEMENT, SUMMARY, Grid
from reports.load import load_pack
from reports.pack import Pack
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)
STEM = "agg-2026-03-01"
#: More digits than a spreadsheet stores exactly.
HUGE = 98_765_432_109_876_543
HOSTILE = "=cmd|' /c calc'!A1"
SCRIPT = "<script>alert(1)</script>"


def fill(database: str) -> None:
    """Write rounds that agree, rounds that differ, and hostile text."""
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
    """Store a changed version of a record of the day, as the provider would report it."""
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
        record_restatements(connection, "agg", [NOON], now=at)
    engine.dispose()


def pack_of(
    database: str, *, at: datetime = EVENING, provider: str = "agg", **options: Any
) -> Pack:
    """Load the pack of the last run."""
    engine = open_engine(database)
    with engine.connect() as connection:
        pack = load_pack(
            connection, provider, window=None, generated_at=at, exponents={}, **options
        )
    engine.dispose()
    return pack


#: A row of a file: normalised figures by heading.
FileRow = Mapping[str, str]


class Files:
    """The files of one pack, parsed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.by_name = {path.name: path for path in paths}
        (self.page,) = [path for path in paths if path.suffix == ".html"]
        (book,) = [path for path in paths if path.suffix == ".xlsx"]
        self.book = openpyxl.load_workbook(book)
        self.stem = book.stem

    def table(self, slug: str) -> list[dict[str, str]]:
        """The rows of a CSV file."""
        path = self.by_name[f"{self.stem}-{slug}.csv"]
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    def sheet(self, name: str) -> list[dict[str, Any]]:
        """The rows of a sheet with one table, sums included."""
        heading, *rows = list(self.book[name].iter_rows(min_row=4, values_only=True))
        return [dict(zip(map(str, heading), row, strict=True)) for row in rows]

    def csv_rows(self, grid: Grid) -> list[FileRow]:
        """The CSV rows of a grid, by the grid's headings."""
        rows = [list(row.values()) for row in self.table(grid.slug)]
        return [_read(grid, row) for row in rows]

    def sheet_rows(self, grid: Grid) -> list[FileRow]:
        """The workbook rows of a grid, without the sums."""
        lines = list(self.book[grid.sheet].iter_rows(values_only=True))
        first = 3
        if grid.sheet in {STATEMENT, SUMMARY}:
            first = next(n for n, row in enumerate(lines) if row[0] == grid.name) + 2
        width = len(grid.columns)
        columns = [grid.columns[number] for number in paper_first(grid)]
        assert list(lines[first][:width]) == [column.heading for column in columns]
        rows = lines[first + 1 : first + 1 + len(self.table(grid.slug))]
        return [
            {
                c.heading: normalised(value)
                for c, value in zip(columns, row[:width], strict=True)
            }
            for row in rows
        ]

    def page_rows(self, grid: Grid) -> list[FileRow]:
        """The page's rows of a grid."""
        reader = _PageReader(grid.slug)
        reader.feed(self.page.read_text(encoding="utf-8"))
        return [{name: normalised(value) for name, value in row} for row in reader.rows]


def _read(grid: Grid, row: Sequence[object]) -> FileRow:
    return {c.heading: normalised(value) for c, value in zip(grid.columns, row, strict=True)}


_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?Z?")


def normalised(cell: object) -> str:
    """A cell's exact value, independent of digits, signs and separators."""
    text = "" if cell is None else str(cell).removeprefix("'").replace("_", " ")
    if instant := _INSTANT.fullmatch(text):
        # A date cell has a time too: midnight.
        return f"{instant[1]} {instant[2]}".removesuffix(" 00:00:00")
    try:
        return f"{Decimal(text.replace(',', '')).normalize():f}"
    except InvalidOperation:
        return text


class _PageReader(HTMLParser):
    """Parses the table of one section: rows of (heading, text)."""

    def __init__(self, slug: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self._slug = slug
        self._in_section = self._in_body = False
        self._heading: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "section":
            self._in_section = attributes.get("id") == self._slug
        elif tag == "tbody":
            self._in_body = self._in_section
        elif tag == "tr" and self._in_body:
            self.rows.append([])
        elif tag == "span" and self._in_body:
            self._heading = attributes["title"]
            self.rows[-1].append((self._heading or "", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._in_body = False
        elif tag == "span":
            self._heading = None

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            heading, text = self.rows[-1][-1]
            self.rows[-1][-1] = heading, text + data


def on_page(grid: Grid, rows: Sequence[FileRow]) -> Iterator[FileRow]:
    """The rows without the columns that the page does not show."""
    names = {column.heading for column in grid.columns if column.on_page}
    for row in rows:
        yield {name: value for name, value in row.items() if name in names}
