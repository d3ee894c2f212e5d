"""The providers' own history: the newest version of every record, and every version ever seen.

A record that is delivered again is the same record: a newer ``updated_at`` replaces an older
one, never the other way round. A *statement* that names one record id twice contradicts itself,
so both lines are kept as occurrences 1 and 2 and reconciliation reports the second.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.archived_records import set_late_versions_aside
from feeds.changes import Changes, Precedence, mark_prevailing, mark_reread, staged_changes
from feeds.partial_rollbacks import resolve_partial_rollbacks
from feeds.record_staging import (
    IN_PIECE,
    STAGED_COLUMNS,
    keep_newest,
    mark_continuing,
    number_occurrences,
    pieces,
    refresh_statistics,
    stage_records,
)
from feeds.staged_rows import StagedRows
from feeds.withdrawals import keep_delivered_keys, record_returns
from feeds.write_order import lock_history, next_number
from vocabulary.facts import HistoryRecord

#: Ids of late or repeated records that are returned; there may be more of them.
IDS_MAX = 1_000

_FILES = frozenset({Precedence.NEW_FILE, Precedence.KNOWN_FILE, Precedence.CONFIRMED_FILE})
#: Deliveries whose figures replace stored ones that they contradict.
_PREVAILING = frozenset({Precedence.CONFIRMED_FILE, Precedence.PULL})

_REPEATED = """
SELECT record_id, count(*) OVER () AS repeated
  FROM feed_stage WHERE occurrence > 1 GROUP BY record_id ORDER BY record_id LIMIT :most
"""
# The span includes superseded versions: the record may have moved to another day.
_SPAN = """
SELECT min(created_at), max(created_at)
  FROM (SELECT created_at FROM feed_stage
        UNION ALL
        SELECT created_at FROM feed_superseded
         WHERE provider = :provider AND superseded_no = :stored_no) AS touched
"""
# Counts, because a planner that only has to find one row may walk through all stored ones.
_KNOWN = """
SELECT (SELECT count(*) FROM feed_stage s
         WHERE EXISTS (SELECT FROM feed_versions v
                        WHERE v.provider = :provider AND v.record_id = s.record_id
                          AND v.content = s.content)) AS versions,
       (SELECT count(*) FROM feed_stage s
         WHERE EXISTS (SELECT FROM feed_records r
                        WHERE r.provider = :provider AND r.record_id = s.record_id
                          AND r.occurrence = s.occurrence)) AS records
"""
# A known version brings nothing new, unless its occurrence was never stored.
_DROP_KNOWN = """
DELETE FROM feed_stage s
 WHERE EXISTS (SELECT FROM feed_versions v
                WHERE v.provider = :provider AND v.record_id = s.record_id
                  AND v.content = s.content)
   AND EXISTS (SELECT FROM feed_records r
                WHERE r.provider = :provider AND r.record_id = s.record_id
                  AND r.occurrence = s.occurrence)
"""
_KEEP_VERSIONS = f"""
INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source, received_at)
SELECT :provider, record_id, updated_at, content, raw, :source, :received_at FROM feed_stage s
 WHERE {IN_PIECE}
"""  # noqa: S608 - only the constant is put in
_UNLESS_KEPT = "ON CONFLICT ON CONSTRAINT feed_versions_once DO NOTHING"
_LATE = """
SELECT record_id, count(*) OVER () AS late
  FROM feed_stage s
 WHERE created_at < :read_to
   AND NOT EXISTS (SELECT FROM feed_records r
                    WHERE r.provider = :provider AND r.record_id = s.record_id
                      AND r.occurrence = s.occurrence)
   AND NOT EXISTS (SELECT FROM feed_withdrawals w
                    WHERE w.provider = :provider AND w.record_id = s.record_id)
 ORDER BY created_at, record_id LIMIT :most
"""
_INSERT = f"""
INSERT INTO feed_records AS r
       (provider, {STAGED_COLUMNS}, continues, received_at, source, stored_no)
SELECT :provider, {STAGED_COLUMNS}, continues, :received_at, :source, :stored_no
  FROM feed_stage s WHERE {IN_PIECE}
"""  # noqa: S608 - only constants are put in
_OR_UPDATE = """
ON CONFLICT ON CONSTRAINT feed_records_pkey DO UPDATE SET
    round_id = EXCLUDED.round_id, match_key = EXCLUDED.match_key, handle = EXCLUDED.handle,
    currency = EXCLUDED.currency, stake = EXCLUDED.stake, payout = EXCLUDED.payout,
    rolled_back = EXCLUDED.rolled_back, declared_net = EXCLUDED.declared_net,
    balance_before = EXCLUDED.balance_before, balance_after = EXCLUDED.balance_after,
    game = EXCLUDED.game, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at,
    received_at = EXCLUDED.received_at, source = EXCLUDED.source,
    continues = r.continues OR EXCLUDED.continues, stored_no = EXCLUDED.stored_no
 WHERE r.updated_at <= EXCLUDED.updated_at
"""


# The instants of a line may be earlier as it is read now.
_OR_REREAD = """
    OR EXISTS (SELECT FROM feed_stage s
                WHERE s.record_id = EXCLUDED.record_id AND s.occurrence = EXCLUDED.occurrence
                  AND s.is_reread)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """The effect of storing some records.

    Attributes:
        received: records passed in.
        versions: versions that were not known, now kept.
        stored: records that are new or replaced an older version.
        late: new records of a time that was read before.
        late_ids: the first of them, oldest first.
        archived: versions of records that left for an archive; they are kept and not stored.
        repeated: ids that a statement names more than once.
        repeated_ids: the first of them.
        first, last: the earliest and latest creation of records that are new or changed, before
            or after the change; None if there are none.
        reread: stored records that a line of a statement gives other values than before.
        changes: stored records that got other figures without a newer version; not looked for
            in pushed records.
        has_delivered_keys: ``feed_delivered`` holds the keys of all records passed in until the
            transaction ends.
    """

    received: int
    versions: int
    stored: int
    late: int = 0
    late_ids: tuple[str, ...] = field(default=(), compare=False)
    archived: int = 0
    repeated: int = field(default=0, compare=False)
    repeated_ids: tuple[str, ...] = field(default=(), compare=False)
    first: datetime | None = field(default=None, compare=False)
    last: datetime | None = field(default=None, compare=False)
    reread: Changes = field(default=Changes(), compare=False)
    changes: Changes = field(default=Changes(), compare=False)
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
            ``feeds.withdrawals``, and look for records that change without a newer version.
    """
    precedence = Precedence.PULL if keeps_keys else None
    delivery = _Delivery(provider_slug, source, received_at, read_to)
    return _store(connection, delivery, records, precedence)


def store_statement(
    connection: Connection,
    provider_slug: str,
    records: Iterable[HistoryRecord | StagedRows],
    *,
    source: str,
    received_at: datetime,
    read_to: datetime | None = None,
    precedence: Precedence = Precedence.NEW_FILE,
) -> FeedCount:
    """Store the lines of one statement file; a repeated id becomes a further occurrence.

    Storing the same file again changes nothing, even with its lines in another order. All
    records of the file belong into one call, because occurrences are counted within it. The
    arguments are those of ``store_records``; the keys of all records are kept. The figures of
    a file that a person confirmed replace stored ones.
    """
    delivery = _Delivery(provider_slug, source, received_at, read_to)
    return _store(connection, delivery, records, precedence)


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
    records: Iterable[HistoryRecord | StagedRows],
    precedence: Precedence | None,
) -> FeedCount:
    """Store records; ``precedence``: None of pushed ones."""
    # Two writers must not ask at once whether a round already has a record.
    lock_history(connection, delivery.provider)
    received = stage_records(connection, delivery.provider, records)
    repeated: Sequence[Row[Any]] = ()
    if precedence in _FILES:
        number_occurrences(connection)
        repeated = connection.execute(text(_REPEATED), {"most": IDS_MAX}).all()
    changes = Changes()
    if precedence is not None:
        keep_delivered_keys(connection)
        changes = staged_changes(
            connection, delivery.provider, precedence, source=delivery.source
        )
    prevails = changes.count > 0 and precedence in _PREVAILING
    count = _merge(
        connection, delivery, received, precedence, prevailing=precedence if prevails else None
    )
    return replace(
        count,
        repeated=repeated[0].repeated if repeated else 0,
        repeated_ids=tuple(row.record_id for row in repeated),
        changes=changes,
        has_delivered_keys=precedence is not None,
    )


def _merge(
    connection: Connection,
    delivery: _Delivery,
    received: int,
    precedence: Precedence | None,
    *,
    prevailing: Precedence | None,
) -> FeedCount:
    """Store the staged records, each step one statement for all of them.

    Nobody else writes the provider's history, so without a known key nothing can conflict, and
    inserting costs a third less.
    """
    params = {**asdict(delivery), "stored_no": next_number(connection), "most": IDS_MAX}
    record_returns(connection, params)
    archived = set_late_versions_aside(connection, params)
    overlap = connection.execute(text(_KNOWN), params).one()
    is_file = precedence in _FILES
    reread, is_forced = _mark_and_drop(
        connection,
        params,
        overlap,
        is_file=is_file,
        prevailing=prevailing,
    )
    versions = _keep_versions(connection, params, is_new=is_file and not overlap.versions)
    if not is_file:
        keep_newest(connection)
    mark_continuing(connection)
    late = _late(connection, params)
    or_update = _OR_UPDATE if overlap.records else ""
    or_reread = _OR_REREAD if is_forced else ""
    stored = _store_pieces(connection, _INSERT + or_update + or_reread, params)
    refresh_statistics(connection, stored)
    resolve_partial_rollbacks(connection, params)
    first, last = connection.execute(text(_SPAN), params).one()
    return FeedCount(
        received=received,
        versions=versions + archived,
        stored=stored,
        archived=archived,
        late=late[0].late if late else 0,
        late_ids=tuple(row.record_id for row in late),
        first=first,
        last=last,
        reread=reread,
    )


def _mark_and_drop(
    connection: Connection,
    params: Mapping[str, object],
    overlap: Row[Any],
    *,
    is_file: bool,
    prevailing: Precedence | None,
) -> tuple[Changes, bool]:
    """Mark staged records that replace stored ones, and drop those that bring nothing new.

    Returns:
        What a file reads otherwise than before, and whether any record is marked.
    """
    provider, source = str(params["provider"]), str(params["source"])
    has_known = bool(overlap.versions and overlap.records)
    reread, marked = Changes(), 0
    if has_known and is_file:
        reread = mark_reread(connection, provider)
    if prevailing is not None:
        marked = mark_prevailing(connection, provider, prevailing, source=source)
    if has_known:
        connection.execute(text(_DROP_KNOWN), params)
    return reread, bool(reread.count or marked)


def _keep_versions(
    connection: Connection, params: Mapping[str, object], *, is_new: bool
) -> int:
    """Keep every staged version that is not kept yet; returns their number.

    ``is_new``: none of them is kept, and only further occurrences may repeat one.
    """
    if not is_new:
        return _store_pieces(connection, _KEEP_VERSIONS + _UNLESS_KEPT, params)
    first = _KEEP_VERSIONS + " AND occurrence = 1"
    further = _KEEP_VERSIONS + " AND occurrence > 1 " + _UNLESS_KEPT
    return sum(_store_pieces(connection, sql, params) for sql in (first, further))


def _store_pieces(connection: Connection, sql: str, params: Mapping[str, object]) -> int:
    """Store the stage piece by piece; returns the number of rows."""
    return sum(
        connection.execute(text(sql), {**params, **piece}).rowcount
        for piece in pieces(connection)
    )


def _late(connection: Connection, params: Mapping[str, object]) -> Sequence[Row[Any]]:
    """Staged records that are new although their time was read before."""
    if params["read_to"] is None:
        return ()
    return connection.execute(text(_LATE), params).all()
