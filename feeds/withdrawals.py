"""Withdrawn records: records missing from a complete re-delivery, and their return.

    feed_delivered    temporary: the keys of all records in the delivery being stored
    feed_withdrawals  every withdrawal and every return, append-only
    feed_records      does not hold withdrawn records
    feed_superseded   holds their last version

A re-delivery covers the time from its first record to its last. It covers all of the original's
time only if a person says so or the file announces its number of records. Records outside the
covered time stay, with a finding: half a file withdraws nothing of the other half.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding
from feeds.write_order import next_number
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

#: Findings of these kinds are resolved when the record is delivered again.
_RESOLVED_BY_RETURN = (FindingKind.WITHDRAWN_RECORD, FindingKind.NOT_TOLD_AGAIN)

_MICROSECOND = timedelta(microseconds=1)
_CREATE_DELIVERED = """
CREATE TEMP TABLE IF NOT EXISTS feed_delivered (
    record_id text NOT NULL, occurrence integer NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS
"""
_FILL_DELIVERED = """
INSERT INTO feed_delivered
SELECT record_id, occurrence, created_at, updated_at FROM feed_stage
"""
_ADD_DELIVERED = """
INSERT INTO feed_delivered (record_id, occurrence, created_at, updated_at)
VALUES (:record_id, 1, :created_at, :updated_at)
"""
#: Keys per statement to the database.
_BATCH_ROWS = 5_000
_RESOLVE = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND kind = ANY (:kinds) AND resolved_at IS NULL
   AND record_id IN (SELECT record_id FROM feed_stage)
"""
_FIELDS = (
    "provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,"
    " rolled_back, created_at, updated_at"
)
# Staged records whose last event is a withdrawal. The last condition ends most calls early: few
# providers ever withdraw anything.
_RETURNS = """
INSERT INTO feed_withdrawals
       (provider, feed, record_id, occurrence, event, round_id, match_key, handle, currency,
        stake, payout, rolled_back, created_at, updated_at, source, received_at, changed_by,
        changed_no, changed_at)
SELECT :provider, w.feed, s.record_id, s.occurrence, 'restored', s.round_id, s.match_key,
       s.handle, s.currency, s.stake, s.payout, s.rolled_back, s.created_at, s.updated_at,
       :source, :received_at, :source, :stored_no, :received_at
  FROM (SELECT DISTINCT ON (record_id, occurrence) *
          FROM feed_stage ORDER BY record_id, occurrence, updated_at DESC, line DESC) s
 CROSS JOIN LATERAL (SELECT event, feed FROM feed_withdrawals
                      WHERE provider = :provider AND record_id = s.record_id
                        AND occurrence = s.occurrence
                      ORDER BY withdrawal_id DESC LIMIT 1) w
 WHERE w.event = 'withdrawn'
   AND EXISTS (SELECT FROM feed_withdrawals WHERE provider = :provider)
"""
_WITHDRAW = f"""
WITH gone AS (
    DELETE FROM feed_records r
     USING unnest(cast(:ids AS text[]), cast(:occurrences AS integer[]))
           AS g (record_id, occurrence)
     WHERE r.provider = :provider AND r.record_id = g.record_id
       AND r.occurrence = g.occurrence
    RETURNING r.*
), kept AS (
    INSERT INTO feed_superseded
           (provider, record_id, occurrence, round_id, handle, currency, stake, payout,
            rolled_back, created_at, updated_at, received_at, stored_no, superseded_no)
    SELECT provider, record_id, occurrence, round_id, handle, currency, stake, payout,
           rolled_back, created_at, updated_at, received_at, stored_no, :number FROM gone
)
INSERT INTO feed_withdrawals
       ({_FIELDS}, feed, event, source, received_at, changed_by, file_id, changed_no,
        changed_at)
SELECT {_FIELDS}, :feed, 'withdrawn', source, received_at, :by, :file_id, :number, :now
  FROM gone ORDER BY record_id, occurrence
"""  # noqa: S608 - only the constant above is put in
_WITHDRAWN = """
SELECT * FROM feed_withdrawals w
 WHERE provider = :provider AND feed = :feed AND event = 'withdrawn' AND {which}
   AND NOT EXISTS (SELECT FROM feed_withdrawals n
                    WHERE n.provider = w.provider AND n.record_id = w.record_id
                      AND n.occurrence = w.occurrence AND n.withdrawal_id > w.withdrawal_id)
 ORDER BY record_id, occurrence
"""
_BY_FILES = _WITHDRAWN.replace("{which}", "file_id = ANY (cast(:files AS bigint[]))")
_BY_PULL = _WITHDRAWN.replace("{which}", "updated_at >= :since AND updated_at < :until")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalCause:
    """The re-delivery that leaves records out.

    Attributes:
        name: of the file, or of the pull.
        file_id: None if it is a pull.
    """

    feed: str
    name: str
    file_id: int | None = None


def keep_delivered_keys(connection: Connection) -> None:
    """Keep the keys of all staged records in ``feed_delivered`` until the transaction ends."""
    connection.execute(text(_CREATE_DELIVERED))
    connection.execute(text("DELETE FROM feed_delivered"))
    connection.execute(text(_FILL_DELIVERED))


def add_delivered_keys(connection: Connection, records: Iterable[HistoryRecord]) -> None:
    """Add the keys of records that a delivery has and of which nothing is stored."""
    rows = iter(records)
    while batch := list(islice(rows, _BATCH_ROWS)):
        params = [
            {
                "record_id": record.record_id,
                "created_at": record.created_at,
                "updated_at": record.updated_at,
            }
            for record in batch
        ]
        connection.execute(text(_ADD_DELIVERED), params)


def record_returns(connection: Connection, delivery: Mapping[str, object]) -> None:
    """Record that staged records return from withdrawal, before they are stored.

    Args:
        connection: the caller's transaction.
        delivery: provider, source, received_at and stored_no of the delivery.
    """
    connection.execute(text(_RETURNS), delivery)
    resolved = {
        "provider": delivery["provider"],
        "now": delivery["received_at"],
        "kinds": [str(kind) for kind in _RESOLVED_BY_RETURN],
    }
    connection.execute(text(_RESOLVE), resolved)


def withdraw(
    connection: Connection,
    provider: str,
    rows: Sequence[Row[Any]],
    *,
    by: WithdrawalCause,
    now: datetime,
) -> None:
    """Remove records from the provider's history; their last version is kept.

    ``rows`` name them by ``record_id`` and ``occurrence``. The caller holds the provider's
    lock.
    """
    if not rows:
        return
    params = {
        "provider": provider,
        "ids": [row.record_id for row in rows],
        "occurrences": [row.occurrence for row in rows],
        "feed": by.feed,
        "by": by.name,
        "file_id": by.file_id,
        "number": next_number(connection),
        "now": now,
    }
    connection.execute(text(_WITHDRAW), params)


def file_withdrawals(
    connection: Connection,
    provider: str,
    by: WithdrawalCause,
    restated: Sequence[int],
    covers: Window | None,
) -> Iterator[NewFinding]:
    """A finding for every record still withdrawn by a file or by those it restates."""
    params = {"provider": provider, "feed": by.feed, "files": [by.file_id, *restated]}
    for row in connection.execute(text(_BY_FILES), params):
        reason = "it is missing from the file that restates it"
        yield _withdrawn(row, row.changed_by, reason, covers)


def pull_withdrawals(
    connection: Connection, provider: str, feed: str, window: Window
) -> Iterator[NewFinding]:
    """A finding for every record of a window still withdrawn by pulls."""
    params = {
        "provider": provider,
        "feed": feed,
        "since": window.start,
        "until": window.end,
    }
    for row in connection.execute(text(_BY_PULL), params):
        yield _withdrawn(row, None, "two pulls in a row do not list it", _instant(row))


def missing_record(row: Row[Any], *, file: str | None, reason: str) -> NewFinding:
    """The finding for a record that a re-delivery lacks and that is kept all the same."""
    return NewFinding(
        kind=FindingKind.NOT_TOLD_AGAIN,
        detail=f"record {row.record_id}, reported by {row.source}, {reason}; it is kept",
        file=file,
        record_id=row.record_id,
        round_id=row.round_id,
        currency=row.currency,
        covers=_instant(row),
        evidence={"occurrence": row.occurrence, "told_by": row.source},
    )


def _withdrawn(
    row: Row[Any], file: str | None, reason: str, covers: Window | None
) -> NewFinding:
    net = 0 if row.rolled_back else row.payout - row.stake
    before = {name: getattr(row, name) for name in ("stake", "payout", "rolled_back")}
    return NewFinding(
        kind=FindingKind.WITHDRAWN_RECORD,
        detail=f"record {row.record_id}, reported by {row.source}, is withdrawn: {reason}",
        file=file,
        record_id=row.record_id,
        round_id=row.round_id,
        currency=row.currency,
        difference=-net,
        covers=covers or _instant(row),
        evidence={
            "occurrence": row.occurrence,
            "told_by": row.source,
            "withdrawn_by": row.changed_by,
            "before": before,
            "after": None,
        },
    )


def _instant(row: Row[Any]) -> Window:
    """The shortest window around the ``updated_at`` of a record."""
    return Window(start=row.updated_at, end=row.updated_at + _MICROSECOND)
