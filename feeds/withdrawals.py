"""Records that a later telling of the same time leaves out, and records that come back.

    feed_told         temporary: what the storing under way was told, whatever was new of it
    feed_withdrawals  every record that was left out or told again, for ever
    feed_records      holds a record no longer that is withdrawn
    feed_superseded   holds what it said

A telling speaks of the time from its first record to its last; of all its time only where that
is said, or where it announces how many records it has. Whatever lies outside stays as it was
told, and a finding says so: half a file withdraws nothing of the other half.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.findings import FindingKind, NewFinding
from feeds.write_order import next_number
from vocabulary.window import Window

#: What ends such a finding is that the record is told.
HEARD = (FindingKind.WITHDRAWN_RECORD, FindingKind.NOT_TOLD_AGAIN)

_INSTANT = timedelta(microseconds=1)
_MAKE = """
CREATE TEMP TABLE IF NOT EXISTS feed_told (
    record_id text NOT NULL, occurrence integer NOT NULL,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS
"""
_REMEMBER = """
INSERT INTO feed_told SELECT record_id, occurrence, created_at, updated_at FROM feed_stage
"""
_CURE = """
UPDATE feed_findings SET resolved_at = :now
 WHERE provider = :provider AND kind = ANY (:kinds) AND resolved_at IS NULL
   AND record_id IN (SELECT record_id FROM feed_stage)
"""
_FIELDS = (
    "provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,"
    " rolled_back, created_at, updated_at"
)
# Of what is told now, that which the last word on it was that it is withdrawn. Asked first is
# whether anything ever was: most storings need look no further.
_TOLD_AGAIN = """
INSERT INTO feed_withdrawals
       (provider, feed, record_id, occurrence, event, round_id, match_key, handle, currency,
        stake, payout, rolled_back, created_at, updated_at, told_by, told_at, changed_by,
        changed_no, changed_at)
SELECT :provider, w.feed, s.record_id, s.occurrence, 'told_again', s.round_id, s.match_key,
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
       ({_FIELDS}, feed, event, told_by, told_at, changed_by, file_id, changed_no, changed_at)
SELECT {_FIELDS}, :feed, 'withdrawn', source, received_at, :by, :file_id, :number, :now
  FROM gone ORDER BY record_id, occurrence
"""  # noqa: S608 - only the constant above is put in
_STAND = """
SELECT * FROM feed_withdrawals w
 WHERE provider = :provider AND feed = :feed AND event = 'withdrawn' AND {which}
   AND NOT EXISTS (SELECT FROM feed_withdrawals n
                    WHERE n.provider = w.provider AND n.record_id = w.record_id
                      AND n.occurrence = w.occurrence AND n.withdrawal_id > w.withdrawal_id)
 ORDER BY record_id, occurrence
"""
_BY_FILES = _STAND.replace("{which}", "file_id = ANY (cast(:files AS bigint[]))")
_BY_PULL = _STAND.replace("{which}", "updated_at >= :since AND updated_at < :until")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalCause:
    """What leaves records out.

    Attributes:
        name: of the file, or of the pull.
        file_id: None: it is no file.
    """

    feed: str
    name: str
    file_id: int | None = None


def remember(connection: Connection) -> None:
    """Keep, until the transaction ends, what is staged now."""
    connection.execute(text(_MAKE))
    connection.execute(text("DELETE FROM feed_told"))
    connection.execute(text(_REMEMBER))


def told_again(connection: Connection, said: dict[str, object]) -> None:
    """Note withdrawn records that are staged, before they are stored; ends their findings."""
    connection.execute(text(_TOLD_AGAIN), said)
    kinds = [str(kind) for kind in HEARD]
    cure = {"provider": said["provider"], "now": said["received_at"], "kinds": kinds}
    connection.execute(text(_CURE), cure)


def withdraw(
    connection: Connection,
    provider: str,
    rows: Sequence[Row[Any]],
    *,
    by: WithdrawalCause,
    now: datetime,
) -> None:
    """Take records out of what the provider tells; what they said is kept.

    ``rows`` name them by ``record_id`` and ``occurrence``. The caller holds the provider's
    lock.
    """
    if not rows:
        return
    said = {
        "provider": provider,
        "ids": [row.record_id for row in rows],
        "occurrences": [row.occurrence for row in rows],
        "feed": by.feed,
        "by": by.name,
        "file_id": by.file_id,
        "number": next_number(connection),
        "now": now,
    }
    connection.execute(text(_WITHDRAW), said)


def withdrawn_by_files(
    connection: Connection,
    provider: str,
    by: WithdrawalCause,
    restated: Sequence[int],
    covers: Window | None,
) -> Iterator[NewFinding]:
    """Every record that a file, or one that it restates, left out and nobody told again."""
    said = {"provider": provider, "feed": by.feed, "files": [by.file_id, *restated]}
    for row in connection.execute(text(_BY_FILES), said):
        yield _withdrawn(row, row.changed_by, "left out by the file that restates it", covers)


def withdrawn_by_pull(
    connection: Connection, provider: str, feed: str, window: Window
) -> Iterator[NewFinding]:
    """Every record of a window that pulls list no longer, as findings."""
    said = {"provider": provider, "feed": feed}
    span = {"since": window.start, "until": window.end}
    for row in connection.execute(text(_BY_PULL), {**said, **span}):
        yield _withdrawn(row, None, "listed no longer by two pulls in a row", _at(row))


def not_told_again(row: Row[Any], *, file: str | None, why: str) -> NewFinding:
    """A record that is left out and stays as it was told."""
    return NewFinding(
        kind=FindingKind.NOT_TOLD_AGAIN,
        detail=f"record {row.record_id}, told by {row.source}, {why}; it stays as it was told",
        file=file,
        record_id=row.record_id,
        round_id=row.round_id,
        currency=row.currency,
        covers=_at(row),
        evidence={"occurrence": row.occurrence, "told_by": row.source},
    )


def _withdrawn(row: Row[Any], file: str | None, why: str, covers: Window | None) -> NewFinding:
    net = 0 if row.rolled_back else row.payout - row.stake
    before = {name: getattr(row, name) for name in ("stake", "payout", "rolled_back")}
    return NewFinding(
        kind=FindingKind.WITHDRAWN_RECORD,
        detail=f"record {row.record_id}, told by {row.told_by}, is {why}",
        file=file,
        record_id=row.record_id,
        round_id=row.round_id,
        currency=row.currency,
        difference=-net,
        covers=covers or _at(row),
        evidence={
            "occurrence": row.occurrence,
            "told_by": row.told_by,
            "withdrawn_by": row.changed_by,
            "before": before,
            "after": None,
        },
    )


def _at(row: Row[Any]) -> Window:
    """The instant of a record's newest telling, as the shortest window."""
    return Window(start=row.updated_at, end=row.updated_at + _INSTANT)
