"""Key rows come out of the database as columns, and are the rows that are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from reconcile.load import Books, open_books
from reconcile.ranges import key_ranges
from reconcile.window import Window
from tests.harness.two_books import NOON, TwoBooks
from vocabulary.ids import match_key

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
#: Amounts at the edges of what a column holds, and some that are told often.
AMOUNTS = [(0, 0), (1, -1), (2**63 - 1, 0), (0, -(2**63)), (255, 256), (100, 250)]
CURRENCIES = ["USD", "JPY", "USDT"]


@pytest.fixture
def told(database: str) -> TwoBooks:
    """Rounds of three currencies on our side, the same and one more on theirs."""
    books = TwoBooks()
    for number, (stake, payout) in enumerate(AMOUNTS):
        currency = CURRENCIES[number % 3]
        books.ours(f"r{number}", stake, payout, currency=currency)
        books.theirs(f"r{number}", stake, payout, currency=currency)
    books.theirs("alone", 7, 0)
    books.theirs("outside", 7, 0, at=NOON + timedelta(days=1))
    return books


@contextmanager
def opened(database: str, told: TwoBooks) -> Iterator[Books]:
    told.write(database)
    with open_books(database, told.provider, DAY, overdue=None) as books:
        yield books


def rows(frame: pd.DataFrame) -> list[tuple[int, int, int, str]]:
    columns = (frame[name].tolist() for name in ("match_key", "stake", "payout", "currency"))
    return list(zip(*columns, strict=True))


def expected() -> list[tuple[int, int, int, str]]:
    return sorted(
        (match_key("agg", f"r{number}"), stake, payout, CURRENCIES[number % 3])
        for number, (stake, payout) in enumerate(AMOUNTS)
    )


def test_every_row_of_the_window_comes_exactly_as_it_stands(
    database: str, told: TwoBooks
) -> None:
    with opened(database, told) as books:
        sides = books.keys()
    assert rows(sides.ours) == expected()
    assert rows(sides.theirs) == sorted([*expected(), (match_key("agg", "alone"), 7, 0, "USD")])
    assert sides.ours["who"].nunique() == 1


def test_a_side_without_a_row_is_empty_and_no_error(database: str) -> None:
    only_theirs = TwoBooks()
    only_theirs.theirs("alone", 7, 0)
    with opened(database, only_theirs) as books:
        sides = books.keys()
    assert (len(sides.ours), len(sides.theirs)) == (0, 1)


def test_as_many_rows_as_are_asked_for_are_read_at_once_and_not_one_more(
    database: str, told: TwoBooks
) -> None:
    with opened(database, told) as books:
        whole = books.keys_up_to(len(AMOUNTS) + 1)
        assert whole is not None
        assert rows(whole.theirs) == rows(books.keys().theirs)
        assert books.keys_up_to(len(AMOUNTS)) is None


def test_ranges_together_hold_each_row_once(database: str, told: TwoBooks) -> None:
    with opened(database, told) as books:
        parts = [rows(books.keys(within).theirs) for within in key_ranges(5)]
        assert [row for part in parts for row in part] == rows(books.keys().theirs)
