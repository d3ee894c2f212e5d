"""Staging of records in a temporary table, so that each step of storing is one statement.

    feed_stage  temporary: the records of the delivery being stored, in its order

No statement that fills ``feed_records`` looks anything up in it: a planner that has never seen
the table filled would scan it once for each new row. What has to be known of stored records is
marked in the staged ones before.
"""

from collections.abc import Iterable
from hashlib import blake2b

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, text

from vocabulary.facts import HistoryRecord
from vocabulary.ids import match_key
from vocabulary.money import Money

#: The columns of ``feed_records`` that a record fills.
STAGED_COLUMNS = (
    "record_id, occurrence, round_id, match_key, handle, currency, stake, payout, rolled_back,"
    " declared_net, balance_before, balance_after, game, created_at, updated_at"
)
_CREATE = f"""
CREATE TEMP TABLE IF NOT EXISTS feed_stage ON COMMIT DELETE ROWS AS
SELECT {STAGED_COLUMNS}, continues, 0 AS line, ''::bytea AS content, ''::bytea AS raw,
       false AS is_reread
  FROM feed_records WHERE false
"""  # noqa: S608 - only the constant above is put in
_COPY = (
    f"COPY feed_stage ({STAGED_COLUMNS}, continues, line, content, raw)"
    " FROM STDIN (FORMAT BINARY)"
)
#: Fewer stored records than this need no statistics at once.
_MANY = 10_000
_COUNTED = "SELECT reltuples FROM pg_class WHERE oid = 'feed_records'::regclass"
#: The types of these columns; binary data is not converted.
_TYPES = (
    "text int4 text int8 text text int8 int8 bool int8 int8 int8 text timestamptz timestamptz"
    " bool int4 bytea bytea"
).split()
# What the following statements join and group by.
_ANALYZE = "ANALYZE feed_stage (record_id, occurrence, match_key, line, content)"
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
_SUPERSEDED = """
DELETE FROM feed_stage s
 USING (SELECT line, row_number() OVER (PARTITION BY record_id, occurrence
                                        ORDER BY updated_at DESC, line DESC) AS place
          FROM feed_stage
         WHERE record_id IN (SELECT record_id FROM feed_stage
                              GROUP BY record_id HAVING count(*) > 1)) n
 WHERE s.line = n.line AND n.place > 1
"""
_CONTINUING = """
UPDATE feed_stage s SET continues = true
  FROM (SELECT line, row_number() OVER (PARTITION BY match_key
                                        ORDER BY record_id, occurrence) AS place
          FROM feed_stage
         WHERE match_key IN (SELECT match_key FROM feed_stage
                              GROUP BY match_key HAVING count(*) > 1)) n
 WHERE s.line = n.line AND n.place > 1
"""
# Other records of a round are looked up by match key alone, which includes the provider: with
# the provider as a second condition, a planner with old statistics scans its whole history.
_CONTINUING_STORED = """
UPDATE feed_stage s SET continues = true
 WHERE NOT s.continues
   AND EXISTS (SELECT FROM feed_records o
                WHERE o.match_key = s.match_key
                  AND (o.record_id, o.occurrence) <> (s.record_id, s.occurrence))
"""


def stage_records(
    connection: Connection, provider: str, records: Iterable[HistoryRecord]
) -> int:
    """Copy records into an empty stage while they are read; returns their number.

    They stay there until the transaction ends, or the next call.
    """
    connection.execute(text(_CREATE))
    connection.execute(text("DELETE FROM feed_stage"))
    received = _copy(connection, provider, records)
    connection.execute(text(_ANALYZE))
    return received


def number_occurrences(connection: Connection) -> None:
    """Number the lines of a statement that have the same id."""
    connection.execute(text(_OCCURRENCES))


def keep_newest(connection: Connection) -> None:
    """Drop all staged versions of an occurrence but the newest."""
    connection.execute(text(_SUPERSEDED))


def mark_continuing(connection: Connection) -> None:
    """Mark records whose round has another record, staged before them or stored."""
    connection.execute(text(_CONTINUING))
    connection.execute(text(_CONTINUING_STORED))


def refresh_statistics(connection: Connection, stored: int) -> None:
    """Collect statistics after a load that is larger than all that was counted before."""
    if stored < _MANY:
        return
    counted = connection.execute(text(_COUNTED)).scalar_one()
    if stored > counted:
        connection.execute(text("ANALYZE feed_records, feed_versions"))


def _copy(connection: Connection, provider: str, records: Iterable[HistoryRecord]) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    received = 0
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
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
        False,
        line,
        blake2b(record.raw, digest_size=16).digest(),
        record.raw,
    )


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.minor
