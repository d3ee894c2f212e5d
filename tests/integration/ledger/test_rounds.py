"""A round's status follows from its amounts; rounds only grow; open ones are listed."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Engine

from ledger.checks.run import verify
from ledger.enums import RoundStatus
from ledger.posting.posting import post, post_all_at
from ledger.queries.rounds import rounds_of
from storage.engine import open_engine
from tests.harness.books.ledger import (
    LENIENT,
    NOON,
    accept,
    bet,
    open_wallets,
    rollback,
    round_end,
    win,
)

OPEN, SETTLED = RoundStatus.OPEN, RoundStatus.SETTLED
ROLLED_BACK, VOID = RoundStatus.ROLLED_BACK, RoundStatus.VOID


@pytest.fixture
def books(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    yield engine
    engine.dispose()


def status(engine: Engine) -> dict[str, RoundStatus]:
    rounds = rounds_of(engine, status=None, before=None, provider=None, limit=100)
    return {row.round_id: row.status for row in rounds}


AMOUNTS = (
    # stake, payout, bets, wins, rollbacks, ended
    ((5, 0, 1, 0, 0, False), OPEN),
    ((0, 0, 1, 0, 0, False), OPEN),
    ((5, 9, 1, 1, 0, False), OPEN),
    ((0, 9, 0, 1, 0, False), OPEN),
    ((5, 0, 2, 0, 1, False), OPEN),
    ((-5, 0, 0, 0, 1, False), OPEN),
    ((5, 0, 1, 0, 0, True), SETTLED),
    ((0, 0, 1, 0, 0, True), SETTLED),
    ((5, 0, 1, 1, 1, True), SETTLED),
    ((0, 9, 0, 0, 0, True), SETTLED),
    ((0, 0, 1, 0, 1, False), ROLLED_BACK),
    ((0, 0, 1, 1, 2, True), ROLLED_BACK),
    ((0, 0, 0, 0, 0, True), VOID),
)


def test_a_rounds_status_follows_from_its_amounts(database: str) -> None:
    with psycopg.connect(database) as connection:
        for number, (amounts, expected) in enumerate(AMOUNTS):
            row = connection.execute(_INSERT, (number, *amounts)).fetchone()
            assert row == (expected.value,), amounts


_INSERT = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
VALUES (%s, 'lottery', 'r1', 1, 'EUR', %s, %s, %s, %s, %s, %s, now(), now())
RETURNING status::text
"""


def a_settled_round(database: str, engine: Engine) -> None:
    accept(
        database,
        *(bet("b", 5), win("w", 5, bet_key="b"), rollback("u", "w")),
        round_end("e", of="b", staked=5),
    )
    post(engine)


def test_posted_rounds_are_open_settled_rolled_back_or_void(
    database: str, books: Engine
) -> None:
    a_settled_round(database, books)
    accept(database, bet("c", 5, round_id="r2"), bet("d", 5, round_id="r3"))
    accept(database, rollback("v", "d"), round_end("f", of="g", staked=5, round_id="r4"))
    post_all_at(database)

    assert status(books) == {"r1": SETTLED, "r2": OPEN, "r3": ROLLED_BACK, "r4": VOID}


CHANGES = (
    "ended = false",
    "bets = bets - 1",
    "wins = wins - 1",
    "rollbacks = rollbacks - 1",
    "first_at = first_at + interval '1 second'",
    "last_at = last_at - interval '1 second'",
    "currency = 'USD'",
    "wallet_id = wallet_id + 1",
    "round_id = 'r2'",
    "provider = 'other'",
    "match_key = match_key + 1",
)


def test_a_round_only_grows_and_never_changes_its_key(database: str, books: Engine) -> None:
    a_settled_round(database, books)

    with psycopg.connect(database, autocommit=True) as connection:
        for change in CHANGES:
            with pytest.raises(errors.RestrictViolation, match="cannot become") as refused:
                connection.execute(f"UPDATE rounds SET {change}".encode())
            assert refused.value.diag.constraint_name == "rounds_only_grow", change


def test_a_rounds_status_cannot_be_set_and_no_round_can_be_removed(
    database: str, books: Engine
) -> None:
    a_settled_round(database, books)

    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(errors.GeneratedAlways, match="status"):
            connection.execute("UPDATE rounds SET status = 'open'")
        for statement in (b"DELETE FROM rounds", b"TRUNCATE rounds"):
            with pytest.raises(errors.RestrictViolation, match="append-only"):
                connection.execute(statement)


def test_open_rounds_are_found_by_age_and_provider(database: str, books: Engine) -> None:
    accept(database, bet("b", 5), bet("c", 5, round_id="r2"))
    accept(database, round_end("e", of="b", staked=5))
    accept(database, bet("s", 5, round_id="s1"), policy=LENIENT)
    post_all_at(database)

    def open_rounds(before: timedelta, provider: str | None = None) -> list[str]:
        rounds = rounds_of(books, status=OPEN, before=NOON + before, provider=provider, limit=9)
        assert all(row.clearing == 5 for row in rounds)
        return [row.round_id for row in rounds]

    assert open_rounds(timedelta(seconds=1)) == ["r2"]
    assert open_rounds(timedelta(0)) == open_rounds(timedelta(1), "other") == []
    assert [x.name for x in verify(books) if x.wrong] == []
