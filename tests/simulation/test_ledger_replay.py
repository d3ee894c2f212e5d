"""Hours of simulated traffic of all four providers, replayed from their bytes."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.accepting.carry import carry_out
from ledger.accepting.own_operations import (
    Adjust,
    Exclude,
    InRound,
    Limit,
    OwnOperation,
    Withdrawal,
)
from ledger.checks.run import verify
from ledger.posting.posting import drain
from ledger.replay.report import ReplayWindow
from storage.engine import open_engine
from tests.conftest import TEMPLATE, PostgresServer
from tests.harness.books.ledger import NOON
from tests.harness.books.traffic import all_decoders, an_hour
from tests.harness.tampering.replay import replayed
from vocabulary.money import Money

CALLBACKS = 1500


@pytest.fixture(scope="module")
def hour(postgres: PostgresServer) -> str:
    """The books of one hour, with orders of our own in the middle; their URL."""
    postgres.execute(f"CREATE DATABASE an_hour TEMPLATE {TEMPLATE}")
    database = postgres.url("an_hour")
    an_hour(database, seed=7, callbacks=CALLBACKS // 2, players=12)
    for order in own_orders("s7-p00003"):
        carry_out(database, order, now=NOON)
    an_hour(database, seed=8, callbacks=CALLBACKS, players=24)
    drain(database)
    return database


def own_orders(player: str) -> list[OwnOperation]:
    """One of each kind that is not a plain deposit, two of them refusals to come."""
    ten, why = Money(1000, "USD"), "by hand"
    within = InRound(provider="sportsbook", round_id="r-by-hand", side="stake")
    until = NOON + timedelta(days=1)
    return [
        Withdrawal(key="too-much", handle=player, amount=Money(10**9, "USD"), reason=why),
        Adjust(key="adj-" + "1" * 32, handle=player, amount=-ten, reason=why),
        Adjust(key="adj-" + "2" * 32, handle=player, amount=ten, reason=why, within=within),
        Limit(
            key="limit",
            handle=player,
            currency="USD",
            stake=500,
            turnover=None,
            loss=None,
            reason=why,
        ),
        Exclude(key="exclude", handle=player, currency="USD", until=until, reason=why),
    ]


def test_an_hour_replayed_from_its_bytes_equals_the_books(hour: str) -> None:
    engine = open_engine(hour)
    assert [(x.name, x.named) for x in verify(engine) if x.wrong] == []
    engine.dispose()

    seen = replayed(hour, all_decoders())

    assert seen.differences == []
    assert (seen.differing, seen.unverifiable) == (0, 0)
    assert seen.decided + sum(seen.told.values()) == seen.operations
    assert list(seen.told.values()) == [36]  # the opening balances
    assert seen.decided > CALLBACKS // 2
    assert seen.deliveries > 50


def test_rotated_secrets_are_told_apart_from_differences(hour: str) -> None:
    seen = replayed(hour, all_decoders(b"a secret of tomorrow"))

    assert seen.differences == []
    assert seen.unverifiable > CALLBACKS // 2
    assert seen.unverifiable_first[0].startswith("txn-")


@pytest.mark.parametrize(
    ("window", "decides"),
    [
        (ReplayWindow(provider="xigs"), True),
        (ReplayWindow(until=datetime(2020, 1, 1, tzinfo=UTC)), False),
        (ReplayWindow(since=datetime(2020, 1, 1, tzinfo=UTC)), True),
    ],
)
def test_a_window_decides_its_part_and_takes_the_rest(
    hour: str, window: ReplayWindow, decides: bool
) -> None:
    seen = replayed(hour, all_decoders(), window)

    assert seen.differences == []
    assert (seen.decided > 0) == decides


def test_a_window_that_begins_in_the_middle_starts_from_what_stood(hour: str) -> None:
    with psycopg.connect(hour) as connection:
        row = connection.execute(
            "SELECT committed_at FROM batches ORDER BY batch_id OFFSET 12 LIMIT 1"
        ).fetchone()
    assert row is not None
    whole = replayed(hour, all_decoders())

    seen = replayed(hour, all_decoders(), ReplayWindow(since=row[0]))
    before = replayed(hour, all_decoders(), ReplayWindow(until=row[0]))

    assert (seen.differences, before.differences) == ([], [])
    assert 0 < seen.decided < whole.decided
    assert 0 < before.decided < whole.decided
