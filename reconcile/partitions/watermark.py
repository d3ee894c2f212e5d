"""How much a run had read, and which rounds may have another verdict since.

Changes are found by the order in which rows were written, never by a clock: a batch by the
transaction that posted it, a feed record by the number it received under its provider's lock. A
watermark is taken before the snapshot is opened; what is written in between is scanned twice.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from breaks.kinds import BreakKind
from feeds.write_order import number_between_writes
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
# A row keeps the lower 32 bits of its transaction number; the upper bits come from the current
# one. A number from before a wrap-around may come out too large: its row is scanned again.
_CLOCK = """
clock AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS now)
"""
_IS_SINCE = """
((c.now >> 32) << 32) + b.xmin::text::bigint
 - CASE WHEN b.xmin::text::bigint > c.now & 4294967295 THEN 4294967296 ELSE 0 END
 >= {oldest_xid}
"""
_OURS = f"""
WITH {_CLOCK}, posted AS (
  SELECT b.batch_id FROM batches b CROSS JOIN clock c
   WHERE b.posted_at IS NOT NULL AND {_IS_SINCE}
)
SELECT DISTINCT o.match_key FROM operations o JOIN posted USING (batch_id)
 WHERE o.provider = {{provider}} AND o.decision = 'accepted'
"""  # noqa: S608 - the constants above
_THEIRS = """
SELECT DISTINCT match_key FROM feed_records
 WHERE provider = {provider} AND stored_no > {stored_no}
"""
# The rounds that a record belonged to before a newer version moved it.
_SUPERSEDED = """
SELECT DISTINCT round_id FROM feed_superseded
 WHERE provider = {provider} AND superseded_no > {stored_no}
"""
# The rounds of breaks that a run of another window has closed since, under terms of its own: a
# run resumed by then had a time of its own, but hardly one of a week before.
_CLOSED = f"""
WITH {_CLOCK}
SELECT b.match_key, CASE WHEN b.kind = {{spelling}} THEN b.alias ELSE '' END AS their_round
  FROM breaks b CROSS JOIN clock c
 WHERE b.provider = {{provider}} AND b.cleared_at >= {{evaluated_at}} - interval '7 days'
   AND {_IS_SINCE}
"""  # noqa: S608 - the constants above
# Rounds that were immature at the last run, by the longest of its ages, and on which the sides
# did not agree: no break then, but perhaps now. A round that agrees does so at any age. If a
# line is rolled back or repeated, sums of lines do not show whether the round agrees. Rounds of
# ours from outside the window count if a record lies in it; they are found by their recent
# operations, which a batch commits moments later. OFFSET keeps planners from looking for the
# first of these batches among all.
_TIMING = """
WITH recent AS MATERIALIZED (
  SELECT match_key FROM rounds
   WHERE provider = {provider} AND first_at >= {start} AND first_at < {end}
     AND last_at > {immature_since}
), beyond AS MATERIALIZED (
  SELECT o.match_key FROM operations o
   WHERE o.batch_id >= (SELECT min(batch_id)
                          FROM (SELECT batch_id FROM batches
                                 WHERE committed_at > {immature_since} - interval '10 min'
                                OFFSET 0) b)
     AND o.provider = {provider} AND o.received_at > {immature_since}
     AND o.decision = 'accepted'
  EXCEPT
  SELECT match_key FROM recent
), immature AS MATERIALIZED (
  SELECT match_key FROM recent
   UNION
  SELECT match_key FROM beyond b
   WHERE EXISTS (SELECT FROM feed_records f
                  WHERE f.match_key = b.match_key AND f.provider = {provider}
                    AND f.created_at >= {start} AND f.created_at < {end} OFFSET 0)
   UNION
  SELECT match_key FROM feed_records
   WHERE provider = {provider} AND (created_at > {immature_since} OR updated_at >
   {immature_since})
), ours AS (
  SELECT match_key, r.round_id, r.currency, w.player,
         sum(r.stake) AS stake, sum(r.payout) AS payout
    FROM immature JOIN rounds r USING (match_key) JOIN wallets w USING (wallet_id)
   WHERE r.provider = {provider} GROUP BY match_key, r.round_id, r.currency, w.player
), theirs AS (
  SELECT match_key, f.round_id, f.currency, coalesce(h.player, f.handle) AS player,
         sum(CASE WHEN f.rolled_back THEN 0 ELSE f.stake END) AS stake,
         sum(CASE WHEN f.rolled_back THEN 0 ELSE f.payout END) AS payout,
         bool_or(f.rolled_back OR f.occurrence > 1) AS odd
    FROM immature JOIN feed_records f USING (match_key)
    LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
   WHERE f.provider = {provider} GROUP BY 1, 2, 3, 4
)
SELECT DISTINCT match_key
  FROM ours o FULL JOIN theirs t USING (match_key, round_id, currency, player)
 WHERE (o.stake, o.payout) IS DISTINCT FROM (t.stake, t.payout) OR t.odd
"""
# Rounds that are overdue by now and were not at the last run, also if they began before the
# window that has a record of them.
_OVERDUE = """
SELECT match_key FROM rounds r
 WHERE provider = {provider} AND status = 'open'
   AND first_at >= {overdue_then} AND first_at < {overdue_now}
   AND (first_at >= {start} AND first_at < {end}
        OR EXISTS (SELECT FROM feed_records f
                    WHERE f.match_key = r.match_key AND f.provider = {provider}
                      AND f.created_at >= {start} AND f.created_at < {end} OFFSET 0))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How much a run had read.

    Attributes:
        evaluated_at: the instant of the run.
        maturity: the longest age below which anything was timing.
        terms: the digest of the request, which determines all verdicts besides the rows.
        handles: a digest of the provider's handles and their players.
        oldest_xid: all transactions before this one had ended.
        stored_no: all feed records up to this number could be read.
    """

    evaluated_at: datetime
    maturity: timedelta
    terms: str
    handles: str
    oldest_xid: int
    stored_no: int

    def as_json(self) -> dict[str, Any]:
        """Return the watermark as the job of a resumable run stores it."""
        return {
            **asdict(self),
            "evaluated_at": self.evaluated_at.isoformat(),
            "maturity": self.maturity // _US,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Watermark":
        """Read what ``as_json`` wrote."""
        evaluated_at = datetime.fromisoformat(stored["evaluated_at"])
        return cls(
            **{**stored, "evaluated_at": evaluated_at, "maturity": stored["maturity"] * _US}
        )


def take_watermark(
    connection: Connection, provider: str, *, maturity: timedelta, terms: str, now: datetime
) -> Watermark:
    """Take the watermark of a run that opens its snapshot later."""
    parameters = {"provider": provider}
    stored_no = number_between_writes(connection, provider)
    handles = text(_HANDLES.format(provider=":provider"))
    return Watermark(
        evaluated_at=now,
        maturity=maturity,
        terms=terms,
        handles=connection.execute(handles, parameters).scalar_one(),
        oldest_xid=connection.execute(text(_OLDEST)).scalar_one(),
        stored_no=stored_no,
    )


def save_watermark(
    connection: Connection,
    provider: str,
    window: Window,
    watermark: Watermark,
    *,
    run_id: str,
) -> None:
    """Store the watermark of a run that is stored in the same transaction."""
    parameters = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "run_id": run_id,
        **asdict(watermark),
    }
    connection.execute(text(_SAVE), parameters)


def load_watermark(connection: Connection, provider: str, window: Window) -> Watermark | None:
    """Return the watermark of the last run of exactly this window; None if there is none."""
    parameters = {"provider": provider, "start": window.start, "end": window.end}
    row = connection.execute(text(_LOAD), parameters).mappings().one_or_none()
    return None if row is None else Watermark(**row)


def same_handles(snapshot: Snapshot, watermark: Watermark) -> bool:
    """Check that every handle still stands for the same player."""
    (row,) = snapshot.query(_HANDLES)
    return bool(next(iter(row.values())) == watermark.handles)


def written_since(snapshot: Snapshot, watermark: Watermark) -> Keys:
    """Return the sorted keys of all rounds that either side changed since a watermark."""
    superseded = snapshot.query(_SUPERSEDED, stored_no=watermark.stored_no)
    keys = [
        *_match_keys(snapshot, _OURS, oldest_xid=watermark.oldest_xid),
        *_match_keys(snapshot, _THEIRS, stored_no=watermark.stored_no),
        *(match_key(snapshot.provider, row["round_id"]) for row in superseded),
    ]
    return np.unique(np.array(keys, dtype=np.int64))


def closed_since(snapshot: Snapshot, watermark: Watermark) -> Keys:
    """Return the sorted keys of the rounds of breaks that were closed since a watermark.

    Another window that overlaps this one may be compared with other ages or tolerances.
    """
    rows = snapshot.query(
        _CLOSED,
        evaluated_at=watermark.evaluated_at,
        oldest_xid=watermark.oldest_xid,
        spelling=str(BreakKind.ID_SPELLING),
    )
    spellings = [row["their_round"] for row in rows if row["their_round"]]
    keys = [
        *(row["match_key"] for row in rows),
        *(match_key(snapshot.provider, name) for name in spellings),
    ]
    return np.unique(np.array(keys, dtype=np.int64))


def matured_since(
    snapshot: Snapshot, watermark: Watermark, *, open_after: timedelta | None
) -> Keys:
    """Return the sorted keys of rounds whose verdict may differ only because time passed."""
    immature_since = watermark.evaluated_at - watermark.maturity
    keys = _match_keys(snapshot, _TIMING, immature_since=immature_since)
    if open_after is not None:
        keys += _match_keys(
            snapshot,
            _OVERDUE,
            overdue_then=watermark.evaluated_at - open_after,
            overdue_now=snapshot.context.now - open_after,
        )
    return np.unique(np.array(keys, dtype=np.int64))


def _match_keys(snapshot: Snapshot, query: str, **values: object) -> list[int]:
    return [row["match_key"] for row in snapshot.query(query, **values)]
