"""An amount is found in listed batches exactly where a scan of all operations finds it."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.amounts.listing import (
    STRETCH,
    forget_archived_operation_amounts,
    list_operation_amounts,
)
from ledger.amounts.places import LISTED_BELOW
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.amount_jobs import amount_job
from reports.find.hits import SearchScope
from reports.find.query import FoundKind
from reports.find.search import find_anything
from storage.engine import open_engine
from tests.harness.tampering.replay import tamper
from vocabulary.ids import transaction_id
from vocabulary.window import day_window

BEGINS = datetime(2026, 6, 29, 20, tzinfo=UTC)
DAYS = [date(2026, 6, 29) + timedelta(days=number) for number in range(4)]
ZONES = {"lottery": "Europe/Vienna", "sport": "America/New_York"}
SIZE = 40
NO_WAIT = timedelta(0)
_BATCH = """
INSERT INTO batches (operations, committed_at, posted_at) VALUES (%s, %s, %s)
RETURNING batch_id
"""
_OPERATION = """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at)
SELECT wallet_id, %(seq)s, %(batch)s, %(provider)s, 'op-' || %(seq)s, 'bet', 'accepted',
       currency, greatest(-%(amount)s, 0), greatest(%(amount)s, 0), %(amount)s, 0,
       'r-' || %(seq)s, 1, false, '', '', '', '', 200, '', now()
  FROM wallets WHERE currency = %(currency)s
"""
_SCAN = """
SELECT o.wallet_id, o.wallet_seq FROM operations o JOIN batches b USING (batch_id)
 WHERE o.provider = %s AND o.currency = %s AND abs(o.amount) = %s
   AND b.committed_at >= %s AND b.committed_at < %s
"""
_CUT = """
INSERT INTO archived_row_months (month, at)
VALUES ('2026-06-01', timestamp '2026-07-01' AT TIME ZONE 'UTC')
"""


class Books:
    """Operations of small random amounts, some batches empty, over three days."""

    def __init__(self, database: str, seed: int) -> None:
        self.url = database
        self._random, self._operations = random.Random(seed), 0
        with psycopg.connect(database) as connection:
            connection.execute("INSERT INTO players (player) VALUES ('ann')")
            for code in ("EUR", "USD"):
                connection.execute(
                    "INSERT INTO wallets (player, currency, balance, seq)"
                    " VALUES ('ann', %s, 0, 0)",
                    [code],
                )
            for number in range(150):
                at = BEGINS + timedelta(minutes=30 * number + self._random.randint(-20, 20))
                self.batch(connection, at, *self._amounts())

    def batch(self, connection: psycopg.Connection, at: datetime, *amounts: int) -> None:
        """One batch of operations with these amounts."""
        row = connection.execute(_BATCH, [len(amounts), at, at]).fetchone()
        assert row is not None
        for amount in amounts:
            self._operations += 1
            params = {
                "seq": self._operations,
                "batch": row[0],
                "provider": self._random.choice(list(ZONES)),
                "currency": self._random.choice(["EUR", "USD"]),
                "amount": amount,
            }
            connection.execute(_OPERATION, params)

    def _amounts(self) -> list[int]:
        count = self._random.choice([0, 1, 1, 3, 12])
        return [
            self._random.choice([-1, 1]) * self._random.randint(0, 30) for _ in range(count)
        ]

    def scan(self, minor: int, currency: str, day: date) -> set[str]:
        """Our ids of the operations of an amount on a day of each provider."""
        with psycopg.connect(self.url) as connection:
            windows = {slug: day_window(day, ZoneInfo(zone)) for slug, zone in ZONES.items()}
            return {
                transaction_id(row[0], row[1], 0)
                for slug, window in windows.items()
                for row in connection.execute(
                    _SCAN, [slug, currency, minor, window.start, window.end]
                )
            }


@pytest.fixture(params=[1, 2])
def books(database: str, request: pytest.FixtureRequest) -> Books:
    return Books(database, request.param)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database, pool_size=3)
    yield engine
    engine.dispose()


def found(
    engine: Engine, minor: int, currency: str, day: date, *, limit: int = 1_000
) -> set[str]:
    scope = SearchScope(zones=ZONES, day=day, limit=limit)
    text = f"{minor // 100}.{minor % 100:02} {currency}"
    hits = find_anything(engine, text, scope).hits
    return {hit.id for hit in hits if hit.kind is FoundKind.TRANSACTION}


def assert_found_as_by_scan(engine: Engine, books: Books) -> None:
    scanned = {
        (minor, code, day): books.scan(minor, code, day)
        for minor in (0, 1, 7, 19, 30, 31)
        for code in ("EUR", "USD")
        for day in DAYS
    }
    assert {key: found(engine, *key) for key in scanned} == scanned
    assert sum(len(ids) for ids in scanned.values()) > SIZE


def test_listed_or_not_an_amount_is_found_where_a_scan_finds_it(
    books: Books, engine: Engine
) -> None:
    assert_found_as_by_scan(engine, books)

    assert list_operation_amounts(engine, size=SIZE) > 5
    assert list_operation_amounts(engine, size=SIZE) == 0
    assert_found_as_by_scan(engine, books)

    with psycopg.connect(books.url) as connection:
        connection.execute("DELETE FROM operation_amounts WHERE first_batch < 75")
        assert found(engine, 7, "EUR", DAYS[1]) == books.scan(7, "EUR", DAYS[1])
    assert found(engine, 7, "EUR", DAYS[0]) == set()  # so it is looked up there


def test_no_more_are_found_than_asked_for(books: Books, engine: Engine) -> None:
    list_operation_amounts(engine, size=SIZE)
    day = max(DAYS, key=lambda day: len(books.scan(7, "EUR", day)))
    some = found(engine, 7, "EUR", day, limit=2)

    assert len(some) == 2
    assert some < books.scan(7, "EUR", day)


def test_what_comes_after_a_list_is_found_and_listed_next(books: Books, engine: Engine) -> None:
    list_operation_amounts(engine, size=SIZE)
    later = BEGINS + timedelta(days=3)
    with psycopg.connect(books.url) as connection:
        books.batch(connection, later, *[7] * SIZE, LISTED_BELOW)

    assert_found_as_by_scan(engine, books)
    assert list_operation_amounts(engine, size=SIZE) == 1
    assert_found_as_by_scan(engine, books)
    huge = {code: found(engine, LISTED_BELOW, code, later.date()) for code in ("EUR", "USD")}
    assert sum(len(ids) for ids in huge.values()) == 1


def test_nothing_is_listed_while_an_earlier_batch_may_still_be_committed(
    books: Books, engine: Engine
) -> None:
    with psycopg.connect(books.url) as slow, psycopg.connect(books.url) as quick:
        books.batch(slow, BEGINS + timedelta(days=3), 7)
        books.batch(quick, BEGINS + timedelta(days=3), *[8] * SIZE)
        quick.commit()
        assert list_operation_amounts(engine, size=SIZE, patience=NO_WAIT) == 0
        slow.commit()

    assert list_operation_amounts(engine, size=SIZE, patience=NO_WAIT) > 0
    assert_found_as_by_scan(engine, books)


def test_one_process_lists_at_a_time(books: Books, engine: Engine) -> None:
    with psycopg.connect(books.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('list amounts', 0))")
        assert list_operation_amounts(engine, size=SIZE) == 0
    assert list_operation_amounts(engine, size=SIZE) > 0


def test_lists_of_batches_before_the_cut_are_removed_and_what_is_here_is_found(
    books: Books, engine: Engine
) -> None:
    with engine.begin() as connection:
        assert forget_archived_operation_amounts(connection) == 0
    listed = list_operation_amounts(engine, size=SIZE)
    tamper(books.url, _CUT)
    with engine.begin() as connection:
        assert forget_archived_operation_amounts(connection) > 0

    with psycopg.connect(books.url) as connection:
        ((left, first),) = connection.execute(
            "SELECT count(*), min(first_batch) FROM listed_batches"
        ).fetchall()
        assert 0 < left < listed
        assert connection.execute(
            "SELECT count(*) FROM operation_amounts WHERE first_batch < %s", [first]
        ).fetchone() == (0,)
    assert_found_as_by_scan(engine, books)


def test_batches_before_the_cut_are_not_listed_because_their_rows_may_come_back(
    books: Books, engine: Engine
) -> None:
    tamper(books.url, _CUT)
    assert list_operation_amounts(engine, size=SIZE) > 0

    with psycopg.connect(books.url) as connection:
        earliest = connection.execute(
            "SELECT min(committed_at) FROM batches, listed_batches"
            " WHERE batch_id >= first_batch AND batch_id <= last_batch"
        ).fetchone()
    assert earliest is not None
    assert earliest[0] >= datetime(2026, 7, 1, tzinfo=UTC)
    assert_found_as_by_scan(engine, books)


def test_the_scheduler_lists_what_fills_a_stretch(database: str, engine: Engine) -> None:
    books = Books(database, 3)
    job = amount_job(database, ChildJobs())
    job.run("first")
    with psycopg.connect(database) as connection:
        counts = [connection.execute("SELECT count(*) FROM listed_batches").fetchone()]
        connection.execute(_BATCH, [STRETCH, BEGINS, BEGINS])
        connection.commit()
        job.run("second")
        counts.append(connection.execute("SELECT count(*) FROM listed_batches").fetchone())

    assert counts == [(0,), (1,)]
    assert found(engine, 7, "EUR", DAYS[1]) == books.scan(7, "EUR", DAYS[1])
