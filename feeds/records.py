"""The providers' own history, kept: the newest of every record, and every version ever seen.

A record pushed again is the same record; a newer ``updated_at`` replaces an older one, never
the other way round. A *statement* that names one record id twice is the provider contradicting
itself, so both lines are kept as occurrences 1 and 2 and reconciliation reports the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, text

from feeds.withdrawals import remember, told_again
from feeds.write_order import lock_history, next_number
from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money

#: Records that are late or repeated, told by their id; there may be more.
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
# An id named again is told apart by what it says, so that the order of lines decides nothing.
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
# What a record said before belongs to the span too: it may have left its day.
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
    -- A version seen before says nothing new, unless its very line was never stored.
    DELETE FROM feed_stage s
     WHERE NOT EXISTS (SELECT FROM kept k
                        WHERE k.record_id = s.record_id AND k.content = s.content)
       AND EXISTS (SELECT FROM feed_records r
                    WHERE r.provider = :provider AND r.record_id = s.record_id
                      AND r.occurrence = s.occurrence)
)
SELECT count(*) FROM kept
"""
# Other records of a round are sought by its key alone, which already stands for the provider:
# asked for the provider too, a planner with old statistics walks through all it ever sent.
# A row is new where nothing was there to be updated: it then has no deleting transaction.
_UPSERT = f"""
WITH told AS (
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
    SELECT record_id, created_at FROM told
     WHERE is_new AND created_at < cast(:read_to AS timestamptz)
       AND NOT EXISTS (SELECT FROM feed_withdrawals w
                        WHERE w.provider = :provider AND w.record_id = told.record_id)
)
SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM late),
       ARRAY(SELECT record_id FROM late ORDER BY created_at, record_id LIMIT :most)
"""  # noqa: S608 - only the constant above is put in


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """What became of the records of one call.

    Attributes:
        received: records given.
        versions: versions never seen before, now kept.
        stored: records that are new or replaced an older one.
        late: of them, new ones of a time that was read before.
        late_ids: the first of those, oldest first.
        repeated_ids: the first ids that the call named more than once, where that counts.
        first, last: the earliest and the latest instant that a record was created at, or was
            said to be before, of those not known word for word; None where there is none.
        remembered: what was told is at hand until the transaction ends, in ``feed_told``.
    """

    received: int
    versions: int
    stored: int
    late: int = 0
    late_ids: tuple[str, ...] = field(default=(), compare=False)
    repeated_ids: tuple[str, ...] = field(default=(), compare=False)
    first: datetime | None = field(default=None, compare=False)
    last: datetime | None = field(default=None, compare=False)
    remembered: bool = field(default=False, compare=False)


def store_records(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
    read_to: datetime | None = None,
    remembers: bool = False,
) -> FeedCount:
    """Keep pushed records, each id once with its newest version current.

    Runs inside the caller's transaction. At equal ``updated_at`` the content seen last wins;
    content seen before is a no-op.

    Args:
        connection: the caller's transaction.
        provider_slug: whose records.
        records: as told, in that order.
        source: 'push', 'pull', or the name of a file.
        received_at: our instant.
        read_to: everything before it was read already; what is new and older came late.
        remembers: keep what was told in ``feed_told``; see ``feeds.withdrawals``.
    """
    said = _Said(provider_slug, source, received_at, read_to)
    return _store(connection, said, records, several=False, remembers=remembers)


def store_statement(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord],
    *,
    source: str,
    received_at: datetime,
    read_to: datetime | None = None,
) -> FeedCount:
    """Keep the lines of one statement file; an id named again becomes a further occurrence.

    The same file twice is a no-op, and so is the same file with its lines in another order.
    Must be called with the whole file at once, because occurrences are counted within the
    call. ``read_to`` is as in ``store_records``, and what was told is remembered.
    """
    said = _Said(provider_slug, source, received_at, read_to)
    return _store(connection, said, records, several=True, remembers=True)


@dataclass(frozen=True, slots=True)
class _Said:
    """Who told it, how, and when."""

    provider: str
    source: str
    received_at: datetime
    read_to: datetime | None


def _store(
    connection: Connection,
    told: _Said,
    records: Iterable[HistoryRecord],
    *,
    several: bool,
    remembers: bool,
) -> FeedCount:
    connection.execute(text(_STAGE))
    # Two writers must not ask at once whether a round already has a record.
    lock_history(connection, told.provider)
    connection.execute(text("DELETE FROM feed_stage"))
    received = _copy(connection, told.provider, records)
    connection.execute(text("ANALYZE feed_stage"))
    repeated: Sequence[str] = ()
    if several:
        connection.execute(text(_OCCURRENCES))
        repeated = connection.execute(text(_REPEATED), {"most": IDS_MAX}).scalars().all()
    if remembers:
        remember(connection)
    count = _merge(connection, told, received)
    connection.execute(text("DELETE FROM feed_stage"))
    return replace(count, repeated_ids=tuple(repeated), remembered=remembers)


def _merge(connection: Connection, told: _Said, received: int) -> FeedCount:
    said = {**asdict(told), "stored_no": next_number(connection), "most": IDS_MAX}
    told_again(connection, said)
    versions = connection.execute(text(_KEEP_VERSIONS), said).scalar_one()
    stored, late, late_ids = connection.execute(text(_UPSERT), said).one()
    first, last = connection.execute(text(_SPAN), said).one()
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
