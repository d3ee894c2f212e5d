"""How far a run looked, and which rounds may be judged otherwise since.

What changed is found by the order in which things were written, never by a clock: a batch by
the transaction that posted it, a feed record by the number it took under its provider's lock.
A mark is taken before the books are opened; what happens in between is looked at twice.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from feeds.write_order import last_number
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.ids import match_key
from vocabulary.window import Window

_US = timedelta(microseconds=1)
_OLDEST = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_HANDLES = """
SELECT count(*) || ':' || coalesce(sum(hashtextextended(handle || chr(31) || player, 0)), 0)
  FROM handles WHERE provider = {provider}
"""
_SAVE = """
INSERT INTO run_watermarks (provider, window_from, window_to, run_id, evaluated_at, maturity,
                            terms, handles, oldest_xid, stored_no)
VALUES (:provider, :start, :end, :run_id, :evaluated_at, :maturity, :terms, :handles,
        :oldest_xid, :stored_no)
ON CONFLICT ON CONSTRAINT run_watermarks_pkey DO UPDATE SET
    run_id = EXCLUDED.run_id, evaluated_at = EXCLUDED.evaluated_at,
    maturity = EXCLUDED.maturity, terms = EXCLUDED.terms,
    handles = EXCLUDED.handles, oldest_xid = EXCLUDED.oldest_xid,
    stored_no = EXCLUDED.stored_no
"""
_LOAD = """
SELECT evaluated_at, maturity, terms, handles, oldest_xid, stored_no FROM run_watermarks
 WHERE provider = :provider AND window_from = :start AND window_to = :end
"""
# The 32 bits that a row keeps of its transaction, made whole again by those of today. A number
# from before a wrap-around may come out too large: such a batch is looked at once more.
_OURS = """
WITH clock AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS now),
posted AS (
  SELECT b.batch_id FROM batches b CROSS JOIN clock c
   WHERE b.posted_at IS NOT NULL
     AND ((c.now >> 32) << 32) + b.xmin::text::bigint
         - CASE WHEN b.xmin::text::bigint > c.now & 4294967295 THEN 4294967296 ELSE 0 END
         >= {oldest_xid}
)
SELECT DISTINCT o.match_key FROM operations o JOIN posted USING (batch_id)
 WHERE o.provider = {provider} AND o.decision = 'accepted'
"""
_THEIRS = """
SELECT DISTINCT match_key FROM feed_records
 WHERE provider = {provider} AND stored_no > {stored_no}
"""
# Where a record belonged before it was told otherwise.
_LEFT = """
SELECT DISTINCT round_id FROM feed_superseded
 WHERE provider = {provider} AND superseded_no > {stored_no}
"""
# Young when the run looked, by the longest of its ages, and not told alike by both sides: not
# yet a break then, maybe now. What agrees does so at any age; where a line takes its round back
# or is told again, the sums of lines do not say whether the round agrees.
_TIMING = """
WITH young AS MATERIALIZED (
  SELECT match_key FROM rounds
   WHERE provider = {provider} AND first_at >= {start} AND first_at < {end}
     AND last_at > {young}
   UNION
  SELECT match_key FROM feed_records
   WHERE provider = {provider} AND (created_at > {young} OR updated_at > {young})
), ours AS (
  SELECT match_key, r.round_id, r.currency, w.player,
         sum(r.stake) AS stake, sum(r.payout) AS payout
    FROM young JOIN rounds r USING (match_key) JOIN wallets w USING (wallet_id)
   WHERE r.provider = {provider} GROUP BY match_key, r.round_id, r.currency, w.player
), theirs AS (
  SELECT match_key, f.round_id, f.currency, coalesce(h.player, f.handle) AS player,
         sum(CASE WHEN f.rolled_back THEN 0 ELSE f.stake END) AS stake,
         sum(CASE WHEN f.rolled_back THEN 0 ELSE f.payout END) AS payout,
         bool_or(f.rolled_back OR f.occurrence > 1) AS odd
    FROM young JOIN feed_records f USING (match_key)
    LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
   WHERE f.provider = {provider} GROUP BY 1, 2, 3, 4
)
SELECT DISTINCT match_key
  FROM ours o FULL JOIN theirs t USING (match_key, round_id, currency, player)
 WHERE (o.stake, o.payout) IS DISTINCT FROM (t.stake, t.payout) OR t.odd
"""
# Open for long enough by now, and not yet when the run looked.
_OVERDUE = """
SELECT match_key FROM rounds
 WHERE provider = {provider} AND first_at >= {start} AND first_at < {end} AND NOT ended
   AND first_at >= {overdue_then} AND first_at < {overdue_now}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a run looked.

    Attributes:
        evaluated_at: the run's reading of the clock.
        maturity: the longest age below which anything was timing then.
        terms: digest of everything else that the verdicts depend on besides the rows.
        handles: digest of the provider's handles and whom they stand for.
        oldest_xid: every transaction before this one had ended.
        stored_no: every feed record up to this number was there.
    """

    evaluated_at: datetime
    maturity: timedelta
    terms: str
    handles: str
    oldest_xid: int
    stored_no: int

    def as_json(self) -> dict[str, Any]:
        """For a job that may be resumed."""
        return {
            **asdict(self),
            "evaluated_at": self.evaluated_at.isoformat(),
            "maturity": self.maturity // _US,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Watermark":
        """What ``as_json`` told."""
        evaluated_at = datetime.fromisoformat(told["evaluated_at"])
        return cls(**{**told, "evaluated_at": evaluated_at, "maturity": told["maturity"] * _US})


def take_mark(
    connection: Connection, provider: str, *, maturity: timedelta, terms: str, now: datetime
) -> Watermark:
    """The mark of a run that opens its books after this."""
    stored_no = last_number(connection, provider)
    handles = _HANDLES.replace("{provider}", ":provider")
    return Watermark(
        evaluated_at=now,
        maturity=maturity,
        terms=terms,
        handles=connection.execute(text(handles), {"provider": provider}).scalar_one(),
        oldest_xid=connection.execute(text(_OLDEST)).scalar_one(),
        stored_no=stored_no,
    )


def save_mark(
    connection: Connection, provider: str, window: Window, mark: Watermark, *, run_id: str
) -> None:
    """Keep the mark of a run that is stored in the same transaction."""
    said = {"provider": provider, "start": window.start, "end": window.end, "run_id": run_id}
    connection.execute(text(_SAVE), {**said, **asdict(mark)})


def load_mark(connection: Connection, provider: str, window: Window) -> Watermark | None:
    """How far the last run of exactly this window looked; None: there was none."""
    said = {"provider": provider, "start": window.start, "end": window.end}
    row = connection.execute(text(_LOAD), said).mappings().one_or_none()
    return None if row is None else Watermark(**row)


def same_handles(books: Snapshot, mark: Watermark) -> bool:
    """Whether every handle still stands for whom it stood."""
    (row,) = books.rows(_HANDLES)
    return bool(next(iter(row.values())) == mark.handles)


def written_since(books: Snapshot, provider: str, mark: Watermark) -> Keys:
    """The keys of all rounds that either side was told anything of since; sorted."""
    told = [
        *_keys(books, _OURS, oldest_xid=mark.oldest_xid),
        *_keys(books, _THEIRS, stored_no=mark.stored_no),
        *(
            match_key(provider, row["round_id"])
            for row in books.rows(_LEFT, stored_no=mark.stored_no)
        ),
    ]
    return np.unique(np.array(told, dtype=np.int64))


def ripened_since(
    books: Snapshot,
    mark: Watermark,
    *,
    now: datetime,
    open_after: timedelta | None,
) -> Keys:
    """The keys of rounds that may be judged otherwise only because time went by; sorted."""
    told = _keys(books, _TIMING, young=mark.evaluated_at - mark.maturity)
    if open_after is not None:
        then, until = mark.evaluated_at - open_after, now - open_after
        told += _keys(books, _OVERDUE, overdue_then=then, overdue_now=until)
    return np.unique(np.array(told, dtype=np.int64))


def _keys(books: Snapshot, query: str, **values: object) -> list[int]:
    return [row["match_key"] for row in books.rows(query, **values)]
