"""The sums of either side by business day, game and currency, computed by the database.

These sums do not depend on matching. The differences that a comparison finds for single rounds
must add up to theirs; see ``reconcile.totals.tie_out``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.cells import NO_FIGURES, UNKNOWN_GAME, Figures, TotalsCell
from reconcile.totals.side_queries import OUR_SUMS, THEIR_SUMS

# The sums of the rows of some keys. OFFSET keeps each step a lookup, whatever statistics say.
_OUR_SUMS_OF_KEYS = """
SELECT (r.first_at AT TIME ZONE {zone})::date AS day, coalesce(g.game, {unknown}) AS game,
       r.currency, count(*) AS rounds, sum(r.bets)::bigint AS bets, sum(r.wins)::bigint AS wins,
       sum(r.rollbacks)::bigint AS rollbacks, sum(r.stake)::text AS stake,
       sum(r.payout)::text AS payout
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) r
 CROSS JOIN LATERAL (SELECT min(f.game) AS game FROM feed_records f
                      WHERE f.match_key = k.match_key AND f.round_id = r.round_id
                        AND f.provider IS NOT DISTINCT FROM {provider}) g
 WHERE (r.first_at >= {start} AND r.first_at < {end}) IS TRUE
 GROUP BY 1, 2, 3
"""
_THEIR_SUMS_OF_KEYS = """
SELECT * FROM (
WITH records AS MATERIALIZED (
    SELECT f.*, coalesce(h.player, f.handle) AS player
      FROM residual k
     CROSS JOIN LATERAL (SELECT * FROM feed_records x
                          WHERE x.match_key = k.match_key
                            AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
      LEFT JOIN LATERAL (SELECT x.player FROM handles x
                          WHERE x.provider = f.provider AND x.handle = f.handle
                         OFFSET 0) h ON true
), undone AS (
    SELECT DISTINCT match_key, round_id, player, true AS is_undone
      FROM records WHERE rolled_back
), shares AS (
    SELECT (f.created_at AT TIME ZONE {zone})::date AS day, coalesce(f.game, {unknown}) AS game,
           f.currency, count(*) FILTER (WHERE u.is_undone IS NULL AND f.stake <> 0) AS bets,
           count(*) FILTER (WHERE u.is_undone IS NULL AND f.payout <> 0) AS wins,
           count(*) FILTER (WHERE f.rolled_back) AS rollbacks,
           coalesce(sum(f.stake) FILTER (WHERE u.is_undone IS NULL), 0) AS stake,
           coalesce(sum(f.payout) FILTER (WHERE u.is_undone IS NULL), 0) AS payout
      FROM records f LEFT JOIN undone u USING (match_key, round_id, player)
     WHERE f.created_at >= {start} AND f.created_at < {end}
     GROUP BY 1, 2, 3, f.match_key, f.round_id, f.handle
)
SELECT day, game, currency, count(*) AS rounds, sum(bets)::bigint AS bets,
       sum(wins)::bigint AS wins, sum(rollbacks)::bigint AS rollbacks,
       sum(stake)::text AS stake, sum(payout)::text AS payout
  FROM shares GROUP BY 1, 2, 3
) sums
"""
# Theirs by day, as figures of days count rounds: records of several games are one round, and a
# rolled back record undoes those of its player.
_THEIR_DAYS_OF_KEYS = """
SELECT * FROM (
WITH records AS MATERIALIZED (
    SELECT f.*, coalesce(h.player, f.handle) AS player
      FROM residual k
     CROSS JOIN LATERAL (SELECT * FROM feed_records x
                          WHERE x.match_key = k.match_key
                            AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
      LEFT JOIN LATERAL (SELECT x.player FROM handles x
                          WHERE x.provider = f.provider AND x.handle = f.handle
                         OFFSET 0) h ON true
), undone AS (
    SELECT DISTINCT match_key, round_id, player, true AS is_undone
      FROM records WHERE rolled_back
), shares AS (
    SELECT (f.created_at AT TIME ZONE {zone})::date AS day, f.currency,
           coalesce(sum(f.stake) FILTER (WHERE u.is_undone IS NULL), 0) AS stake,
           coalesce(sum(f.payout) FILTER (WHERE u.is_undone IS NULL), 0) AS payout
      FROM records f LEFT JOIN undone u USING (match_key, round_id, player)
     WHERE f.created_at >= {start} AND f.created_at < {end}
     GROUP BY 1, 2, match_key, round_id, f.handle
)
SELECT day, currency, count(*) AS rounds, sum(stake)::text AS stake, sum(payout)::text AS payout
  FROM shares GROUP BY 1, 2
) days
"""
#: Keys in one query.
_KEYS_PER_QUERY = 20_000
# Our operations that are not cash play of the provider: manual corrections of a round, and
# operations paid by another fund than cash. Those of a round of the window came after it began.
_NON_CASH = """
WITH non_cash AS MATERIALIZED (
    SELECT o.* FROM operations o
     WHERE o.batch_id >= coalesce((SELECT min(batch_id) FROM batches
                                    WHERE committed_at >= {start} - interval '10 min'), 0)
       AND o.provider IS NOT DISTINCT FROM {provider}
       AND (o.fund <> 'cash' OR o.kind = 'adjustment') AND o.decision = 'accepted'
)
SELECT (r.first_at AT TIME ZONE {zone})::date AS day, r.round_id, r.currency,
       coalesce((SELECT min(f.game) FROM feed_records f
                  WHERE f.match_key = r.match_key
                    AND f.provider IS NOT DISTINCT FROM r.provider
                    AND f.round_id = r.round_id), {unknown}) AS game,
       o.op_key, o.kind::text AS kind, o.fund::text AS fund, o.stake, o.payout
  FROM non_cash o JOIN rounds r USING (match_key, provider, round_id, wallet_id)
 WHERE (r.first_at >= {start} AND r.first_at < {end}) IS TRUE
 ORDER BY o.op_key
"""
# Of the rounds of some keys.
_GAMES = """
SELECT f.record_id, f.occurrence::bigint AS occurrence, f.game
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
 WHERE f.game IS NOT NULL
"""
_COUNTS = """
SELECT r.round_id, w.player, r.currency, r.bets, r.wins, r.rollbacks
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) r
 CROSS JOIN LATERAL (SELECT x.player FROM wallets x
                      WHERE x.wallet_id = r.wallet_id OFFSET 0) w
"""
# Each has an index of its own.
_UNPOSTED = """
SELECT (SELECT count(*) FROM batches WHERE posted_at IS NULL AND parked_at IS NULL)
       + (SELECT count(*) FROM batches WHERE posted_at IS NULL AND parked_at IS NOT NULL) AS n
"""


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


def sums_of_keys(
    snapshot: Snapshot, keys: Keys, zone: str
) -> tuple[dict[TotalsCell, Figures], dict[TotalsCell, Figures]]:
    """Sum the rows of some keys in the window, ours and theirs."""
    sides: list[dict[TotalsCell, Figures]] = [{}, {}]
    for first in range(0, len(keys), _KEYS_PER_QUERY):
        batch = keys[first : first + _KEYS_PER_QUERY]
        for side, query in zip(sides, (_OUR_SUMS_OF_KEYS, _THEIR_SUMS_OF_KEYS), strict=True):
            rows = snapshot.query_keys(query, batch, zone=zone, unknown=UNKNOWN_GAME)
            for cell, figures in _sums(rows).items():
                side[cell] = side.get(cell, NO_FIGURES) + figures
    return sides[0], sides[1]


def their_days_of_keys(
    snapshot: Snapshot, keys: Keys, zone: str
) -> dict[tuple[date, str], Figures]:
    """Sum the records of some keys in the window by day and currency.

    Rounds, stakes and payouts are those that figures of days have; nothing else is counted.
    """
    days: dict[tuple[date, str], Figures] = {}
    for first in range(0, len(keys), _KEYS_PER_QUERY):
        batch = keys[first : first + _KEYS_PER_QUERY]
        for row in snapshot.query_keys(_THEIR_DAYS_OF_KEYS, batch, zone=zone):
            place = (row["day"], row["currency"])
            days[place] = days.get(place, NO_FIGURES) + Figures(
                rounds=row["rounds"], stake=int(row["stake"]), payout=int(row["payout"])
            )
    return days


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
    """Count the accepted batches that no worker has posted: their rounds are in no sum yet.

    Those that were parked count, too: they are accepted all the same.
    """
    return int(snapshot.query(_UNPOSTED)[0]["n"])


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
