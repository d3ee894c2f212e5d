"""Random months that leave in any order: answers, proofs and entries as if none had left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.archive.release import let_entries_go, take_month_end
from ledger.checks.check import WalletScope
from ledger.checks.run import newest_month_end, verify
from ledger.posting.posting import post_all_at
from ledger.seal.seal import seal_day
from storage.archive.archives import (
    archive_name,
    decide_release,
    get_archive,
    request_release,
    store_archive,
)
from storage.archive.manifest import Manifest
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.random_months import (
    PLAYERS,
    Fact,
    last_of,
    late_facts,
    play,
)
from tests.harness.books.ledger import SLUG, accept, open_wallets
from tests.harness.tampering.sealed_day import quiet

#: Each with its first day that has callbacks; sealing begins there.
MONTHS = (date(2021, 1, 30), date(2021, 2, 1))
LATER = datetime(2021, 3, 5, tzinfo=UTC)
ENTRIES = """
SELECT wallet_id, wallet_seq, leg, account::text, provider, match_key, currency, amount
  FROM booked_entries ORDER BY wallet_id, wallet_seq, leg
"""
MONTH_END = """
SELECT m.wallet_id, m.wallet_seq, m.balance FROM month_end_wallets m ORDER BY m.wallet_id
"""
LAST_OF_CHAIN = """
SELECT DISTINCT ON (o.wallet_id) o.wallet_id, o.wallet_seq, o.balance_after
  FROM operations o JOIN batches b USING (batch_id) WHERE b.committed_at < '2021-03-01'
 ORDER BY o.wallet_id, o.wallet_seq DESC
"""


@dataclass(frozen=True, slots=True)
class Books:
    """Books of two random months and a copy, and how they go on.

    Attributes:
        played: the callbacks of the months.
        second_first: whether the second month leaves before the first.
    """

    whole: str
    gone: str
    played: list[Fact]
    chance: Random
    second_first: bool


def archive_months(engine: Engine) -> None:
    """Seal every day up to the end of the last month, and note an archive of each."""
    day = MONTHS[0]
    while day <= last_of(MONTHS[-1]):
        seal_day(engine, day, progress=quiet)
        day += timedelta(days=1)
    for first_day in MONTHS:
        with engine.begin() as connection:
            store_archive(
                connection,
                month=first_day.replace(day=1),
                location="nowhere",
                manifest_hash="0" * 64,
                rows=1,
                bytes_=1,
                by="maria",
            )


def let_month_go(engine: Engine, month: date) -> date | None:
    """Let the entries of a month go, by two people; returns the month end that is taken."""
    name = archive_name(month)
    for step in ("request", "decide"):
        with engine.begin() as connection:
            archive = get_archive(connection, name)
            if step == "request":
                request_release(connection, archive, reason="old", by="maria", now=LATER)
            else:
                decide_release(connection, archive, "approved", by="jonas", now=LATER)
    manifest = Manifest(archive=name, month=month, schema="", days=[], files=[])
    assert let_entries_go(engine, manifest, progress=quiet) > 0
    return take_month_end(engine, by="jonas")


@pytest.fixture(params=[1, 2])
def books(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Books]:
    """Books of two random months, sealed, and a copy."""
    chance = Random(request.param)
    database = postgres.clone("random_months")
    open_wallets(database, *((player, 20_000) for player in PLAYERS))
    played = [
        fact
        for number, first_day in enumerate(MONTHS)
        for fact in play(database, chance, first_day, number)
    ]
    engine = open_engine(database)
    archive_months(engine)
    engine.dispose()
    copy = postgres.clone("random_months_gone", "random_months")
    yield Books(database, copy, played, chance, second_first=request.param == 1)
    postgres.drop("random_months_gone")
    postgres.drop("random_months")


def test_months_leave_in_any_order_and_nothing_else_changes(books: Books) -> None:
    whole, gone, played, chance = books.whole, books.gone, books.played, books.chance
    first, second = (day.replace(day=1) for day in MONTHS)
    engine = open_engine(gone)
    if books.second_first:
        assert let_month_go(engine, second) is None, "the month before it kept its entries"
        assert let_month_go(engine, first) == second
    else:
        assert let_month_go(engine, first) == first
        assert wrong_checks(gone, from_month_end=True) == []
        assert let_month_go(engine, second) == second
    engine.dispose()
    assert rows(gone, MONTH_END) == rows(gone, LAST_OF_CHAIN)

    for _ in range(2):
        facts = late_facts(chance, played)
        before, after = (accept(database, *facts, at=LATER) for database in (whole, gone))
        assert [(d.verdict, d.reply) for d in after] == [(d.verdict, d.reply) for d in before]
        for database in (whole, gone):
            post_all_at(database)
            assert wrong_checks(database) == []
        assert wrong_checks(gone, from_month_end=True) == []
        assert rows(gone, ENTRIES) == rows(whole, ENTRIES)
        played += facts
    assert rows(gone, f"SELECT count(*) > 20 FROM rounds WHERE provider = '{SLUG}'") == [
        (True,)
    ]


def wrong_checks(database: str, *, from_month_end: bool = False) -> list[str]:
    engine = open_engine(database)
    try:
        scope = WalletScope(month_end=newest_month_end(engine) if from_month_end else None)
        assert scope.is_partial is from_month_end
        return [f"{x.name}: {x.first}" for x in verify(engine, scope=scope) if x.wrong]
    finally:
        engine.dispose()


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()
