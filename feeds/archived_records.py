"""Versions of records that left for an archive: kept as evidence, never taken for new records.

Signed days keep the figures that they were signed with, so what a provider reports of such a
record now moves nothing. Its version is kept, and a finding asks a person to compare it. The
same goes for a new record of a round that left. What is as the archive has it is nothing new.

Tables read: ``archived_records``, ``archived_row_months``; written: ``feed_versions``,
``feed_findings``.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, add_finding
from storage.archive.supplements import archives_of_record
from vocabulary.clock import iso
from vocabulary.window import Window

#: The feed of findings about records that left.
ARCHIVES = "archives"
#: Most late versions of a delivery that get a finding each.
NAMED_MAX = 100
_MICROSECOND = timedelta(microseconds=1)

_HAVE_LEFT = "SELECT EXISTS (SELECT FROM archived_row_months)"
# Whoever lets records go holds the provider's feed lock, and so does whoever stores them.
_SET_ASIDE = """
WITH late AS (
    SELECT s.ctid AS place,
           coalesce(content_hash(s.content) = ANY (v.contents), false) AS is_known
      FROM feed_stage s
     CROSS JOIN LATERAL (SELECT array_agg(a.content) AS contents
                           FROM archived_versions(record_hash(:provider, s.record_id)) a) v
     WHERE s.created_at < rows_begin_at()
       AND (v.contents IS NOT NULL OR is_round_away(:provider, s.round_id, s.match_key))
       AND NOT EXISTS (SELECT FROM feed_records r
                        WHERE r.provider = :provider AND r.record_id = s.record_id)
), removed AS (
    DELETE FROM feed_stage s USING late l WHERE s.ctid = l.place
    RETURNING s.*, l.is_known
), kept AS (
    INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source,
                               received_at)
    SELECT :provider, record_id, updated_at, content, raw, :source, :received_at FROM removed
     WHERE NOT is_known
    ON CONFLICT ON CONSTRAINT feed_versions_once DO NOTHING
    RETURNING record_id, content
)
SELECT r.*, count(*) OVER () AS versions FROM removed r JOIN kept USING (record_id, content)
 ORDER BY r.record_id, r.line LIMIT :most
"""


def set_late_versions_aside(connection: Connection, delivery: Mapping[str, Any]) -> int:
    """Take versions of records that left out of the stage; returns how many are now kept.

    Args:
        connection: the caller's transaction, with records staged; it holds the history's lock.
        delivery: provider, source and received_at of the delivery.
    """
    if not connection.execute(text(_HAVE_LEFT)).scalar_one():
        return 0
    rows = connection.execute(text(_SET_ASIDE), {**delivery, "most": NAMED_MAX}).all()
    if not rows:
        return 0
    provider, now = delivery["provider"], delivery["received_at"]
    for finding in _findings(connection, provider, delivery["source"], rows, now):
        add_finding(connection, provider, ARCHIVES, scope=ARCHIVES, finding=finding, now=now)
    versions: int = rows[0].versions
    return versions


def _findings(
    connection: Connection, provider: str, source: str, rows: Sequence[Row[Any]], now: datetime
) -> Iterator[NewFinding]:
    for row in rows:
        archives = archives_of_record(connection, provider, row.record_id)
        place = f"left for {' and '.join(archives)}" if archives else "is of a round that left"
        yield NewFinding(
            kind=FindingKind.ARCHIVED_RECORD,
            detail=f"record {row.record_id} {place}; what {source} reported of it at"
            f" {iso(now)} is kept and not compared: `tieout find {row.record_id}` shows it",
            record_id=row.record_id,
            round_id=row.round_id,
            currency=row.currency,
            covers=_span(row.created_at, row.created_at),
            evidence={
                "told_by": source,
                "archives": archives,
                "after": {
                    "handle": row.handle,
                    "stake": row.stake,
                    "payout": row.payout,
                    "rolled_back": row.rolled_back,
                    "created_at": iso(row.created_at),
                    "updated_at": iso(row.updated_at),
                },
            },
        )
    if more := rows[0].versions - len(rows):
        yield NewFinding(
            kind=FindingKind.ARCHIVED_RECORD,
            detail=f"and {more} more that {source} reported at {iso(now)}",
            covers=_span(
                min(row.created_at for row in rows), max(row.created_at for row in rows)
            ),
            evidence={"more": more},
        )


def _span(first: datetime, last: datetime) -> Window:
    """The shortest window with both instants: runs of other windows leave nothing out."""
    return Window(start=first, end=last + _MICROSECOND)
