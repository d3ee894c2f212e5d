"""Balances as of an instant, proven checkpoints, and statements by day."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import psycopg
import pytest
from msgspec import structs
from psycopg import errors
from sqlalchemy import Engine

from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OWN_SLUG
from ledger.posting.posting import post_all_at
from ledger.queries.checkpoints import (
    BalanceClock,
    balance_at,
    prove_checkpoints,
    take_checkpoint,
)
from ledger.queries.provider_days import provider_days
from storage.engine import open_engine
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    acceptors,
    adjust,
    bet,
    open_wallets,
    request,
    rollback,
    round_end,
    win,
)
from vocabulary.clock import SystemClock
from vocabulary.facts import Fact

DAY = timedelta(days=1)


@pytest.fixture
def books(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000), ("bob", 0))
    engine = open_engine(database)
    yield engine
    engine.dispose()


def accept_at(database: str, *timed: tuple[datetime, Fact | OwnOperation]) -> None:
    """Accept each fact as a batch of its own, received at its instant."""

    async def run() -> None:
        async with acceptors(database, 1) as (acceptor,):
            for at, fact in timed:
                await acceptor.accept([structs.replace(request(fact), received_at=at)])

    asyncio.run(run())


def balance(engine: Engine, at: datetime, by: BalanceClock = "received") -> int:
    wallet = balance_at(engine, player="ann", currency="EUR", at=at, by=by)
    assert wallet is not None
    return wallet.balance


def now() -> datetime:
    return SystemClock().now()


def test_a_balance_is_known_for_any_instant_with_and_without_checkpoints(
    database: str, books: Engine
) -> None:
    start = now()
    days = [start + n * DAY for n in range(1, 6)]
    accept_at(
        database, *((at, bet(f"b{n}", 10, round_id=f"r{n}")) for n, at in enumerate(days))
    )
    instants = [start - DAY, start, *days, days[0] + DAY / 2, days[-1] + DAY]
    expected = [0, 1000, 990, 980, 970, 960, 950, 990, 950]
    assert [balance(books, at) for at in instants] == expected
    post_all_at(database)

    assert take_checkpoint(books, at=now() + 3 * DAY) == 1

    assert [balance(books, at) for at in instants] == expected
    assert prove_checkpoints(books).wrong == 0


def test_by_posted_a_balance_is_the_sum_of_the_entries_at_the_instant(
    database: str, books: Engine
) -> None:
    post_all_at(database)
    before = now()
    accept_at(database, (NOON, bet("b", 10)))
    post_all_at(database)

    assert (balance(books, before, "posted"), balance(books, now(), "posted")) == (1000, 990)
    take_checkpoint(books, at=now())
    assert (balance(books, before, "posted"), balance(books, now(), "posted")) == (1000, 990)


def test_a_checkpoint_covers_only_operations_received_and_posted_by_its_instant(
    database: str, books: Engine
) -> None:
    post_all_at(database)
    later = now() + DAY
    accept_at(database, (later, bet("b1", 10)), (now(), bet("b2", 10, round_id="r2")))
    waiting = take_checkpoint(books, at=now())
    post_all_at(database)
    covered = take_checkpoint(books, at=now())

    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT wallet_seq, balance FROM checkpoints ORDER BY as_of"
        ).fetchall()
    assert (waiting, covered, rows) == (1, 0, [(1, 1000)])
    assert balance(books, later - timedelta(seconds=1)) == 990
    assert balance(books, later) == 980


def test_an_operation_committed_late_is_counted_at_its_instant(
    database: str, books: Engine
) -> None:
    post_all_at(database)
    received, just_after = now(), now() + timedelta(microseconds=1)
    take_checkpoint(books, at=now())
    accept_at(database, (received, bet("late", 10)))
    post_all_at(database)

    assert balance(books, just_after) == 990


def test_a_checkpoint_is_written_once_per_instant_and_only_for_wallets_that_moved(
    database: str, books: Engine
) -> None:
    post_all_at(database)
    at = now()

    assert [take_checkpoint(books, at=at) for _ in range(2)] == [1, 0]
    assert take_checkpoint(books, at=now()) == 0
    accept_at(database, (NOON, bet("b", 10)))
    post_all_at(database)
    assert take_checkpoint(books, at=now()) == 1
    assert prove_checkpoints(books).checked == 2


def test_a_wrong_checkpoint_is_found_and_checkpoints_are_append_only(
    database: str, books: Engine
) -> None:
    post_all_at(database)
    take_checkpoint(books, at=now())
    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(errors.RestrictViolation, match="append-only"):
            connection.execute("UPDATE checkpoints SET balance = 0")
        connection.execute("SET session_replication_role = replica")
        for change, undo in (
            ("checkpoints SET balance = balance + 1", "checkpoints SET balance = balance - 1"),
            ("checkpoints SET wallet_seq = 2", "checkpoints SET wallet_seq = 1"),
            ("entries SET amount = amount * 2", "entries SET amount = amount / 2"),
        ):
            connection.execute(f"UPDATE {change}".encode())
            proof = prove_checkpoints(books)
            assert (proof.checked, proof.wrong) == (1, 1), change
            assert str(proof.first).startswith("ann EUR at ")
            connection.execute(f"UPDATE {undo}".encode())
            assert prove_checkpoints(books).wrong == 0


def test_a_player_without_a_wallet_has_no_balance(books: Engine) -> None:
    assert balance_at(books, player="zoe", currency="EUR", at=NOON, by="received") is None


def days_of(
    engine: Engine, by: BalanceClock = "received", zone: str = "UTC"
) -> list[tuple[object, ...]]:
    days = provider_days(engine, provider=SLUG, first=None, last=None, zone=zone, by=by)
    return [
        (x.day, x.stake, x.payout, x.rollbacks, x.adjustments, x.ggr, x.clearing) for x in days
    ]


def a_provider_day_or_two() -> Sequence[tuple[datetime, Fact | OwnOperation]]:
    return (
        (NOON, bet("b1", 300)),
        (NOON, bet("b2", 50, round_id="r2")),
        (NOON, rollback("u2", "b2")),
        (NOON, bet("b3", 9999, round_id="r3")),
        (NOON + DAY, win("w1", 120, bet_key="b1")),
        (NOON + DAY, round_end("e1", of="b1", staked=300, paid=120)),
    )


def test_a_providers_statement_has_each_day_with_the_clearing_at_its_end(
    database: str, books: Engine
) -> None:
    accept_at(database, *a_provider_day_or_two())
    post_all_at(database)

    assert days_of(books) == [
        (date(2026, 6, 4), 350, 0, 50, 0, 0, 300),
        (date(2026, 6, 5), 0, 120, 0, 0, 180, 0),
    ]
    (posted,) = days_of(books, "posted")
    assert posted[1:] == (350, 120, 50, 0, 180, 0)


def test_days_are_in_the_providers_time_zone_and_earlier_days_count_in_the_clearing(
    database: str, books: Engine
) -> None:
    accept_at(database, *a_provider_day_or_two())
    post_all_at(database)

    assert [row[0] for row in days_of(books, zone="Pacific/Kiritimati")] == [
        date(2026, 6, 5),
        date(2026, 6, 6),
    ]
    (cut,) = provider_days(
        books, provider=SLUG, first=date(2026, 6, 5), last=date(2026, 6, 5), zone="UTC",
        by="received",
    )  # fmt: skip
    assert (cut.day, cut.clearing, cut.operations) == (date(2026, 6, 5), 0, 2)


def test_own_operations_are_in_no_providers_statement(database: str, books: Engine) -> None:
    accept_at(database, (NOON, adjust("adj-1", 5)))
    post_all_at(database)

    own = provider_days(books, provider=OWN_SLUG, first=None, last=NOON.date(), zone="UTC",
                        by="received")  # fmt: skip

    assert days_of(books) == []
    assert [day.adjustments for day in own] == [5]
