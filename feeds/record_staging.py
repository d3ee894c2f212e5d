"""Staging of records in a temporary table, so that each step of storing is one statement.

    feed_stage     temporary: the records of the delivery being stored, in its order
    feed_repeated  temporary: keys that several of them have

No statement that fills ``feed_records`` looks anything up in it: a planner that has never seen
the table filled would scan it once for each new row. What has to be known of stored records is
marked in the staged ones before.
"""

from collections.abc import Iterable, Iterator

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Connection, text

from feeds.staged_rows import ROW_COLUMNS, StagedRows, staged_row
from vocabulary.facts import HistoryRecord
from vocabulary.pacing import pause_point

#: The columns of ``feed_records`` that a record fills.
STAGED_COLUMNS = (
    "record_id, occurrence, round_id, match_key, handle, currency, stake, payout, rolled_back,"
    " declared_net, balance_before, balance_after, game, created_at, updated_at"
)
_CREATE = """
CREATE TEMP TABLE IF NOT EXISTS feed_stage (
    record_id text NOT NULL,
    occurrence integer NOT NULL DEFAULT 1,
    round_id text NOT NULL,
    match_key bigint NOT NULL,
    handle text NOT NULL,
    currency text NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    rolled_back boolean NOT NULL,
    declared_net bigint,
    balance_before bigint,
    balance_after bigint,
    game text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    continues boolean NOT NULL DEFAULT false,
    line bigint GENERATED ALWAYS AS IDENTITY,
    content bytea NOT NULL,
    raw bytea NOT NULL,
    is_reread boolean NOT NULL DEFAULT false
) ON COMMIT DELETE ROWS
"""
#: Whether a row of the stage, ``s``, is in a piece.
IN_PIECE = "s.ctid >= CAST(:first_row AS tid) AND s.ctid < CAST(:next_row AS tid)"
_COPY = f"COPY feed_stage ({ROW_COLUMNS}) FROM STDIN"
#: Rows of single records that are sent together.
_SENT_ROWS = 500
#: Pages of the stage, of 8 KiB each, whose records are stored by one statement: a commit that
#: waits for the log meanwhile waits for no more than what they write.
_PIECE_PAGES = 256
_PAGES = "SELECT pg_relation_size('pg_temp.feed_stage') / current_setting('block_size')::int"
#: Fewer stored records than this need no statistics at once.
_MANY = 10_000
_COUNTED = "SELECT reltuples FROM pg_class WHERE oid = 'feed_records'::regclass"
# What the following statements join and group by.
_ANALYZE = "ANALYZE feed_stage (record_id, occurrence, match_key, line, content)"
# Most deliveries repeat few keys or none: they are found first, so that planners know how few.
_REPEATED_KEYS = """
INSERT INTO feed_repeated (record_id) SELECT record_id FROM feed_stage
 GROUP BY record_id HAVING count(*) > 1
"""
_REPEATED_ROUNDS = """
INSERT INTO feed_repeated (match_key) SELECT match_key FROM feed_stage
 GROUP BY match_key HAVING count(*) > 1
"""
_CREATE_REPEATED = """
CREATE TEMP TABLE IF NOT EXISTS feed_repeated (record_id text, match_key bigint)
    ON COMMIT DELETE ROWS
"""
# Occurrences of an id are numbered by content, so the order of lines does not matter.
_OCCURRENCES = """
UPDATE feed_stage s SET occurrence = n.occurrence
  FROM (SELECT s.ctid, row_number() OVER (PARTITION BY record_id
                                          ORDER BY updated_at, content, line) AS occurrence
          FROM feed_stage s JOIN feed_repeated USING (record_id)) n
 WHERE s.ctid = n.ctid AND n.occurrence > 1
"""
_SUPERSEDED = """
DELETE FROM feed_stage s
 USING (SELECT s.ctid, row_number() OVER (PARTITION BY record_id, occurrence
                                          ORDER BY updated_at DESC, line DESC) AS place
          FROM feed_stage s JOIN feed_repeated USING (record_id)) n
 WHERE s.ctid = n.ctid AND n.place > 1
"""
_CONTINUING = """
UPDATE feed_stage s SET continues = true
  FROM (SELECT s.ctid, row_number() OVER (PARTITION BY s.match_key
                                          ORDER BY s.record_id, s.occurrence) AS place
          FROM feed_stage s JOIN feed_repeated r USING (match_key)) n
 WHERE s.ctid = n.ctid AND n.place > 1
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
    connection: Connection, provider: str, records: Iterable[HistoryRecord | StagedRows]
) -> int:
    """Copy records into an empty stage while they are read; returns their number.

    They stay there until the transaction ends, or the next call.
    """
    connection.execute(text(_CREATE))
    connection.execute(text("DELETE FROM feed_stage"))
    received = _copy(connection, provider, records)
    connection.execute(text(_ANALYZE))
    return received


def pieces(connection: Connection) -> Iterator[dict[str, str]]:
    """Ranges of rows that divide the stage, as parameters of ``IN_PIECE``; may pause between.

    The stage must not change meanwhile.
    """
    pages = connection.execute(text(_PAGES)).scalar_one()
    for first in range(0, pages, _PIECE_PAGES):
        if first:
            pause_point()
        yield {"first_row": f"({first},0)", "next_row": f"({first + _PIECE_PAGES},0)"}


def number_occurrences(connection: Connection) -> None:
    """Number the lines of a statement that have the same id."""
    if _find_repeated(connection, _REPEATED_KEYS):
        connection.execute(text(_OCCURRENCES))


def keep_newest(connection: Connection) -> None:
    """Drop all staged versions of an occurrence but the newest."""
    if _find_repeated(connection, _REPEATED_KEYS):
        connection.execute(text(_SUPERSEDED))


def mark_continuing(connection: Connection) -> None:
    """Mark records whose round has another record, staged before them or stored."""
    if _find_repeated(connection, _REPEATED_ROUNDS):
        connection.execute(text(_CONTINUING))
    connection.execute(text(_CONTINUING_STORED))


def _find_repeated(connection: Connection, keys: str) -> int:
    """Collect the keys that several staged records have; returns their number."""
    connection.execute(text(_CREATE_REPEATED))
    connection.execute(text("DELETE FROM feed_repeated"))
    repeated = connection.execute(text(keys)).rowcount
    connection.execute(text("ANALYZE feed_repeated"))
    return repeated


def refresh_statistics(connection: Connection, stored: int) -> None:
    """Collect statistics after a load that is larger than all that was counted before."""
    if stored < _MANY:
        return
    counted = connection.execute(text(_COUNTED)).scalar_one()
    if stored > counted:
        connection.execute(text("SELECT refresh_feed_statistics()"))


def _copy(
    connection: Connection, provider: str, records: Iterable[HistoryRecord | StagedRows]
) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    received = 0
    rows: list[str] = []
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for record in records:
            if isinstance(record, StagedRows):
                rows.append(record.text)
                received += record.count
            else:
                rows.append(staged_row(provider, record))
                received += 1
            if isinstance(record, StagedRows) or len(rows) == _SENT_ROWS:
                copy.write("".join(rows))
                rows.clear()
                pause_point()
        copy.write("".join(rows))
    return received
