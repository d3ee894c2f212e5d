"""Rollbacks that give back another amount than their original moved.

A record that is rolled back states that its round moved nothing, and the amounts of the round
are not counted. If it names an amount, and its original is known and moved another, it takes
back exactly that amount: it becomes a record with negative amounts, and the rest of the round
stands. Whether rollback or original is stored first makes no difference.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

# A statement may name one amount without its side: then the side of the original decides.
_RESOLVE = """
WITH taken_back AS MATERIALIZED (
    SELECT match_key, round_id, handle, currency, record_id, occurrence, stake, payout
      FROM feed_records
     WHERE provider = :provider AND rolled_back AND (stake > 0 OR payout > 0)
       AND match_key IN (SELECT match_key FROM feed_stage)
), originals AS (
    SELECT f.match_key, f.round_id, f.handle, f.currency,
           sum(f.stake)::bigint AS stake, sum(f.payout)::bigint AS payout
      FROM feed_records f
     WHERE f.provider = :provider AND NOT f.rolled_back AND f.occurrence = 1
       AND f.stake >= 0 AND f.payout >= 0
       AND f.match_key IN (SELECT match_key FROM taken_back)
     GROUP BY f.match_key, f.round_id, f.handle, f.currency
), named AS (
    SELECT t.record_id, t.occurrence, o.stake, o.payout,
           CASE WHEN o.payout = 0 THEN t.stake + t.payout
                WHEN o.stake = 0 THEN 0 ELSE t.stake END AS back_stake,
           CASE WHEN o.stake = 0 THEN t.stake + t.payout
                WHEN o.payout = 0 THEN 0 ELSE t.payout END AS back_payout
      FROM taken_back t JOIN originals o USING (match_key, round_id, handle, currency)
     WHERE o.stake > 0 OR o.payout > 0
)
UPDATE feed_records r
   SET rolled_back = false, stake = -n.back_stake, payout = -n.back_payout,
       stored_no = :stored_no
  FROM named n
 WHERE r.provider = :provider AND r.record_id = n.record_id AND r.occurrence = n.occurrence
   AND (n.back_stake, n.back_payout) <> (n.stake, n.payout)
"""


def resolve_partial_rollbacks(connection: Connection, params: Mapping[str, object]) -> None:
    """Give the rounds of the staged records their partial rollbacks.

    Args:
        connection: in which ``feed_stage`` holds what was just stored.
        params: the provider, and ``stored_no`` of what was stored.
    """
    connection.execute(text(_RESOLVE), dict(params))
