"""The queries that add up either side by business day, game and currency.

The comparison and the pages both use them, so that they cannot come to different sums. Their
placeholders are ``{provider}``, ``{zone}``, ``{unknown}``, and ``{start}`` and ``{end}`` of the
window; ``{by_game}`` of ours says whether the games are looked up at all.
"""

OUR_SUMS = """
SELECT (r.first_at AT TIME ZONE {zone})::date AS day, coalesce(g.game, {unknown}) AS game,
       r.currency, count(*) AS rounds, sum(r.bets)::bigint AS bets, sum(r.wins)::bigint AS wins,
       sum(r.rollbacks)::bigint AS rollbacks, sum(r.stake)::text AS stake,
       sum(r.payout)::text AS payout
  FROM rounds r
  LEFT JOIN (SELECT match_key, round_id, min(game) AS game FROM feed_records
              WHERE provider = {provider} AND {by_game} GROUP BY match_key, round_id) g
         USING (match_key, round_id)
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
 GROUP BY 1, 2, 3
"""
# A player's round with any rolled back record moved nothing, whatever its other records hold.
THEIR_SUMS = """
SELECT (f.created_at AT TIME ZONE {zone})::date AS day, coalesce(f.game, {unknown}) AS game,
       f.currency, count(DISTINCT (f.match_key, f.round_id, f.handle)) AS rounds,
       count(*) FILTER (WHERE u.round_id IS NULL AND f.stake <> 0) AS bets,
       count(*) FILTER (WHERE u.round_id IS NULL AND f.payout <> 0) AS wins,
       count(*) FILTER (WHERE f.rolled_back) AS rollbacks,
       coalesce(sum(f.stake) FILTER (WHERE u.round_id IS NULL), 0)::text AS stake,
       coalesce(sum(f.payout) FILTER (WHERE u.round_id IS NULL), 0)::text AS payout
  FROM feed_records f LEFT JOIN handles h USING (provider, handle)
  LEFT JOIN (SELECT DISTINCT b.match_key, b.round_id, coalesce(k.player, b.handle) AS player
               FROM feed_records b LEFT JOIN handles k USING (provider, handle)
              WHERE b.provider = {provider} AND b.rolled_back) u
         ON u.match_key = f.match_key AND u.round_id = f.round_id
        AND u.player = coalesce(h.player, f.handle)
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
 GROUP BY 1, 2, 3
"""
