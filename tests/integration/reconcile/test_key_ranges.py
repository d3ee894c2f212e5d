"""Key rows are read from the database exactly as they are stored."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import psycopg
import pytest

from reconcile.partitions.options import RunOptions
from reconcile.partitions.scan import scan_window
from reconcile.snapshot.frames import Keys, Sides
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.snapshot import Snapshot
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.ids import match_key
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
#: Amounts at the limits of what a column holds, and some common ones.
AMOUNTS = [(0, 0), (1, -1), (2**63 - 1, 0), (0, -(2**63)), (255, 256), (100, 250)]
CURRENCIES = ["USD", "JPY", "USDT"]


@pytest.fixture
def books(database: str) -> TwoBooks:
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
def written(database: str, books: TwoBooks) -> Iterator[Snapshot]:
    """Write the books and open a snapshot of them."""
    books.write(database)
    with opened(database) as snapshot:
        yield snapshot


def opened(
    database: str, overdue_before: datetime | None = None
) -> AbstractContextManager[Snapshot]:
    context = MatchContext(
        now=NOON + timedelta(days=2), maturity=timedelta(0), overdue_before=overdue_before
    )
    return open_snapshot(database, "agg", DAY, context)


def rows(frame: pd.DataFrame) -> list[tuple[int, int, int, str]]:
    columns = (frame[name].tolist() for name in ("match_key", "stake", "payout", "currency"))
    return list(zip(*columns, strict=True))


def expected() -> list[tuple[int, int, int, str]]:
    return sorted(
        (match_key("agg", f"r{number}"), stake, payout, CURRENCIES[number % 3])
        for number, (stake, payout) in enumerate(AMOUNTS)
    )


def test_every_row_of_the_window_comes_exactly_as_it_stands(
    database: str, books: TwoBooks
) -> None:
    with written(database, books) as snapshot:
        sides = snapshot.key_rows()
    assert rows(sides.ours) == expected()
    assert rows(sides.theirs) == sorted([*expected(), (match_key("agg", "alone"), 7, 0, "USD")])
    assert sides.ours["player_hash"].nunique() == 1


def test_a_side_without_a_row_is_empty_and_no_error(database: str) -> None:
    only_theirs = TwoBooks()
    only_theirs.theirs("alone", 7, 0)
    with written(database, only_theirs) as snapshot:
        sides = snapshot.key_rows()
    assert (len(sides.ours), len(sides.theirs)) == (0, 1)


def test_as_many_rows_as_are_asked_for_are_read_at_once_and_not_one_more(
    database: str, books: TwoBooks
) -> None:
    with written(database, books) as snapshot:
        whole = snapshot.key_rows_up_to(len(AMOUNTS) + 1)
        assert whole is not None
        assert rows(whole.theirs) == rows(snapshot.key_rows().theirs)
        assert snapshot.key_rows_up_to(len(AMOUNTS)) is None


def test_how_many_rows_to_expect_follows_the_planner(database: str) -> None:
    books = TwoBooks()
    for number in range(2_000):
        books.theirs(f"r{number}", 1, 0)
    books.write(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE feed_records")
    with opened(database) as snapshot:
        assert 1_000 < snapshot.estimated_rows() < 4_000


class MoreExpected(Snapshot):
    """A snapshot of which more rows are expected than there are; notes the limits tried."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(
            snapshot._connections,
            snapshot._pool,
            provider=snapshot.provider,
            window=snapshot.window,
            context=snapshot.context,
        )
        self.limits: list[int] = []

    def estimated_rows(self) -> int:
        """Return more than there is."""
        return 1_000

    def key_rows_up_to(self, rows: int) -> Sides | None:
        """Read the rows of the window, if they are few."""
        self.limits.append(rows)
        return super().key_rows_up_to(rows)


def test_a_window_that_is_far_too_large_for_one_part_is_not_tried_as_one(
    database: str, books: TwoBooks
) -> None:
    with written(database, books) as snapshot:
        expecting_more = MoreExpected(snapshot)
        for rows in (499, 500):
            scan = scan_window(RunOptions(rows_per_part=rows))
            result = scan(expecting_more, np.empty(0, np.int64))
            assert result.comparison.ours.source.rows == len(AMOUNTS)
    assert expecting_more.limits == [500]


def test_ranges_together_hold_each_row_once(database: str, books: TwoBooks) -> None:
    with written(database, books) as snapshot:
        parts = [rows(snapshot.key_rows(within).theirs) for within in key_ranges(5)]
        assert [row for part in parts for row in part] == rows(snapshot.key_rows().theirs)


def test_the_currency_of_a_row_is_never_cut_short(database: str, books: TwoBooks) -> None:
    books.theirs("strange", 1, 0, currency="NINECHARS")
    with pytest.raises(psycopg.errors.CheckViolation, match="feed_records_currency_fits"):
        books.write(database)


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
    with opened(database) as snapshot:
        sides = snapshot.key_rows()
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
        with opened(database, overdue) as snapshot:
            assert snapshot.key_rows().ours["odd"].tolist() == [odd]


def test_a_mapped_handle_is_its_player_and_another_is_itself(database: str) -> None:
    books = TwoBooks()
    books.both("r1", 100, 250)
    books.theirs("r2", 100, 250, handle="known")
    books.theirs("r3", 100, 250, handle="unknown")
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO handles VALUES ('agg', 'known', 'alice')")
        connection.execute("INSERT INTO handles VALUES ('other', 'unknown', 'alice')")
    with opened(database) as snapshot:
        sides = snapshot.key_rows()
    alice = sides.ours["player_hash"].tolist()
    by_key = dict(zip(sides.theirs["match_key"], sides.theirs["player_hash"], strict=True))
    hashes = [by_key[match_key("agg", name)] for name in ("r1", "r2", "r3")]
    assert [player_hash in alice for player_hash in hashes] == [True, True, False]


def _record_frames(snapshot: Snapshot, keys: Keys) -> Sides:
    records = snapshot.records(keys)
    return Sides(ours=records.ours.frame(), theirs=records.theirs.frame())


def test_few_and_many_keys_are_looked_up_alike(
    database: str, books: TwoBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = np.sort([match_key("agg", name) for name in ("r1", "r3", "alone", "outside")])
    with written(database, books) as snapshot:
        inlined = (
            snapshot.key_rows_of(keys),
            _record_frames(snapshot, keys),
            snapshot.straddling_among(keys),
        )
        monkeypatch.setattr("reconcile.snapshot.snapshot._INLINE_KEYS_MAX", 0)
        staged = (
            snapshot.key_rows_of(keys),
            _record_frames(snapshot, keys),
            snapshot.straddling_among(keys),
        )
    for few_rows, many_rows in zip(inlined[:2], staged[:2], strict=True):
        pd.testing.assert_frame_equal(few_rows.ours, many_rows.ours)
        pd.testing.assert_frame_equal(few_rows.theirs, many_rows.theirs)
    assert len(inlined[1].theirs) == 4
    assert inlined[2].tolist() == staged[2].tolist()
