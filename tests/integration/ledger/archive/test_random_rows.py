"""Random months whose rows leave: what is recalled goes on as if it had never left."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.archive.demands import NotAway, demand
from ledger.archive.export import export_month
from ledger.archive.recall import recall_wanted
from ledger.archive.release import let_entries_go, let_go, take_month_end
from ledger.archive.row_release import let_rows_go
from ledger.posting.posting import post_all_at
from ledger.seal.seal import seal_day
from storage.archive.archives import (
    Archive,
    Leaving,
    archive_name,
    decide_release,
    finish_release,
    get_archive,
    request_release,
    store_archive,
)
from storage.archive.files import ArchiveFolder
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import SLUG, accept, open_wallets
from tests.harness.books.random_months import PLAYERS, Fact, last_of, late_facts, play
from tests.harness.tampering.sealed_day import quiet
from vocabulary.facts import Rollback, Win
from vocabulary.ids import RowKind

#: Each with its first day that has callbacks; sealing begins there.
MONTHS = (date(2021, 1, 30), date(2021, 2, 1))
LATER = datetime(2021, 3, 5, tzinfo=UTC)
OPERATIONS = "SELECT * FROM operations WHERE provider = 'lottery'"
ROUNDS = "SELECT * FROM rounds"
ENTRIES = f"""
SELECT e.wallet_id, e.wallet_seq, e.leg, e.account::text, e.match_key, e.currency, e.amount
  FROM booked_entries e WHERE e.provider = '{SLUG}'
"""
BALANCES = "SELECT wallet_id, balance, seq, turnover, blocked FROM wallets"


@dataclass(frozen=True, slots=True)
class MonthsTwice:
    """Books of two random months whose bytes left, and a copy whose rows left, too."""

    whole: str
    gone: str
    played: list[Fact]
    chance: Random


def approved(engine: Engine, month: date, what: Leaving) -> Archive:
    """The archive of a month that two people let go."""
    name = archive_name(month)
    with engine.begin() as connection:
        archive = get_archive(connection, name)
        request_release(connection, archive, what, reason="old", by="maria", now=LATER)
        archive = get_archive(connection, name)
        decide_release(connection, archive, "approved", what, by="jonas", now=LATER)
    return archive


def let_bytes_go(engine: Engine, month: date, place: str) -> None:
    """Export a month, and let its bytes and entries go."""
    exported = export_month(engine, month, place, progress=quiet)
    with engine.begin() as connection:
        store_archive(
            connection,
            month=month,
            location=place,
            manifest_hash=exported.manifest_hash,
            rows=1,
            bytes_=1,
            by="maria",
        )
    archive = approved(engine, month, Leaving.BYTES)
    folder = ArchiveFolder(place, archive.archive_id)
    let_go(engine, folder, exported.manifest, progress=quiet)
    let_entries_go(engine, exported.manifest, progress=quiet)
    assert take_month_end(engine, by="jonas") == month
    with engine.begin() as connection:
        finish_release(connection, archive, by="jonas")


@pytest.fixture(params=[3, 4])
def books(
    postgres: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[MonthsTwice]:
    chance = Random(request.param)
    database = postgres.clone("random_rows")
    open_wallets(database, *((player, 20_000) for player in PLAYERS))
    played = [
        fact
        for number, first_day in enumerate(MONTHS)
        for fact in play(database, chance, first_day, number)
    ]
    engine = open_engine(database)
    day = MONTHS[0]
    while day <= last_of(MONTHS[-1]):
        seal_day(engine, day, progress=quiet)
        day += timedelta(days=1)
    for first_day in MONTHS:
        let_bytes_go(engine, first_day.replace(day=1), str(tmp_path))
    engine.dispose()
    copy = postgres.clone("random_rows_gone", "random_rows")
    yield MonthsTwice(database, copy, played, chance)
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
    for first_day in MONTHS:
        archive = approved(engine, first_day.replace(day=1), Leaving.ROWS)
        assert let_rows_go(engine, archive, progress=quiet).operations > 0
        with engine.begin() as connection:
            finish_release(connection, archive, Leaving.ROWS, by="jonas")
    assert rows(gone, OPERATIONS) == rows(gone, ROUNDS) == set()

    facts = late_facts(chance, books.played)
    recall_what_they_name(engine, facts)
    recalled = rows(gone, OPERATIONS)
    assert len(recalled) > 20
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
