"""The providers' own history, kept: the newest of every record, and every version ever seen.

A record pushed again is the same record; a newer ``updated_at`` replaces an older one, never
the other way round. A *statement* that names one record id twice is the provider contradicting
itself, so both lines are kept as occurrences 1 and 2 and reconciliation reports the second.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Any

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, text

from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money

#: Rows sent to the database in one statement: bounds memory, amortises the round trip.
BATCH_ROWS = 20_000

_COLUMNS = (
    "record_id, occurrence, round_id, match_key, handle, currency, stake, payout, rolled_back,"
    " declared_net, balance_before, balance_after, game, created_at, updated_at"
)
_STAGE = f"""
CREATE TEMP TABLE IF NOT EXISTS feed_stage ON COMMIT DELETE ROWS AS
SELECT {_COLUMNS}, 0 AS line, ''::bytea AS content, ''::bytea AS raw
  FROM feed_records WHERE false
"""  # noqa: S608 - only the constant above is put in
#: One lock per provider: whether a round already has a record must not be asked by two at once.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('feed ' || :provider, 0))"
_KEEP_VERSIONS = """
WITH kept AS (
    INSERT INTO feed_versions
           (provider, record_id, updated_at, content, raw, source, received_at)
    SELECT DISTINCT ON (record_id, content)
           :provider, record_id, updated_at, content, raw, :source, :received_at
      FROM feed_stage ORDER BY record_id, content
    ON CONFLICT ON CONSTRAINT feed_versions_once DO NOTHING
    RETURNING record_id, content
), stale AS (
    -- A version seen before says nothing new, unless its very line was never stored.
    SELECT s.line FROM feed_stage s
     WHERE NOT EXISTS (SELECT FROM kept k
                        WHERE k.record_id = s.record_id AND k.content = s.content)
       AND EXISTS (SELECT FROM feed_records r
                    WHERE r.provider = :provider AND r.record_id = s.record_id
                      AND r.occurrence = s.occurrence)
)
SELECT (SELECT count(*) FROM kept), (SELECT array_agg(line) FROM stale)
"""
# Other records of a round are sought by its key alone, which already stands for the provider:
# asked for the provider too, a planner with old statistics walks through all it ever sent.
_UPSERT = f"""
INSERT INTO feed_records AS r
       (provider, {_COLUMNS}, received_at, source, continues)
SELECT :provider, {_COLUMNS}, :received_at, :source,
       row_number() OVER (PARTITION BY match_key ORDER BY record_id, occurrence) > 1
       OR EXISTS (SELECT FROM feed_records o
                   WHERE o.match_key = n.match_key
                     AND (o.record_id, o.occurrence) <> (n.record_id, n.occurrence))
  FROM (SELECT DISTINCT ON (record_id, occurrence) *
          FROM feed_stage WHERE line <> ALL (cast(:stale AS integer[]))
         ORDER BY record_id, occurrence, updated_at DESC, line DESC) n
ON CONFLICT ON CONSTRAINT feed_records_pkey DO UPDATE SET
    round_id = EXCLUDED.round_id, match_key = EXCLUDED.match_key, handle = EXCLUDED.handle,
    currency = EXCLUDED.currency, stake = EXCLUDED.stake, payout = EXCLUDED.payout,
    rolled_back = EXCLUDED.rolled_back, declared_net = EXCLUDED.declared_net,
    balance_before = EXCLUDED.balance_before, balance_after = EXCLUDED.balance_after,
    game = EXCLUDED.game, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at,
    received_at = EXCLUDED.received_at, source = EXCLUDED.source,
    continues = r.continues OR EXCLUDED.continues
 WHERE r.updated_at <= EXCLUDED.updated_at
"""  # noqa: S608 - only the constant above is put in


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """What became of the records of one call.

    Attributes:
        received: records given.
        versions: versions never seen before, now kept.
        stored: records that are new or replaced an older one.
    """

    received: int
    versions: int
    stored: int

    def __add__(self, other: "FeedCount") -> "FeedCount":
        return FeedCount(
            received=self.received + other.received,
            versions=self.versions + other.versions,
            stored=self.stored + other.stored,
        )


_NOTHING = FeedCount(received=0, versions=0, stored=0)


def store_records(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
) -> FeedCount:
    """Keep pushed records, each id once with its newest version current.

    Runs inside the caller's transaction. At equal ``updated_at`` the content seen last wins;
    content seen before is a no-op.
    """
    numbered = ((record, 1) for record in records)
    return _store(connection, provider_slug, numbered, source, received_at)


def store_statement(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
) -> FeedCount:
    """Keep the lines of one statement file; an id named again becomes a further occurrence.

    The same file twice is a no-op. Must be called with the whole file at once, because
    occurrences are counted within the call.
    """
    return _store(connection, provider_slug, _number(records), source, received_at)


def _number(records: Iterable[HistoryRecord]) -> Iterator[tuple[HistoryRecord, int]]:
    seen: Counter[str] = Counter()
    for record in records:
        seen[record.record_id] += 1
        yield record, seen[record.record_id]


def _store(
    connection: Connection,
    provider: str,
    numbered: Iterable[tuple[HistoryRecord, int]],
    source: str,
    received_at: datetime,
) -> FeedCount:
    said = {"provider": provider, "source": source, "received_at": received_at}
    total = _NOTHING
    connection.execute(text(_STAGE))
    connection.execute(text(_LOCK), {"provider": provider})
    rows = iter(numbered)
    while batch := list(islice(rows, BATCH_ROWS)):
        connection.execute(text("DELETE FROM feed_stage"))
        _copy(connection, provider, batch)
        connection.execute(text("ANALYZE feed_stage"))
        total += _merge(connection, said, len(batch))
    connection.execute(text("DELETE FROM feed_stage"))
    return total


def _merge(connection: Connection, said: dict[str, Any], received: int) -> FeedCount:
    versions, stale = connection.execute(text(_KEEP_VERSIONS), said).one()
    stored = connection.execute(text(_UPSERT), {**said, "stale": stale or []}).rowcount
    return FeedCount(received=received, versions=versions, stored=stored)


def _copy(
    connection: Connection, provider: str, batch: Iterable[tuple[HistoryRecord, int]]
) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY feed_stage ({_COLUMNS}, line, content, raw) FROM STDIN") as copy,
    ):
        for line, (record, occurrence) in enumerate(batch):
            copy.write_row(_row(provider, record, occurrence, line))


def _row(
    provider: str, record: HistoryRecord, occurrence: int, line: int
) -> tuple[object, ...]:
    return (
        record.record_id,
        occurrence,
        record.round_id,
        match_key(provider, record.round_id),
        record.handle,
        record.currency,
        record.stake.minor,
        record.payout.minor,
        record.rolled_back,
        _minor(record.declared_net),
        _minor(record.balance_before),
        _minor(record.balance_after),
        record.game,
        record.created_at,
        record.updated_at,
        line,
        blake2b(record.raw, digest_size=16).digest(),
        record.raw,
    )


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.minor
