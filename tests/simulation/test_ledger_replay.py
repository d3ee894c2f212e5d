"""Replay of simulated traffic of all four providers from its stored bytes."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.own_operations import (
    Adjust,
    Exclude,
    InRound,
    Limit,
    OwnOperation,
    Withdrawal,
)
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.replay.decode import NOT_CONFIGURED, UNVERIFIABLE
from ledger.replay.report import ReplayWindow
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    STRICT,
    accept,
    adjust,
    bet,
    open_wallets,
    rollback,
)
from tests.harness.books.orders import record_orders
from tests.harness.books.traffic import book_an_hour, decoders
from tests.harness.tampering.replay import fact_decoders, replayed, tamper
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

CALLBACKS = 1500


@pytest.fixture(scope="module")
def hour(postgres: PostgresServer) -> str:
    """The URL of books with simulated traffic before and after some own operations."""
    postgres.clone("an_hour")
    database = postgres.url("an_hour")
    book_an_hour(database, seed=7, callbacks=CALLBACKS // 2, players=12)
    for operation in own_operations("s7-p00003"):
        accept_own_operation(database, operation, now=NOON)
    book_an_hour(database, seed=8, callbacks=CALLBACKS, players=24)
    post_all_at(database)
    record_orders(database)
    return database


def own_operations(player: str) -> list[OwnOperation]:
    """One of each kind except a deposit; the first is declined."""
    ten, reason = Money(1000, "USD"), "by hand"
    within = InRound(provider="sportsbook", round_id="r-by-hand", side="stake")
    until = NOON + timedelta(days=1)
    return [
        Withdrawal(key="too-much", handle=player, amount=Money(10**9, "USD"), reason=reason),
        Adjust(key="adj-" + "1" * 32, handle=player, amount=-ten, reason=reason),
        Adjust(key="adj-" + "2" * 32, handle=player, amount=ten, reason=reason, within=within),
        Limit(
            key="limit",
            handle=player,
            currency="USD",
            stake=500,
            turnover=None,
            loss=None,
            reason=reason,
        ),
        Exclude(key="exclude", handle=player, currency="USD", until=until, reason=reason),
    ]


def test_books_replayed_from_their_bytes_are_equal(hour: str) -> None:
    engine = open_engine(hour)
    assert [(x.name, x.named) for x in verify(engine) if x.wrong] == []
    engine.dispose()

    result = replayed(hour, decoders())

    assert result.differences == []
    assert (result.differing, result.unverifiable) == (0, 0)
    assert result.is_proven
    assert result.decided + sum(result.told.values()) == result.operations
    assert list(result.told.values()) == [36]  # the opening balances
    assert result.decided > CALLBACKS // 2
    assert result.deliveries > 50


def test_rows_under_rotated_secrets_are_unverifiable_not_different(hour: str) -> None:
    result = replayed(hour, decoders(b"a secret of tomorrow"))

    assert result.differences == []
    assert result.unverifiable > CALLBACKS // 2
    assert result.unverifiable_first[0].startswith("txn-")
    assert result.unproven == {UNVERIFIABLE: result.unverifiable}
    assert not result.is_proven


@pytest.mark.parametrize(
    ("window", "decides"),
    [
        (ReplayWindow(provider="xigs"), True),
        (ReplayWindow(until=datetime(2020, 1, 1, tzinfo=UTC)), False),
        (ReplayWindow(since=datetime(2020, 1, 1, tzinfo=UTC)), True),
    ],
)
def test_a_window_decides_its_rows_and_takes_the_others_as_stored(
    hour: str, window: ReplayWindow, decides: bool
) -> None:
    result = replayed(hour, decoders(), window)

    assert result.differences == []
    assert (result.decided > 0) == decides


def test_a_window_that_starts_in_the_middle_takes_earlier_rows_as_stored(hour: str) -> None:
    with psycopg.connect(hour) as connection:
        row = connection.execute(
            "SELECT committed_at FROM batches ORDER BY batch_id OFFSET 12 LIMIT 1"
        ).fetchone()
    assert row is not None
    whole = replayed(hour, decoders())

    result = replayed(hour, decoders(), ReplayWindow(since=row[0]))
    before = replayed(hour, decoders(), ReplayWindow(until=row[0]))

    assert (result.differences, before.differences) == ([], [])
    assert 0 < result.decided < whole.decided
    assert 0 < before.decided < whole.decided


def test_a_correction_of_a_round_that_is_sent_again_is_proven(database: str) -> None:
    """Whoever completes a booking sends it again; it is stored under the provider's slug."""
    open_wallets(database, ("ann", 1_000))
    within = InRound(provider=SLUG, round_id="r1", side="payout")
    correction = adjust("adj-1", 30, within=within)
    first, again = (accept_own_operation(database, correction, now=NOON) for _ in range(2))

    result = replayed(database, fact_decoders([], {SLUG: STRICT}))

    assert (first.verdict, again.verdict) == (Verdict.ACCEPTED, Verdict.REPEATED)
    assert result.differences == []
    assert result.is_proven


def test_a_row_that_is_taken_as_stored_counts_on_the_day_of_its_wallet(database: str) -> None:
    """The receiver of the rollback had a clock that was behind that of the bet."""
    midnight = datetime(2026, 6, 5, tzinfo=UTC)
    second = timedelta(seconds=1)
    open_wallets(database, ("ann", 1_000))
    accept(database, bet("b1", 100), at=midnight + second)
    accept(database, rollback("u1", "b1"), at=midnight - second)

    result = replayed(database, fact_decoders([], {}))

    assert result.told[NOT_CONFIGURED] == 2
    assert result.differences == []


def test_a_day_that_began_before_the_month_end_is_not_compared_as_if_it_were_whole(
    database: str,
) -> None:
    """The second bet was received before midnight and committed after it."""
    month_end = datetime(2026, 12, 1, tzinfo=UTC)
    bets = bet("b1", 100), bet("b2", 200)
    open_wallets(database, ("ann", 1_000))
    for each in bets:
        accept(database, each, at=month_end - timedelta(seconds=1))
    committed = "timestamptz '2026-12-01 00:00:00+00' - CASE batch_id WHEN 3 THEN 0 ELSE 1 END"
    tamper(database, f"UPDATE batches SET committed_at = {committed} * interval '1 second'")
    tamper(database, "INSERT INTO month_end_wallets VALUES (1, 2, 900, 100, false)")
    window = ReplayWindow(since=month_end, month_end=month_end)

    result = replayed(database, fact_decoders(bets, {SLUG: STRICT}), window)

    assert (result.decided, result.wallets) == (1, 1)
    assert result.differences == []
