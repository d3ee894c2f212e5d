"""Random months whose rows leave: what is recalled goes on as if it had never left."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.archive.demands import NotAway, demand
from ledger.archive.recall import recall_wanted
from ledger.posting.posting import post_all_at
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.leaving_months import (
    MonthsTwice,
    let_rows_of_month_go,
    months_twice,
)
from tests.harness.books.archives.random_months import Fact, late_facts
from tests.harness.books.ledger import SLUG, accept
from vocabulary.facts import Rollback, Win
from vocabulary.ids import RowKind

#: Each with its first day that has callbacks; sealing begins there.
MONTHS = (date(2021, 1, 30), date(2021, 2, 1))
#: After both of them.
LATER = datetime(2021, 3, 5, tzinfo=UTC)
#: Rounds of which something was accepted before March and posted in March.
POSTED_LATE = f"""
SELECT DISTINCT o.round_id FROM operations o JOIN batches b USING (batch_id)
 WHERE b.committed_at < '2021-03-01' AND b.posted_at >= '2021-03-01' AND o.provider = '{SLUG}'
   AND EXISTS (SELECT FROM rounds r WHERE r.match_key = o.match_key)
"""
OPERATIONS = "SELECT * FROM operations WHERE provider = 'lottery'"
ROUNDS = "SELECT * FROM rounds"
ENTRIES = f"""
SELECT e.wallet_id, e.wallet_seq, e.leg, e.account::text, e.match_key, e.currency, e.amount
  FROM booked_entries e WHERE e.provider = '{SLUG}'
"""
BALANCES = "SELECT wallet_id, balance, seq, turnover, blocked FROM wallets"


@pytest.fixture(params=[3, 4])
def books(
    postgres: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[MonthsTwice]:
    yield months_twice(postgres, "random_rows", MONTHS, str(tmp_path), seed=request.param)
    postgres.drop("random_rows_gone")
    postgres.drop("random_rows")


def recall_what_they_name(engine: Engine, facts: list[Fact]) -> None:
    """Bring back what is away of the operations and rounds that callbacks name."""
    for fact in facts:
        named: list[tuple[RowKind, str]] = [
            (RowKind.OPERATION, fact.key),
            (RowKind.ROUND, fact.round_id),
        ]
        if isinstance(fact, Rollback):
            named.append((RowKind.OPERATION, fact.original_key))
        if isinstance(fact, Win) and fact.bet_key is not None:
            named.append((RowKind.OPERATION, fact.bet_key))
        for kind, name in named:
            with suppress(NotAway), engine.begin() as connection:
                demand(connection, kind, SLUG, name, by="maria")
    recall_wanted(engine, limit=1000)


def test_recalled_rounds_go_on_as_if_they_had_never_left(books: MonthsTwice) -> None:
    whole, gone, chance = books.whole, books.gone, books.chance
    engine = open_engine(gone)
    staying = rows(gone, POSTED_LATE)
    for first_day in MONTHS:
        assert let_rows_of_month_go(engine, first_day.replace(day=1)).operations > 0
    assert {round_id for (round_id,) in rows(gone, "SELECT round_id FROM rounds")} == {
        round_id for (round_id,) in staying
    }
    here = len(rows(gone, OPERATIONS))

    facts = late_facts(chance, books.played)
    recall_what_they_name(engine, facts)
    recalled = rows(gone, OPERATIONS)
    assert len(recalled) > here + 20
    assert recalled < rows(whole, OPERATIONS)
    assert rows(gone, ROUNDS) < rows(whole, ROUNDS)

    before, after = (accept(database, *facts, at=LATER) for database in (whole, gone))
    assert [(d.verdict, d.reply) for d in after] == [(d.verdict, d.reply) for d in before]
    for database in (whole, gone):
        post_all_at(database)
    assert rows(gone, BALANCES) == rows(whole, BALANCES)
    assert rows(gone, ROUNDS) <= rows(whole, ROUNDS)
    assert rows(gone, ENTRIES) <= rows(whole, ENTRIES)
    assert positions(gone) - positions(whole) == set()
    engine.dispose()


def positions(database: str) -> set[tuple[Any, ...]]:
    return rows(database, "SELECT wallet_id, wallet_seq, op_key, amount FROM operations")


def rows(database: str, query: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return set(connection.execute(query.encode()).fetchall())
