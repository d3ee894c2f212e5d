"""The providers' own history: the newest version of every record, and every version ever seen.

A record that is delivered again is the same record: a newer ``updated_at`` replaces an older
one, never the other way round. A *statement* that names one record id twice contradicts itself,
so both lines are kept as occurrences 1 and 2 and reconciliation reports the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, text

from feeds.partial_rollbacks import resolve_partial_rollbacks
from feeds.withdrawals import keep_delivered_keys, record_returns
from feeds.write_order import lock_history, next_number
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money

#: Ids of late or repeated records that are returned; there may be more of them.
IDS_MAX = 1_000

_COLUMNS = (
    "record_id, occurrence, round_id, match_key, handle, currency, stake, payout, rolled_back,"
    " declared_net, balance_before, balance_after, game, created_at, updated_at"
)
_STAGE = f"""
CREATE TEMP TABLE IF NOT EXISTS feed_stage ON COMMIT DELETE ROWS AS
SELECT {_COLUMNS}, 0 AS line, ''::bytea AS content, ''::bytea AS raw
  FROM feed_records WHERE false
"""  # noqa: S608 - only the constant above is put in
# Occurrences of an id are numbered by content, so the order of lines does not matter.
_OCCURRENCES = """
UPDATE feed_stage s SET occurrence = n.occurrence
  FROM (SELECT line, row_number() OVER (PARTITION BY record_id
                                        ORDER BY updated_at, content, line) AS occurrence
          FROM feed_stage
         WHERE record_id IN (SELECT record_id FROM feed_stage
                              GROUP BY record_id HAVING count(*) > 1)) n
 WHERE s.line = n.line AND n.occurrence > 1
"""
_REPEATED = """
SELECT DISTINCT record_id FROM feed_stage WHERE occurrence > 1 ORDER BY record_id LIMIT :most
"""
# The span includes superseded versions: the record may have moved to another day.
_SPAN = """
SELECT min(created_at), max(created_at)
  FROM (SELECT created_at FROM feed_stage
        UNION ALL
        SELECT created_at FROM feed_superseded
         WHERE provider = :provider AND superseded_no = :stored_no) AS touched
"""
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
    -- A known version brings nothing new, unless its occurrence was never stored.
    DELETE FROM feed_stage s
     WHERE NOT EXISTS (SELECT FROM kept k
                        WHERE k.record_id = s.record_id AND k.content = s.content)
       AND EXISTS (SELECT FROM feed_records r
                    WHERE r.provider = :provider AND r.record_id = s.record_id
                      AND r.occurrence = s.occurrence)
)
SELECT count(*) FROM kept
"""
# Other records of a round are looked up by match key alone, which includes the provider: with
# the provider as a second condition, a planner with old statistics scans its whole history.
# A returned row with xmax = 0 was inserted, not updated.
_UPSERT = f"""
WITH stored AS (
INSERT INTO feed_records AS r
       (provider, {_COLUMNS}, received_at, source, continues, stored_no)
SELECT :provider, {_COLUMNS}, :received_at, :source,
       row_number() OVER (PARTITION BY match_key ORDER BY record_id, occurrence) > 1
       OR EXISTS (SELECT FROM feed_records o
                   WHERE o.match_key = n.match_key
                     AND (o.record_id, o.occurrence) <> (n.record_id, n.occurrence)),
       :stored_no
  FROM (SELECT DISTINCT ON (record_id, occurrence) *
          FROM feed_stage ORDER BY record_id, occurrence, updated_at DESC, line DESC) n
ON CONFLICT ON CONSTRAINT feed_records_pkey DO UPDATE SET
    round_id = EXCLUDED.round_id, match_key = EXCLUDED.match_key, handle = EXCLUDED.handle,
    currency = EXCLUDED.currency, stake = EXCLUDED.stake, payout = EXCLUDED.payout,
    rolled_back = EXCLUDED.rolled_back, declared_net = EXCLUDED.declared_net,
    balance_before = EXCLUDED.balance_before, balance_after = EXCLUDED.balance_after,
    game = EXCLUDED.game, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at,
    received_at = EXCLUDED.received_at, source = EXCLUDED.source,
    continues = r.continues OR EXCLUDED.continues, stored_no = EXCLUDED.stored_no
 WHERE r.updated_at <= EXCLUDED.updated_at
RETURNING record_id, created_at, xmax = 0 AS is_new
), late AS (
    SELECT record_id, created_at FROM stored
     WHERE is_new AND created_at < cast(:read_to AS timestamptz)
       AND NOT EXISTS (SELECT FROM feed_withdrawals w
                        WHERE w.provider = :provider AND w.record_id = stored.record_id)
)
SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM late),
       ARRAY(SELECT record_id FROM late ORDER BY created_at, record_id LIMIT :most)
"""  # noqa: S608 - only the constant above is put in


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """The effect of storing some records.

    Attributes:
        received: records passed in.
        versions: versions that were not known, now kept.
        stored: records that are new or replaced an older version.
        late: new records of a time that was read before.
        late_ids: the first of them, oldest first.
        repeated_ids: the first ids that a statement names more than once.
        first, last: the earliest and latest creation of records that are new or changed, before
            or after the change; None if there are none.
        has_delivered_keys: ``feed_delivered`` holds the keys of all records passed in until the
            transaction ends.
    """

    received: int
    versions: int
    stored: int
    late: int = 0
    late_ids: tuple[str, ...] = field(default=(), compare=False)
    repeated_ids: tuple[str, ...] = field(default=(), compare=False)
    first: datetime | None = field(default=None, compare=False)
    last: datetime | None = field(default=None, compare=False)
    has_delivered_keys: bool = field(default=False, compare=False)


def store_records(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
    read_to: datetime | None = None,
    keeps_keys: bool = False,
) -> FeedCount:
    """Store pushed or pulled records, one per id, within the caller's transaction.

    The newest version is current. At equal ``updated_at`` the content received last wins;
    storing known content again changes nothing.

    Args:
        connection: the caller's transaction.
        provider_slug: the provider.
        records: in the order in which they were reported.
        source: 'push', 'pull', or the name of a file.
        received_at: our instant.
        read_to: everything before it was read already, so new records before it are late.
        keeps_keys: keep the keys of all records in ``feed_delivered``, see
            ``feeds.withdrawals``.
    """
    delivery = _Delivery(provider_slug, source, received_at, read_to)
    return _store(connection, delivery, records, is_statement=False, keeps_keys=keeps_keys)


def store_statement(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
    read_to: datetime | None = None,
) -> FeedCount:
    """Store the lines of one statement file; a repeated id becomes a further occurrence.

    Storing the same file again changes nothing, even with its lines in another order. All
    records of the file belong into one call, because occurrences are counted within it. The
    arguments are those of ``store_records``; the keys of all records are kept.
    """
    delivery = _Delivery(provider_slug, source, received_at, read_to)
    return _store(connection, delivery, records, is_statement=True, keeps_keys=True)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Where records come from, and when they came."""

    provider: str
    source: str
    received_at: datetime
    read_to: datetime | None


def _store(
    connection: Connection,
    delivery: _Delivery,
    records: Iterable[HistoryRecord],
    *,
    is_statement: bool,
    keeps_keys: bool,
) -> FeedCount:
    connection.execute(text(_STAGE))
    # Two writers must not ask at once whether a round already has a record.
    lock_history(connection, delivery.provider)
    connection.execute(text("DELETE FROM feed_stage"))
    received = _copy(connection, delivery.provider, records)
    connection.execute(text("ANALYZE feed_stage"))
    repeated: Sequence[str] = ()
    if is_statement:
        connection.execute(text(_OCCURRENCES))
        repeated = connection.execute(text(_REPEATED), {"most": IDS_MAX}).scalars().all()
    if keeps_keys:
        keep_delivered_keys(connection)
    count = _merge(connection, delivery, received)
    connection.execute(text("DELETE FROM feed_stage"))
    return replace(count, repeated_ids=tuple(repeated), has_delivered_keys=keeps_keys)


def _merge(connection: Connection, delivery: _Delivery, received: int) -> FeedCount:
    params = {**asdict(delivery), "stored_no": next_number(connection), "most": IDS_MAX}
    record_returns(connection, params)
    versions = connection.execute(text(_KEEP_VERSIONS), params).scalar_one()
    stored, late, late_ids = connection.execute(text(_UPSERT), params).one()
    resolve_partial_rollbacks(connection, params)
    first, last = connection.execute(text(_SPAN), params).one()
    return FeedCount(
        received=received,
        versions=versions,
        stored=stored,
        late=late,
        late_ids=tuple(late_ids),
        first=first,
        last=last,
    )


def _copy(connection: Connection, provider: str, records: Iterable[HistoryRecord]) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    received = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY feed_stage ({_COLUMNS}, line, content, raw) FROM STDIN") as copy,
    ):
        for line, record in enumerate(records):
            copy.write_row(_row(provider, record, line))
            received += 1
    return received


def _row(provider: str, record: HistoryRecord, line: int) -> tuple[object, ...]:
    return (
        record.record_id,
        1,
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
