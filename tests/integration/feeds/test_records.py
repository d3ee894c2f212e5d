"""Records are stored once with their newest version; every version is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, text

from feeds.records import FeedCount, store_records, store_statement
from storage.engine import open_engine
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RECORD = HistoryRecord(
    record_id="r-1",
    round_id="bet-1",
    handle="alice",
    currency="USD",
    stake=Money(500, "USD"),
    payout=Money(0, "USD"),
    rolled_back=False,
    declared_net=Money(-500, "USD"),
    balance_before=None,
    balance_after=None,
    game="plinko",
    created_at=NOON,
    updated_at=NOON,
    raw=b"first",
)
SETTLED = replace(
    RECORD, payout=Money(900, "USD"), updated_at=NOON + MINUTE, raw=b"settled later"
)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def _push(engine: Engine, *records: HistoryRecord) -> FeedCount:
    with engine.begin() as connection:
        return store_records(connection, "agg", records, source="push", received_at=NOON)


def _import(engine: Engine, *records: HistoryRecord) -> FeedCount:
    with engine.begin() as connection:
        return store_statement(connection, "agg", records, source="day.csv", received_at=NOON)


def _current(engine: Engine) -> list[tuple[object, ...]]:
    query = (
        "SELECT record_id, occurrence, payout, continues FROM feed_records"
        " ORDER BY record_id, occurrence"
    )
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _versions(engine: Engine) -> list[bytes]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT raw FROM feed_versions ORDER BY raw"))
        return [bytes(raw) for (raw,) in rows]


def test_a_newer_version_replaces_an_older_one_and_both_are_kept(engine: Engine) -> None:
    assert _push(engine, RECORD) == FeedCount(received=1, versions=1, stored=1)
    assert _push(engine, SETTLED) == FeedCount(received=1, versions=1, stored=1)
    assert _current(engine) == [("r-1", 1, 900, False)]
    assert _versions(engine) == [b"first", b"settled later"]


def test_an_older_version_that_arrives_late_is_kept_but_not_current(engine: Engine) -> None:
    _push(engine, SETTLED)
    assert _push(engine, RECORD) == FeedCount(received=1, versions=1, stored=0)
    assert _current(engine) == [("r-1", 1, 900, False)]
    assert _versions(engine) == [b"first", b"settled later"]


def test_the_same_record_pushed_again_changes_nothing(engine: Engine) -> None:
    _push(engine, RECORD)
    assert _push(engine, RECORD, RECORD) == FeedCount(received=2, versions=0, stored=0)
    assert _current(engine) == [("r-1", 1, 0, False)]


def test_both_versions_in_one_call_leave_the_newer_current(engine: Engine) -> None:
    assert _push(engine, SETTLED, RECORD) == FeedCount(received=2, versions=2, stored=1)
    assert _current(engine) == [("r-1", 1, 900, False)]


def test_at_the_same_instant_the_later_content_wins_for_good(
    engine: Engine,
) -> None:
    restated = replace(RECORD, payout=Money(70, "USD"), raw=b"restated")
    _import(engine, RECORD)
    assert _import(engine, restated).stored == 1
    assert _import(engine, RECORD).stored == 0
    assert _current(engine) == [("r-1", 1, 70, False)]


def test_a_repeated_id_in_a_statement_is_a_second_occurrence(engine: Engine) -> None:
    assert _import(engine, RECORD, RECORD) == FeedCount(received=2, versions=1, stored=2)
    assert _current(engine) == [("r-1", 1, 0, False), ("r-1", 2, 0, True)]
    assert _import(engine, RECORD, RECORD) == FeedCount(received=2, versions=0, stored=0)


def test_a_second_record_of_a_round_is_marked_as_continuing_it(engine: Engine) -> None:
    _push(engine, RECORD)
    _push(engine, replace(RECORD, record_id="r-2", raw=b"second"))
    assert _current(engine) == [("r-1", 1, 0, False), ("r-2", 1, 0, True)]


def test_the_stored_row_has_the_values_of_the_record(engine: Engine) -> None:
    _push(engine, RECORD)
    query = (
        "SELECT round_id, match_key, handle, currency, stake, payout, rolled_back,"
        " declared_net, balance_before, balance_after, game, created_at, updated_at, source"
        " FROM feed_records"
    )
    with engine.begin() as connection:
        row = connection.execute(text(query)).one()
    assert tuple(row) == (
        *("bet-1", match_key("agg", "bet-1"), "alice", "USD", 500, 0, False, -500),
        *(None, None, "plinko", NOON, NOON, "push"),
    )


def test_thousands_of_records_are_stored_at_once(engine: Engine) -> None:
    many = [
        replace(RECORD, record_id=f"r-{n}", round_id=f"bet-{n}", raw=str(n).encode())
        for n in range(25_000)
    ]
    assert _push(engine, *many) == FeedCount(received=25_000, versions=25_000, stored=25_000)
    assert _push(engine, *many) == FeedCount(received=25_000, versions=0, stored=0)
