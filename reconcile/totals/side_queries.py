"""The queries that add up either side by business day, game and currency.

The comparison and the pages both use them, so that they cannot come to different sums. Their
placeholders are ``{provider}``, ``{zone}``, ``{unknown}``, and ``{start}`` and ``{end}`` of the
window; ``{by_game}`` of ours says whether the games are looked up at all.
"""

# Records of about the same time are read in their order. A round that has none there, or more
# than one record, is looked up by itself, at a random page for each record.
OUR_SUMS = """
WITH near AS (
    SELECT match_key, round_id, min(game) AS game FROM feed_records
     WHERE provider = {provider} AND {by_game}
       AND created_at >= {start} - interval '1 hour' AND created_at < {end} + interval '1 hour'
     GROUP BY match_key, round_id
)
SELECT (r.first_at AT TIME ZONE {zone})::date AS day,
       coalesce(g.game, n.game, {unknown}) AS game,
       r.currency, count(*) AS rounds, sum(r.bets)::bigint AS bets, sum(r.wins)::bigint AS wins,
       sum(r.rollbacks)::bigint AS rollbacks, sum(r.stake)::text AS stake,
       sum(r.payout)::text AS payout
  FROM rounds r
  LEFT JOIN near n USING (match_key, round_id)
  LEFT JOIN LATERAL (SELECT min(f.game) AS game FROM feed_records f
                      WHERE {by_game}
                        AND (n.match_key IS NULL
                             OR EXISTS (SELECT FROM feed_records c
                                         WHERE c.provider = {provider} AND c.continues
                                           AND c.match_key = r.match_key))
                        AND f.match_key = r.match_key AND f.round_id = r.round_id
                        AND f.provider IS NOT DISTINCT FROM {provider}) g ON true
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
 GROUP BY 1, 2, 3
"""
# A player's round with any rolled back record moved nothing, whatever its other records hold.
# Rounds are grouped before they are counted: hashing them costs a third of sorting them.
THEIR_SUMS = """
WITH undone AS (
    SELECT b.match_key, b.round_id, array_agg(coalesce(k.player, b.handle)) AS players
      FROM feed_records b LEFT JOIN handles k USING (provider, handle)
     WHERE b.provider = {provider} AND b.rolled_back
     GROUP BY b.match_key, b.round_id
), records AS (
    SELECT f.*, CASE WHEN u.players IS NULL THEN false  -- else only these players are looked up
                     ELSE coalesce((SELECT h.player FROM handles h
                                     WHERE h.provider = f.provider AND h.handle = f.handle),
                                   f.handle) = ANY(u.players) END AS is_undone
      FROM feed_records f LEFT JOIN undone u USING (match_key, round_id)
     WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
), shares AS (
    SELECT (created_at AT TIME ZONE {zone})::date AS day, coalesce(game, {unknown}) AS game,
           currency, count(*) FILTER (WHERE NOT is_undone AND stake <> 0) AS bets,
           count(*) FILTER (WHERE NOT is_undone AND payout <> 0) AS wins,
           count(*) FILTER (WHERE rolled_back) AS rollbacks,
           coalesce(sum(stake) FILTER (WHERE NOT is_undone), 0) AS stake,
           coalesce(sum(payout) FILTER (WHERE NOT is_undone), 0) AS payout
      FROM records GROUP BY 1, 2, 3, match_key, round_id, handle
)
SELECT day, game, currency, count(*) AS rounds, sum(bets)::bigint AS bets,
       sum(wins)::bigint AS wins, sum(rollbacks)::bigint AS rollbacks,
       sum(stake)::text AS stake, sum(payout)::text AS payout
  FROM shares GROUP BY 1, 2, 3
"""
