"""What the report packs read: the last run, the open breaks, and the totals of its window."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from reconcile.window import Window

#: Shown where no history line tells which game a round was.
UNKNOWN_GAME = "(not told)"

# The newest run of a provider that saw all of its window; of one window, when one is asked for.
_LAST_RUN = """
SELECT run_id, provider, window_from, window_to, started_at, finished_at, result, manifest
  FROM runs
 WHERE provider = :provider AND whole
   AND (cast(:start AS timestamptz) IS NULL OR window_from = :start)
   AND (cast(:end AS timestamptz) IS NULL OR window_to = :end)
 ORDER BY finished_at DESC, run_id DESC LIMIT 1
"""
# Every open break of a provider, the largest amounts first.
_OPEN_BREAKS = """
SELECT break_id, run_id, kind, impact, player, currency, round_id, ours, theirs, difference,
       explanation, first_seen, last_seen
  FROM breaks WHERE provider = :provider AND cleared_at IS NULL
 ORDER BY abs(difference) DESC, kind, round_id, currency
"""
# What our rounds of a window moved, by game and currency; the game is what the history says.
_TOTALS = """
SELECT coalesce(g.game, :unknown) AS game, r.currency, count(*) AS rounds,
       sum(r.stake)::text AS stake, sum(r.payout)::text AS payout
  FROM rounds r
  LEFT JOIN (SELECT match_key, round_id, min(game) AS game FROM feed_records
              WHERE provider = :provider GROUP BY match_key, round_id) g
         USING (match_key, round_id)
 WHERE r.provider = :provider AND r.first_at >= :start AND r.first_at < :end
 GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as it stands in the books; ``result`` and ``manifest`` as stored."""

    run_id: str
    window: Window
    started_at: datetime
    finished_at: datetime
    result: dict[str, Any]
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBreak:
    """An open break as it stands in the books; ``difference`` signed, in minor units."""

    break_id: str
    run_id: str
    kind: str
    impact: str
    player: str
    currency: str
    round_id: str
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    difference: int
    explanation: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTotal:
    """What our rounds of one game and currency moved, in minor units."""

    game: str
    currency: str
    rounds: int
    stake: int
    payout: int

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: what was staked less what was paid out."""
        return self.stake - self.payout


def last_run(connection: Connection, provider: str, window: Window | None) -> StoredRun | None:
    """The newest run of a provider, over exactly this window if one is given."""
    said = {
        "provider": provider,
        "start": window and window.start,
        "end": window and window.end,
    }
    row = connection.execute(text(_LAST_RUN), said).one_or_none()
    if row is None:
        return None
    return StoredRun(
        run_id=row.run_id,
        window=Window(start=row.window_from, end=row.window_to),
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=row.result,
        manifest=row.manifest,
    )


def open_breaks(connection: Connection, provider: str) -> tuple[OpenBreak, ...]:
    """Every open break of a provider, the largest amounts first."""
    rows = connection.execute(text(_OPEN_BREAKS), {"provider": provider})
    return tuple(OpenBreak(**row) for row in rows.mappings())


def game_totals(connection: Connection, provider: str, window: Window) -> tuple[GameTotal, ...]:
    """Our rounds of a window by game and currency."""
    said = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "unknown": UNKNOWN_GAME,
    }
    return tuple(
        GameTotal(
            game=row.game,
            currency=row.currency,
            rounds=row.rounds,
            stake=int(row.stake),
            payout=int(row.payout),
        )
        for row in connection.execute(text(_TOTALS), said)
    )
