"""Closed days, and what a provider said of them afterwards.

A day is closed by the run that signed it off. Closing takes a number under the lock that every
storing of records takes too, so what came before and what came after never depends on a clock.
A record of a closed day that is told otherwise, or for the first time, after its close is a
restatement: shown with what it said at the close and what it says now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from feeds.findings import FindingKind, NewFinding, note
from feeds.write_order import lock_history
from vocabulary.window import Window

#: The feed under which restatements are noted, whichever feed brought them.
CLOSES = "closes"

# Every field that finance sees, quoted so that no field's text passes for a boundary.
_CONTENT = """
concat_ws(',', quote_literal(record_id), occurrence, quote_literal(round_id),
          quote_literal(handle), currency, stake, payout, rolled_back,
          extract(epoch FROM created_at), extract(epoch FROM updated_at))
"""
_CLOSE = f"""
WITH told AS (
    SELECT count(*) AS records,
           sha256(coalesce(string_agg(sha256(convert_to({_CONTENT}, 'UTF8')), ''::bytea
                                      ORDER BY record_id, occurrence), ''::bytea)) AS digest
      FROM feed_records
     WHERE provider = :provider AND created_at >= :starts_at AND created_at < :ends_at
)
INSERT INTO closes AS c
       (provider, business_day, starts_at, ends_at, closed_at, close_no, run_id, records,
        digest)
SELECT :provider, :day, :starts_at, :ends_at, :closed_at, nextval('feed_order'), :run_id,
       records, digest FROM told
ON CONFLICT ON CONSTRAINT closes_pkey DO UPDATE SET
    starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
    closed_at = EXCLUDED.closed_at, close_no = EXCLUDED.close_no,
    run_id = EXCLUDED.run_id, records = EXCLUDED.records, digest = EXCLUDED.digest
RETURNING *
"""  # noqa: S608 - only the constant above is put in
_OF_DAY = "SELECT * FROM closes WHERE provider = :provider AND business_day = :day"
_TOUCHED = """
SELECT business_day FROM closes
 WHERE provider = :provider AND starts_at <= :last AND ends_at > :first ORDER BY business_day
"""
# What a key said at the close is the version that was stored before it and replaced after it,
# if it was replaced; a key that moved into or out of the day counts as well, and so does one
# that is not told any more.
_RESTATED = """
WITH was AS (
    SELECT DISTINCT ON (record_id, occurrence)
           record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at
      FROM feed_superseded
     WHERE provider = :provider AND stored_no < :close_no AND superseded_no > :close_no
     ORDER BY record_id, occurrence, superseded_no
), became AS (
    SELECT record_id, occurrence, round_id, handle, currency, stake, payout, rolled_back,
           created_at
      FROM feed_records
     WHERE provider = :provider AND stored_no > :close_no
       AND ((created_at >= :starts_at AND created_at < :ends_at)
            OR (record_id, occurrence) IN (SELECT record_id, occurrence FROM was
                                            WHERE created_at >= :starts_at
                                              AND created_at < :ends_at))
)
SELECT record_id, occurrence,
       w.round_id AS round_was, w.handle AS handle_was, w.currency AS currency_was,
       w.stake AS stake_was, w.payout AS payout_was, w.rolled_back AS undone_was,
       w.created_at AS created_was,
       b.round_id AS round_is, b.handle AS handle_is, b.currency AS currency_is,
       b.stake AS stake_is, b.payout AS payout_is, b.rolled_back AS undone_is,
       b.created_at AS created_is
  FROM became b FULL JOIN was w USING (record_id, occurrence)
 WHERE (b.created_at IS NOT NULL OR (w.created_at >= :starts_at AND w.created_at < :ends_at))
   AND (w.round_id, w.handle, w.currency, w.stake, w.payout, w.rolled_back, w.created_at)
       IS DISTINCT FROM
       (b.round_id, b.handle, b.currency, b.stake, b.payout, b.rolled_back, b.created_at)
 ORDER BY record_id, occurrence
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClose:
    """A day that was signed off.

    Attributes:
        window: the day in the provider's zone.
        run_id: the run that signed it off; None where a person did without one.
        records: the provider's records of the day as they stood.
        digest: over their content, independent of their order.
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
    """What a record says: amounts in minor units, nothing where it was undone."""

    round_id: str
    handle: str
    currency: str
    stake: int
    payout: int
    rolled_back: bool
    created_at: datetime

    @property
    def net(self) -> int:
        """What it leaves the player."""
        return 0 if self.rolled_back else self.payout - self.stake


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """One record of a closed day that was told otherwise after the close.

    Attributes:
        before: what it said at the close; None: it was not there.
        after: what it says now; None: it was withdrawn.
    """

    record_id: str
    occurrence: int
    before: RecordFigures | None
    after: RecordFigures | None

    @property
    def told(self) -> RecordFigures:
        """What it says now, or what it said last."""
        told = self.after or self.before
        assert told is not None  # a record that was never told is no restatement
        return told

    @property
    def difference(self) -> int:
        """After less before, to the player, in minor units of ``told.currency``.

        Where the currency changed the amounts cannot be compared and all of it is new.
        """
        if self.after is None:
            return -self.told.net
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
) -> DayClose:
    """Sign a day off as it stands, within the caller's transaction.

    Closing it again signs what it says then, and ends its restatements.

    Args:
        connection: the transaction of the run that signs.
        provider: the slug.
        day: the business day in the provider's zone.
        window: that day as instants.
        run_id: the run.
        now: when.
    """
    lock_history(connection, provider)
    said = {
        "provider": provider,
        "day": day,
        "starts_at": window.start,
        "ends_at": window.end,
        "closed_at": now,
        "run_id": run_id,
    }
    row = connection.execute(text(_CLOSE), said).one()
    note(connection, provider, CLOSES, scope=day.isoformat(), found=(), now=now)
    return _close(row)


def closed(connection: Connection, provider: str, day: date) -> DayClose | None:
    """The close of a day, if it was closed."""
    row = connection.execute(text(_OF_DAY), {"provider": provider, "day": day}).one_or_none()
    return None if row is None else _close(row)


def restated(connection: Connection, provider: str, day: date) -> list[Restatement]:
    """Every record of a closed day that was told otherwise since; none of a day still open."""
    row = connection.execute(text(_OF_DAY), {"provider": provider, "day": day}).one_or_none()
    if row is None:
        return []
    said = {
        "provider": provider,
        "close_no": row.close_no,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }
    return [_restatement(each) for each in connection.execute(text(_RESTATED), said)]


def note_restatements(
    connection: Connection, provider: str, *, first: datetime, last: datetime, now: datetime
) -> int:
    """Look again at the closed days that records from ``first`` to ``last`` belong to.

    Returns:
        How many restatements of those days stand.
    """
    asked = {"provider": provider, "first": first, "last": last}
    days: Sequence[date] = connection.execute(text(_TOUCHED), asked).scalars().all()
    count = 0
    for day in days:
        close = closed(connection, provider, day)
        assert close is not None  # it was just found
        told = [_found(each, close) for each in restated(connection, provider, day)]
        note(connection, provider, CLOSES, scope=day.isoformat(), found=told, now=now)
        count += len(told)
    return count


def _found(each: Restatement, close: DayClose) -> NewFinding:
    before, after = each.before, each.after
    how = "was told for the first time" if before is None else "was told otherwise"
    how = "was withdrawn" if after is None else how
    return NewFinding(
        kind=FindingKind.RESTATED_AFTER_CLOSE,
        detail=f"record {each.record_id} of {close.day} {how} after the day was closed",
        record_id=each.record_id,
        round_id=each.told.round_id,
        currency=each.told.currency,
        difference=each.difference,
        covers=close.window,
        evidence={
            "occurrence": each.occurrence,
            "before": before and _told_json(before),
            "after": after and _told_json(after),
            "run_id": close.run_id,
        },
    )


def _told_json(told: RecordFigures) -> dict[str, Any]:
    return {
        "round_id": told.round_id,
        "handle": told.handle,
        "currency": told.currency,
        "stake": told.stake,
        "payout": told.payout,
        "rolled_back": told.rolled_back,
        "created_at": told.created_at.isoformat(),
    }


def _restatement(row: Row[Any]) -> Restatement:
    before = None if row.round_was is None else _told(row, "was")
    after = None if row.round_is is None else _told(row, "is")
    return Restatement(
        record_id=row.record_id, occurrence=row.occurrence, before=before, after=after
    )


def _told(row: Row[Any], when: str) -> RecordFigures:
    said = row._mapping
    return RecordFigures(
        round_id=said[f"round_{when}"],
        handle=said[f"handle_{when}"],
        currency=said[f"currency_{when}"],
        stake=said[f"stake_{when}"],
        payout=said[f"payout_{when}"],
        rolled_back=said[f"undone_{when}"],
        created_at=said[f"created_{when}"],
    )


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
