"""The SQL statements of posting; parameters are arrays of batches, and of rounds to be swept.

Tables touched: see ``ledger.posting.posting``.
"""

from ledger.enums import OWN_SLUG
from ledger.posting.rules import SWEEP_CLEARING_LEG, SWEEP_GGR_LEG
from ledger.posting.rules_sql import legs_sql

LOCK = """
SELECT batch_id FROM batches
 WHERE posted_at IS NULL AND parked_at IS NULL
   AND batch_id <> ALL(CAST(:waiting AS bigint[]))
 ORDER BY batch_id LIMIT :limit FOR UPDATE SKIP LOCKED
"""

ENTRIES = f"""
INSERT INTO entries
       (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT o.wallet_id, o.wallet_seq, l.leg, l.account, o.provider, o.match_key, o.currency,
       l.amount
  FROM operations o
 CROSS JOIN LATERAL ({legs_sql()}) AS l
 WHERE o.batch_id = ANY(CAST(:batches AS bigint[])) AND o.decision = 'accepted'
"""  # noqa: S608 - our own rules, rendered

_FROM_OPERATIONS = f"""
 FROM operations o
WHERE o.batch_id = ANY(CAST(:batches AS bigint[])) AND o.decision = 'accepted'
  AND o.provider <> '{OWN_SLUG}'
"""

# An operation that ends its round at once, or that a fund pays, never was in the clearing and
# counts as swept. Sums, greatest and least do not depend on the order: a round that is ended
# twice with different totals is the same whoever posts last. Rows are written in primary key
# order, so that two workers adding to the same rounds wait for each other and do not deadlock.
# Returned are the ended rounds whose clearing is not empty; most callbacks leave none.
ROUNDS = f"""
WITH added AS (
INSERT INTO rounds AS r
       (match_key, provider, round_id, wallet_id, currency, stake, payout, swept,
        bets, wins, rollbacks, ended, declared_stake, declared_payout, first_at, last_at)
SELECT o.match_key, o.provider, o.round_id, o.wallet_id, min(o.currency),
       sum(o.stake), sum(o.payout),
       coalesce(sum(o.stake - o.payout) FILTER (WHERE o.ends_round OR o.fund <> 'cash'), 0),
       count(*) FILTER (WHERE o.kind IN ('bet', 'bet_and_win')),
       count(*) FILTER (WHERE o.kind IN ('win', 'bet_and_win')),
       count(*) FILTER (WHERE o.kind = 'rollback'),
       bool_or(o.ends_round), max(o.declared_stake), max(o.declared_payout),
       min(o.received_at), max(o.received_at)
{_FROM_OPERATIONS}
 GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id
 ORDER BY o.match_key, o.provider, o.round_id, o.wallet_id
ON CONFLICT (match_key, provider, round_id, wallet_id) DO UPDATE
   SET stake = r.stake + EXCLUDED.stake,
       payout = r.payout + EXCLUDED.payout,
       swept = r.swept + EXCLUDED.swept,
       bets = r.bets + EXCLUDED.bets,
       wins = r.wins + EXCLUDED.wins,
       rollbacks = r.rollbacks + EXCLUDED.rollbacks,
       ended = r.ended OR EXCLUDED.ended,
       declared_stake = greatest(EXCLUDED.declared_stake, r.declared_stake),
       declared_payout = greatest(EXCLUDED.declared_payout, r.declared_payout),
       first_at = least(r.first_at, EXCLUDED.first_at),
       last_at = greatest(r.last_at, EXCLUDED.last_at)
RETURNING r.match_key, r.provider, r.round_id, r.wallet_id, r.currency, r.ended,
          r.stake - r.payout - r.swept AS due
)
SELECT match_key, provider, round_id, wallet_id, currency, due FROM added
 WHERE ended AND due <> 0
"""  # noqa: S608 - constants of this module

# The two entries of a sweep join the transaction of the last operation that this posting adds
# to the round. Rounds and operations meet in one aggregate: a join could turn into one over all
# pairs, or over a wallet's whole chain, where statistics are missing.
SWEEP = f"""
WITH due AS (
  SELECT match_key, provider, round_id, wallet_id, max(currency) AS currency,
         max(amount) AS amount, max(wallet_seq) AS wallet_seq
    FROM (SELECT o.match_key, o.provider, o.round_id, o.wallet_id, NULL AS currency,
                 NULL::bigint AS amount, o.wallet_seq
          {_FROM_OPERATIONS}
           UNION ALL
          SELECT q.*, NULL
            FROM unnest(CAST(:match_key AS bigint[]), CAST(:provider AS text[]),
                        CAST(:round_id AS text[]), CAST(:wallet_id AS bigint[]),
                        CAST(:currency AS text[]), CAST(:due AS bigint[])) AS q) parts
   GROUP BY match_key, provider, round_id, wallet_id HAVING count(amount) > 0
), swept AS (
  UPDATE rounds r SET swept = r.swept + due.amount FROM due
   WHERE r.match_key = due.match_key AND r.provider = due.provider
     AND r.round_id = due.round_id AND r.wallet_id = due.wallet_id
)
INSERT INTO entries
       (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT due.wallet_id, due.wallet_seq, l.leg, l.account, due.provider, due.match_key,
       due.currency, l.amount
  FROM due
 CROSS JOIN LATERAL (
       SELECT {SWEEP_CLEARING_LEG}, 'provider_clearing'::account_kind, -due.amount UNION ALL
       SELECT {SWEEP_GGR_LEG}, 'ggr'::account_kind, due.amount) AS l (leg, account, amount)
"""  # noqa: S608 - constants of this module

MARK_POSTED = """
UPDATE batches SET posted_at = clock_timestamp()
 WHERE batch_id = ANY(CAST(:batches AS bigint[]))
"""
BATCH_OPERATIONS = """
SELECT provider, op_key, kind::text AS kind, wallet_id, wallet_seq FROM operations
 WHERE batch_id = :batch ORDER BY wallet_id, wallet_seq LIMIT :limit
"""
WANT_ROUNDS = """
INSERT INTO recalls (kind, provider, name, hash, wanted_by)
SELECT DISTINCT 'round', o.provider, o.round_id, o.match_key, 'posting' FROM operations o
 WHERE o.batch_id = :batch AND o.decision = 'accepted'
   AND is_round_away(o.provider, o.round_id, o.match_key)
ON CONFLICT (provider, kind, name) WHERE came_at IS NULL DO NOTHING
"""
PARK_BATCH = "UPDATE batches SET parked_at = clock_timestamp() WHERE batch_id = :batch"
