"""Let records, deliveries and statement files of an archived month go, after its operations.

What leaves is staged once and written to a supplement of the archive, which is read back. The
hashes of its versions are added to ``archived_records`` first, so that a late version is never
taken for a new record; then chunks leave, each in a transaction of its own. The database's
triggers compare every row with what was read back. Repeating an interrupted run completes it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, text

from feeds.statements.file_release import let_files_go
from ledger.archive.months import month_bounds
from ledger.archive.supplement import SupplementTable, write_supplement
from storage.archive.archives import Archive
from storage.archive.packed_hashes import merge_staged_hashes
from storage.transactions import reading, transaction
from storage.vacuum import vacuum
from vocabulary.errors import Contradiction
from vocabulary.plurals import counted

_NAMED_MAX = 10
#: Callbacks of a provider's log that leave together were attempted within so long.
_LOGGED_SPAN = timedelta(days=1)
#: Deliveries that leave together have numbers so far apart.
_DELIVERIES_SPAN = 10_000

_STAGED = "FROM leaving_records l JOIN {table} t USING (provider, record_id) ORDER BY {order}"
_LISTED = """
FROM leaving_listings l JOIN {table} t USING (file_id, record_id, occurrence) ORDER BY {order}
"""
_LOG = "FROM leaving_logged('{until}') t ORDER BY {order}"
_TABLES = (
    ("feed_records", _STAGED, "t.provider, t.record_id, t.occurrence"),
    ("feed_versions", _STAGED, "t.provider, t.record_id, t.version_id"),
    ("feed_superseded", _STAGED, "t.provider, t.record_id, t.occurrence, t.superseded_no"),
    ("feed_file_records", _LISTED, "t.file_id, t.record_id, t.occurrence"),
    (
        "feed_file_parts",
        "FROM leaving_files JOIN {table} t USING (file_id) ORDER BY {order}",
        "t.file_id, t.part",
    ),
    ("deliveries", "FROM leaving_deliveries('{until}') t ORDER BY {order}", "t.delivery_id"),
    ("provider_deliveries", _LOG, "t.provider, t.webhook_id, t.delivery_id"),
)
_STAGE_RECORDS = "SELECT stage_leaving_records(:until)"
_STAGE_FILES = "SELECT stage_leaving_files(:until)"
# A round about which somebody still has to decide may be reported by another spelling of its
# id: the break names it, or the record. These stay, as do the records of the round's own id.
_KEEP = """
WITH questioned AS MATERIALIZED (
    SELECT b.provider, b.alias, b.evidence -> 'records' AS records
      FROM breaks b JOIN rounds_in_question q USING (provider, round_id)
     WHERE b.cleared_at IS NULL
), named AS MATERIALIZED (
    SELECT q.provider, n.name
      FROM questioned q
     CROSS JOIN LATERAL jsonb_array_elements_text(
           CASE jsonb_typeof(q.records) WHEN 'array' THEN q.records ELSE '[]' END) AS n (name)
), kept AS (
    DELETE FROM leaving_records l USING feed_records r
     WHERE r.provider = l.provider AND r.record_id = l.record_id
       AND ((r.provider, r.round_id) IN (SELECT q.provider, q.alias FROM questioned q
                                          WHERE q.alias <> '')
            OR (r.provider, r.record_id) IN (SELECT n.provider, n.name FROM named n))
    RETURNING l.provider, l.record_id
), listings AS (
    DELETE FROM leaving_listings i USING kept k
     WHERE i.provider = k.provider AND i.record_id = k.record_id
)
DELETE FROM leaving_versions x
 WHERE (x.hash, x.content) IN (
       SELECT record_hash(k.provider, k.record_id), coalesce(content_hash(v.content), 0)
         FROM kept k LEFT JOIN feed_versions v USING (provider, record_id))
"""
_MERGE = "SELECT merge_archived_records(:since)"
_CHUNKS = "SELECT DISTINCT chunk FROM leaving_records ORDER BY chunk"
_LET_GO = "SELECT records, kept FROM let_go_of_records(:chunk)"
_LOGGED = """
SELECT provider, min(attempted_at) AS first, max(attempted_at) AS last
  FROM leaving_logged(:until) GROUP BY provider ORDER BY provider
"""
_LET_LOGGED_GO = "SELECT let_go_of_logged(:provider, :since, :to, :until)"
_DELIVERIES = "SELECT min(delivery_id), max(delivery_id) FROM leaving_deliveries(:until)"
_LET_DELIVERIES_GO = "SELECT let_go_of_delivery_rows(:first, :beyond, :until)"
_END = """
TRUNCATE leaving_records, leaving_listings, leaving_versions, leaving_files,
         archived_row_digests
"""


class RecordsGone(NamedTuple):
    """What left: records, deliveries, callbacks of providers' logs, bytes of statement files.

    Attributes:
        supplement: rows that were written.
    """

    records: int
    deliveries: int
    logged: int
    files: int
    supplement: int


def let_records_go(
    owner: Engine, archive: Archive, *, by: str, progress: Callable[[int], None]
) -> RecordsGone:
    """Let the records go that were created and received before the end of a month.

    Records stay while our round is here, somebody has to decide about them, or they are not of
    a signed day; they leave with a later month.

    Raises:
        Contradiction: records changed meanwhile; they stay, all others left.
        Unavailable: the database or the archive is out of reach.
    """
    _, until = month_bounds(archive.month)
    with transaction(owner, "archive") as connection:
        connection.execute(text(_STAGE_RECORDS), {"until": until})
        connection.execute(text(_KEEP))
        connection.execute(text(_STAGE_FILES), {"until": until})
    tables = [
        SupplementTable(table, rows.format(table=table, order=order, until=until.isoformat()))
        for table, rows, order in _TABLES
    ]
    supplement = write_supplement(owner, archive, tables, by=by)
    if supplement is None:
        return RecordsGone(0, 0, 0, 0, 0)
    merge_staged_hashes(owner, _MERGE, "archived_records")
    records, kept = _let_chunks_go(owner, progress)
    deliveries = _let_deliveries_go(owner, until, progress)
    logged = _let_logged_go(owner, until, progress)
    files = let_files_go(owner, archive, supplement.number, progress)
    with transaction(owner, "archive") as connection:
        connection.execute(text(_END))
    for table in (*(table for table, _, _ in _TABLES), "archived_records"):
        vacuum(owner, table)
    if kept:
        raise Contradiction(
            f"{archive.archive_id}: {counted(len(kept), 'record')} kept"
            f" ({', '.join(kept[:_NAMED_MAX])}), which changed while they were archived; repeat"
            f" `tieout archive approve {archive.archive_id} --rows`"
        )
    return RecordsGone(records, deliveries, logged, files, supplement.rows)


def _let_chunks_go(owner: Engine, progress: Callable[[int], None]) -> tuple[int, list[str]]:
    """How many records left, and the names of those that stayed because they changed."""
    with reading(owner, "archive") as connection:
        chunks = list(connection.execute(text(_CHUNKS)).scalars())
    total = 0
    kept: list[str] = []
    for chunk in chunks:
        with transaction(owner, "archive") as connection:
            row = connection.execute(text(_LET_GO), {"chunk": chunk}).one()
        total += row.records
        kept += row.kept or ()
        progress(row.records)
    return total, kept


def _let_deliveries_go(owner: Engine, until: datetime, progress: Callable[[int], None]) -> int:
    with reading(owner, "archive") as connection:
        first, last = connection.execute(text(_DELIVERIES), {"until": until}).one()
    total = 0
    for number in range(first or 1, (last or 0) + 1, _DELIVERIES_SPAN):
        params = {"first": number, "beyond": number + _DELIVERIES_SPAN, "until": until}
        with transaction(owner, "archive") as connection:
            gone = connection.execute(text(_LET_DELIVERIES_GO), params).scalar_one()
        total += gone
        progress(gone)
    return total


def _let_logged_go(owner: Engine, until: datetime, progress: Callable[[int], None]) -> int:
    """Let callbacks of providers' logs go, those of one span in each transaction."""
    with reading(owner, "archive") as connection:
        logs = connection.execute(text(_LOGGED), {"until": until}).all()
    total = 0
    for log in logs:
        for since in _steps(log.first, log.last):
            params = {
                "provider": log.provider,
                "since": since,
                "to": since + _LOGGED_SPAN,
                "until": until,
            }
            with transaction(owner, "archive") as connection:
                gone = connection.execute(text(_LET_LOGGED_GO), params).scalar_one()
            total += gone
            progress(gone)
    return total


def _steps(first: datetime, last: datetime) -> Iterator[datetime]:
    """Where each span begins, from the one that has the first instant to that of the last."""
    since = first
    while since <= last:
        yield since
        since += _LOGGED_SPAN
