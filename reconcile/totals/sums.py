"""The sums of either side by business day, game and currency, computed by the database.

These sums do not depend on matching. The differences that a comparison finds for single rounds
must add up to theirs; see ``reconcile.totals.tie_out``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.cells import UNKNOWN_GAME, Figures, TotalsCell
from reconcile.totals.side_queries import OUR_SUMS, THEIR_SUMS

# Our operations that are not cash play of the provider: manual corrections of a round, and
# operations paid by another fund than cash.
_NON_CASH = """
SELECT (r.first_at AT TIME ZONE {zone})::date AS day, r.round_id, r.currency,
       coalesce((SELECT min(f.game) FROM feed_records f
                  WHERE f.match_key = r.match_key AND f.provider = r.provider
                    AND f.round_id = r.round_id), {unknown}) AS game,
       o.op_key, o.kind::text AS kind, o.fund::text AS fund, o.stake, o.payout
  FROM rounds r
  JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                   AND o.provider = r.provider AND o.round_id = r.round_id
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
   AND (o.fund <> 'cash' OR o.kind = 'adjustment') AND o.decision = 'accepted'
 ORDER BY o.op_key
"""
# Rounds that the sides count on different days, although their amounts may agree.
_TWO_DAYS = """
SELECT DISTINCT f.match_key
  FROM feed_records f JOIN rounds r USING (match_key, provider, round_id)
 WHERE f.provider = {provider}
   AND f.created_at >= {start} AND f.created_at < {end}
   AND r.first_at >= {start} AND r.first_at < {end}
   AND (f.created_at AT TIME ZONE {zone})::date <> (r.first_at AT TIME ZONE {zone})::date
"""
# Of the rounds of some keys.
_GAMES = """
SELECT f.record_id, f.occurrence::bigint AS occurrence, f.game
  FROM feed_records f JOIN residual USING (match_key)
 WHERE f.provider = {provider} AND f.game IS NOT NULL
"""
_COUNTS = """
SELECT r.round_id, w.player, r.currency, r.bets, r.wins, r.rollbacks
  FROM rounds r JOIN residual USING (match_key) JOIN wallets w USING (wallet_id)
 WHERE r.provider = {provider}
"""
_UNPOSTED = "SELECT count(*) AS n FROM batches WHERE posted_at IS NULL AND parked_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class NonCashOperation:
    """One of our operations that is not cash play: a correction, or one paid by a fund."""

    cell: TotalsCell
    round_id: str
    op_key: str
    adjusts: bool
    fund: str
    stake: int
    payout: int


def our_sums(snapshot: Snapshot, zone: str) -> dict[TotalsCell, Figures]:
    """Sum our rounds of the window."""
    return _sums(snapshot.query(OUR_SUMS, zone=zone, unknown=UNKNOWN_GAME, by_game=True))


def their_sums(snapshot: Snapshot, zone: str) -> dict[TotalsCell, Figures]:
    """Sum the provider's records of the window."""
    return _sums(snapshot.query(THEIR_SUMS, zone=zone, unknown=UNKNOWN_GAME))


def non_cash_operations(snapshot: Snapshot, zone: str) -> tuple[NonCashOperation, ...]:
    """Return our corrections and funded operations in rounds of the window."""
    return tuple(
        NonCashOperation(
            cell=TotalsCell(row["day"], row["game"], row["currency"]),
            round_id=row["round_id"],
            op_key=row["op_key"],
            adjusts=row["kind"] == "adjustment",
            fund=row["fund"],
            stake=row["stake"],
            payout=row["payout"],
        )
        for row in snapshot.query(_NON_CASH, zone=zone, unknown=UNKNOWN_GAME)
    )


def keys_on_two_days(snapshot: Snapshot, zone: str) -> Keys:
    """Return the sorted keys of rounds that the sides count on different days."""
    return np.unique(_match_keys(snapshot.query(_TWO_DAYS, zone=zone)))


def record_games(snapshot: Snapshot, keys: Keys) -> dict[tuple[str, int], str]:
    """Return the games of these keys' records, by record id and occurrence."""
    rows = snapshot.query_keys(_GAMES, keys)
    return {(row["record_id"], row["occurrence"]): row["game"] for row in rows}


def round_counts(
    snapshot: Snapshot, keys: Keys
) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Return bets, wins and rollbacks of these keys' rounds, by round, player and currency."""
    return {
        (row["round_id"], row["player"], row["currency"]): (
            row["bets"],
            row["wins"],
            row["rollbacks"],
        )
        for row in snapshot.query_keys(_COUNTS, keys)
    }


def unposted_batches(snapshot: Snapshot) -> int:
    """Count the accepted batches that no worker has posted: their rounds are in no sum yet."""
    return int(snapshot.query(_UNPOSTED)[0]["n"])


def _match_keys(rows: list[dict[str, Any]]) -> Keys:
    return np.array([row["match_key"] for row in rows], dtype=np.int64)


def _sums(rows: list[dict[str, Any]]) -> dict[TotalsCell, Figures]:
    return {
        TotalsCell(row["day"], row["game"], row["currency"]): Figures(
            rounds=row["rounds"],
            bets=row["bets"],
            wins=row["wins"],
            rollbacks=row["rollbacks"],
            stake=int(row["stake"]),
            payout=int(row["payout"]),
        )
        for row in rows
    }
