"""Key rows come out of the database as columns, and are the rows that are there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import psycopg
import pytest

from reconcile.matching.compare import Judging
from reconcile.partitions.plan import How
from reconcile.partitions.scan import Scope, look_at_all
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.snapshot import Sides, Snapshot, open_books
from tests.harness.books.two_sides import NOON, TwoBooks
from vocabulary.ids import match_key
from vocabulary.window import Window

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
def opened(database: str, told: TwoBooks) -> Iterator[Snapshot]:
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


def test_how_many_rows_to_expect_follows_the_planner(database: str) -> None:
    books = TwoBooks()
    for number in range(2_000):
        books.theirs(f"r{number}", 1, 0)
    books.write(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE feed_records")
    with open_books(database, books.provider, DAY, overdue=None) as opened_books:
        assert 1_000 < opened_books.expected() < 4_000


class Expecting(Snapshot):
    """Books of which more is expected than is there; notes what is tried in one part."""

    def __init__(self, books: Snapshot) -> None:
        super().__init__(books._readers, books._said, books._pool)
        self.tried: list[int] = []

    def expected(self) -> int:
        """More than there is."""
        return 1_000

    def keys_up_to(self, rows: int) -> Sides | None:
        """The rows of the window, if they are few."""
        self.tried.append(rows)
        return super().keys_up_to(rows)


def test_a_window_that_is_far_too_large_for_one_part_is_not_tried_as_one(
    database: str, told: TwoBooks
) -> None:
    scope = Scope(
        database_url=database,
        provider=told.provider,
        window=DAY,
        overdue=None,
        judging=Judging(now=NOON + timedelta(days=2), maturity=timedelta(0)),
    )
    with opened(database, told) as books:
        expecting = Expecting(books)
        for rows in (499, 500):
            look = look_at_all(How(rows_per_part=rows))
            found = look(expecting, scope, np.empty(0, np.int64))
            assert found.comparison.ours.source.rows == len(AMOUNTS)
    assert expecting.tried == [500]


def test_ranges_together_hold_each_row_once(database: str, told: TwoBooks) -> None:
    with opened(database, told) as books:
        parts = [rows(books.keys(within).theirs) for within in key_ranges(5)]
        assert [row for part in parts for row in part] == rows(books.keys().theirs)


def test_the_currency_of_a_row_is_never_cut_short(database: str, told: TwoBooks) -> None:
    told.theirs("strange", 1, 0, currency="NINECHARS")
    with pytest.raises(psycopg.errors.CheckViolation, match="feed_records_currency_fits"):
        told.write(database)


#: What is done to a round or record, and what its key row then says: stake, payout, odd.
CHANGES = {
    "UPDATE feed_records SET rolled_back = true": (0, 0, False),
    "UPDATE feed_records SET declared_net = 150": (100, 250, False),
    "UPDATE feed_records SET declared_net = 149": (100, 250, True),
    "UPDATE feed_records SET balance_before = 5, balance_after = 155": (100, 250, False),
    "UPDATE feed_records SET balance_before = 5, balance_after = 156": (100, 250, True),
    "UPDATE feed_records SET rolled_back = true, balance_before = 5, balance_after = 6": (
        0,
        0,
        False,
    ),
    "UPDATE feed_records SET continues = true": (100, 250, True),
    "UPDATE rounds SET declared_stake = 100, declared_payout = 250": (100, 250, False),
    "UPDATE rounds SET declared_stake = 101": (100, 250, True),
    "UPDATE rounds SET declared_payout = 251": (100, 250, True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_contradicts_itself_says_so(database: str, change: str) -> None:
    books = TwoBooks()
    books.both("r1", 100, 250)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute(change.encode())
    with open_books(database, books.provider, DAY, overdue=None) as opened_books:
        sides = opened_books.keys()
    side = sides.ours if "rounds" in change else sides.theirs
    assert (*side[["stake", "payout"]].iloc[0], side["odd"].iloc[0]) == CHANGES[change]


def test_a_round_that_is_overdue_at_the_time_of_asking_is_odd(database: str) -> None:
    books = TwoBooks()
    books.both("r1", 100, 250)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE rounds SET ended = false")
    for overdue, odd in ((None, False), (NOON, False), (NOON + timedelta(seconds=1), True)):
        with open_books(database, books.provider, DAY, overdue=overdue) as opened_books:
            assert opened_books.keys().ours["odd"].tolist() == [odd]


def test_a_mapped_handle_is_its_player_and_another_is_itself(database: str) -> None:
    books = TwoBooks()
    books.both("r1", 100, 250)
    books.theirs("r2", 100, 250, handle="known")
    books.theirs("r3", 100, 250, handle="unknown")
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO handles VALUES ('agg', 'known', 'alice')")
        connection.execute("INSERT INTO handles VALUES ('other', 'unknown', 'alice')")
    with open_books(database, books.provider, DAY, overdue=None) as opened_books:
        sides = opened_books.keys()
    alice = sides.ours["who"].tolist()
    by_key = dict(zip(sides.theirs["match_key"], sides.theirs["who"], strict=True))
    told_by = [by_key[match_key("agg", name)] for name in ("r1", "r2", "r3")]
    assert [who in alice for who in told_by] == [True, True, False]


def test_few_and_many_keys_are_looked_up_alike(
    database: str, told: TwoBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = np.sort([match_key("agg", name) for name in ("r1", "r3", "alone", "outside")])
    with opened(database, told) as books:
        few = (books.keys_among(keys), books.records(keys), books.straddling_among(keys))
        monkeypatch.setattr("reconcile.snapshot.snapshot._FEW", 0)
        many = (books.keys_among(keys), books.records(keys), books.straddling_among(keys))
    for one, other in zip(few[:2], many[:2], strict=True):
        pd.testing.assert_frame_equal(one.ours, other.ours)
        pd.testing.assert_frame_equal(one.theirs, other.theirs)
    assert len(few[1].theirs) == 4
    assert few[2].tolist() == many[2].tolist()
