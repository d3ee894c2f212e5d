"""Closed days, and records of them that the provider restates afterwards.

The run that signs a day off closes it. The close has a number in the order of all writes
(``feeds.write_order``), so "before" and "after" the close do not depend on a clock. It is the
number that the run took before it read: what arrives while it compares comes after the close. A
record of a closed day that changes, appears or disappears after the close is a restatement; it
is shown with its figures at the close and now.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, record_findings
from feeds.write_order import lock_history, next_number
from vocabulary.window import Window

#: Restatements are findings of this feed, whichever feed delivered them.
CLOSES = "closes"

# All fields that finance sees, quoted so that no text can be mistaken for a separator.
_CONTENT = """
concat_ws(',', quote_literal(record_id), occurrence, quote_literal(round_id),
          quote_literal(handle), currency, stake, payout, rolled_back,
          extract(epoch FROM created_at), extract(epoch FROM updated_at))
"""
_CLOSE = f"""
WITH at_close AS (
    SELECT record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at, updated_at
      FROM feed_records
     WHERE provider = :provider AND created_at >= :starts_at AND created_at < :ends_at
       AND stored_no < :close_no
    UNION ALL
    SELECT record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at, updated_at
      FROM feed_superseded
     WHERE provider = :provider AND created_at >= :starts_at AND created_at < :ends_at
       AND stored_no < :close_no AND superseded_no > :close_no
), day AS (
    SELECT count(*) AS records,
           sha256(coalesce(string_agg(sha256(convert_to({_CONTENT}, 'UTF8')), ''::bytea
                                      ORDER BY record_id, occurrence), ''::bytea)) AS digest
      FROM at_close
)
INSERT INTO day_closes AS c
       (provider, business_day, starts_at, ends_at, closed_at, close_no, run_id, records,
        digest)
SELECT :provider, :day, :starts_at, :ends_at, :closed_at, :close_no, :run_id, records, digest
  FROM day
ON CONFLICT ON CONSTRAINT day_closes_pkey DO UPDATE SET
    starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
    closed_at = EXCLUDED.closed_at, close_no = EXCLUDED.close_no,
    run_id = EXCLUDED.run_id, records = EXCLUDED.records, digest = EXCLUDED.digest
RETURNING *
"""  # noqa: S608 - only the constant above is put in
_CLOSE_OF = "SELECT * FROM day_closes WHERE provider = :provider AND business_day = :day"
_CLOSES_OVER = """
SELECT * FROM day_closes
 WHERE provider = :provider AND starts_at <= :last AND ends_at > :first ORDER BY business_day
"""
# The version of a record at the close was stored before the close and superseded after it.
# Records that moved into the day, out of it, or were withdrawn are restated too.
_RESTATED = """
WITH at_close AS (
    SELECT DISTINCT ON (record_id, occurrence)
           record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at
      FROM feed_superseded
     WHERE provider = :provider AND stored_no < :close_no AND superseded_no > :close_no
     ORDER BY record_id, occurrence, superseded_no
), since AS (
    SELECT record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at
      FROM feed_records
     WHERE provider = :provider AND stored_no > :close_no
       AND ((created_at >= :starts_at AND created_at < :ends_at)
            OR (record_id, occurrence) IN (SELECT record_id, occurrence FROM at_close
                                            WHERE created_at >= :starts_at
                                              AND created_at < :ends_at))
)
SELECT record_id, occurrence,
       b.round_id AS before_round_id, b.handle AS before_handle,
       b.currency AS before_currency, b.stake AS before_stake, b.payout AS before_payout,
       b.rolled_back AS before_rolled_back, b.created_at AS before_created_at,
       a.round_id AS after_round_id, a.handle AS after_handle,
       a.currency AS after_currency, a.stake AS after_stake, a.payout AS after_payout,
       a.rolled_back AS after_rolled_back, a.created_at AS after_created_at
  FROM since a FULL JOIN at_close b USING (record_id, occurrence)
 WHERE (a.created_at IS NOT NULL OR (b.created_at >= :starts_at AND b.created_at < :ends_at))
   AND (b.round_id, b.handle, b.currency, b.stake, b.payout, b.rolled_back, b.created_at)
       IS DISTINCT FROM
       (a.round_id, a.handle, a.currency, a.stake, a.payout, a.rolled_back, a.created_at)
 ORDER BY record_id, occurrence
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClose:
    """A day that was signed off.

    Attributes:
        window: the day in the provider's zone.
        run_id: the run that signed it off; None if a person did without a run.
        records: the number of the provider's records of the day at the close.
        digest: over the content of these records, independent of their order.
    """

    provider: str
    day: date
    window: Window
    closed_at: datetime
    run_id: str | None
    records: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFigures:
    """The figures of a record; amounts in minor units."""

    round_id: str
    handle: str
    currency: str
    stake: int
    payout: int
    rolled_back: bool
    created_at: datetime

    @property
    def net(self) -> int:
        """Its effect on the player's balance; none if it was rolled back."""
        return 0 if self.rolled_back else self.payout - self.stake


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRecord:
    """One record of a closed day that changed after the close.

    Attributes:
        before: its figures at the close; None: it did not exist.
        after: its figures now; None: it was withdrawn.
    """

    record_id: str
    occurrence: int
    before: RecordFigures | None
    after: RecordFigures | None

    @property
    def latest(self) -> RecordFigures:
        """Its figures now, or before it was withdrawn."""
        figures = self.after or self.before
        assert figures is not None  # a restated record has at least one of both
        return figures

    @property
    def difference(self) -> int:
        """After less before, in the player's favour, in minor units of ``latest.currency``.

        If the currency changed, amounts cannot be compared and all of the record is new.
        """
        if self.after is None:
            return -self.latest.net
        if self.before is None or self.before.currency != self.after.currency:
            return self.after.net
        return self.after.net - self.before.net


def close_day(
    connection: Connection,
    provider: str,
    day: date,
    *,
    window: Window,
    run_id: str | None,
    now: datetime,
    read_to: int | None = None,
) -> DayClose:
    """Sign a day off with its records, within the caller's transaction.

    Closing a day again signs its records of then and resolves its restatements.

    Args:
        connection: the transaction of the run that signs.
        provider: the slug.
        day: the business day in the provider's zone.
        window: that day as instants.
        run_id: the run; None without one.
        now: the instant of the close.
        read_to: the number up to which the run has read; None: its current records.
    """
    lock_history(connection, provider)
    params = {
        "provider": provider,
        "day": day,
        "starts_at": window.start,
        "ends_at": window.end,
        "closed_at": now,
        "close_no": next_number(connection) if read_to is None else read_to,
        "run_id": run_id,
    }
    row = connection.execute(text(_CLOSE), params).one()
    _record(connection, row, now=now)
    return _close(row)


def close_of(connection: Connection, provider: str, day: date) -> DayClose | None:
    """The close of a day, or None while it is open."""
    row = connection.execute(text(_CLOSE_OF), {"provider": provider, "day": day}).one_or_none()
    return None if row is None else _close(row)


def restatements_of(connection: Connection, provider: str, day: date) -> list[ChangedRecord]:
    """Every record of a closed day that changed since its close; none while it is open."""
    row = connection.execute(text(_CLOSE_OF), {"provider": provider, "day": day}).one_or_none()
    return [] if row is None else _restatements(connection, row)


def record_restatements(
    connection: Connection, provider: str, created: Iterable[datetime | None], *, now: datetime
) -> int:
    """Check the closed days of records for restatements.

    Args:
        connection: the transaction that stored the records.
        provider: the slug.
        created: when the first and the last of them were created; None is skipped.
        now: the instant of the check.

    Returns:
        The number of restated records of those days.
    """
    instants = [instant for instant in created if instant is not None]
    if not instants:
        return 0
    params = {"provider": provider, "first": min(instants), "last": max(instants)}
    rows = connection.execute(text(_CLOSES_OVER), params).all()
    return sum(_record(connection, row, now=now) for row in rows)


def _record(connection: Connection, row: Row[Any], *, now: datetime) -> int:
    """Record the restatements of a day, by its row in ``day_closes``; returns their number."""
    close = _close(row)
    findings = [_finding(item, close) for item in _restatements(connection, row)]
    scope = close.day.isoformat()
    record_findings(connection, close.provider, CLOSES, scope=scope, findings=findings, now=now)
    return len(findings)


def _restatements(connection: Connection, close: Row[Any]) -> list[ChangedRecord]:
    """The restated records of a day, by its row in ``day_closes``."""
    params = {
        "provider": close.provider,
        "close_no": close.close_no,
        "starts_at": close.starts_at,
        "ends_at": close.ends_at,
    }
    return [
        ChangedRecord(
            record_id=row.record_id,
            occurrence=row.occurrence,
            before=_figures(row, "before"),
            after=_figures(row, "after"),
        )
        for row in connection.execute(text(_RESTATED), params)
    ]


def _finding(restatement: ChangedRecord, close: DayClose) -> NewFinding:
    before, after = restatement.before, restatement.after
    change = "reported for the first time" if before is None else "changed"
    change = "withdrawn" if after is None else change
    record = f"record {restatement.record_id} of {close.day}"
    return NewFinding(
        kind=FindingKind.RESTATED_AFTER_CLOSE,
        detail=f"{record} was {change} after the day was closed",
        record_id=restatement.record_id,
        round_id=restatement.latest.round_id,
        currency=restatement.latest.currency,
        difference=restatement.difference,
        covers=close.window,
        evidence={
            "occurrence": restatement.occurrence,
            "before": before and _figures_json(before),
            "after": after and _figures_json(after),
            "run_id": close.run_id,
        },
    )


def _figures_json(figures: RecordFigures) -> dict[str, Any]:
    return {**asdict(figures), "created_at": figures.created_at.isoformat()}


def _figures(row: Row[Any], side: str) -> RecordFigures | None:
    values = {f.name: row._mapping[f"{side}_{f.name}"] for f in fields(RecordFigures)}
    return None if values["round_id"] is None else RecordFigures(**values)


def _close(row: Row[Any]) -> DayClose:
    return DayClose(
        provider=row.provider,
        day=row.business_day,
        window=Window(start=row.starts_at, end=row.ends_at),
        closed_at=row.closed_at,
        run_id=row.run_id,
        records=row.records,
        digest=bytes(row.digest),
    )
