"""Tampering with our own operations: minted with all that other checks ask for."""

from tests.harness.tampering.rows import Tampering, found_by


def minted(kind: str, account: str) -> str:
    """SQL that copies the deposit ``d1`` of bob under another key, posted, wallet and all."""
    return f"""
WITH batch AS (
  INSERT INTO batches (operations, posted_at) VALUES (1, clock_timestamp()) RETURNING batch_id
), written AS (
  INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
         currency, stake, payout, amount, balance_after, round_id, match_key, ends_round,
         fingerprint, route, headers, body, reply_status, reply, received_at)
  SELECT o.wallet_id, w.seq + 1, batch.batch_id, o.provider, 'minted', '{kind}', o.decision,
         o.currency, 0, 0, o.amount, w.balance + o.amount, o.round_id, o.match_key,
         o.ends_round, o.fingerprint, o.route, o.headers, o.body, o.reply_status,
         o.reply, o.received_at
    FROM operations o JOIN wallets w USING (wallet_id) CROSS JOIN batch WHERE o.op_key = 'd1'
), booked AS (
  INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency,
                       amount)
  SELECT e.wallet_id, w.seq + 1, e.leg,
         CASE e.account WHEN 'funding' THEN '{account}'::account_kind ELSE e.account END,
         e.provider, e.match_key, e.currency, e.amount
    FROM entries e JOIN operations o USING (wallet_id, wallet_seq)
    JOIN wallets w USING (wallet_id) WHERE o.op_key = 'd1'
)
UPDATE wallets w SET balance = w.balance + o.amount, seq = w.seq + 1
  FROM operations o WHERE o.op_key = 'd1' AND o.wallet_id = w.wallet_id
"""


_OPENED = """
WITH player AS (
  INSERT INTO players (player) VALUES ('eve') RETURNING player
), opened AS (
  INSERT INTO wallets (player, currency, balance, seq)
  SELECT player, 'EUR', 900, 1 FROM player RETURNING wallet_id
), batch AS (
  INSERT INTO batches (operations, posted_at) VALUES (1, clock_timestamp()) RETURNING batch_id
), written AS (
  INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
         currency, stake, payout, amount, balance_after, round_id, match_key, ends_round,
         fingerprint, route, headers, body, reply_status, reply, received_at)
  SELECT n.wallet_id, 1, batch.batch_id, o.provider, 'opening:' || n.wallet_id, o.kind,
         o.decision, o.currency, 0, 0, 900, 900, o.round_id, o.match_key, false,
         '', '', '', '', 200, '', o.received_at
    FROM operations o CROSS JOIN opened n CROSS JOIN batch WHERE o.op_key = 'opening:1'
)
INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT n.wallet_id, 1, e.leg, e.account, e.provider, e.match_key, e.currency,
       sign(e.amount)::bigint * 900
  FROM entries e CROSS JOIN opened n WHERE e.wallet_id = 1 AND e.wallet_seq = 1
"""

OF_ORDERS: dict[str, Tampering] = {
    "a deposit that nobody ordered": found_by(
        minted("deposit", "funding"), "orders_name_who_gave_them", replay="txn-2-4", audit=None
    ),
    "a correction that nobody approved": found_by(
        minted("adjustment", "adjustment"),
        "orders_name_who_gave_them",
        replay="txn-2-4",
        audit=None,
    ),
    "an opening balance that nobody imported": found_by(
        _OPENED, "openings_were_imported", replay=None, audit=None
    ),
    "who ordered a deposit": found_by(
        "DELETE FROM audit WHERE detail ->> 'operation' = 'd1'",
        "orders_name_who_gave_them",
        replay=None,
        audit=None,
    ),
    "how much was ordered": found_by(
        "UPDATE audit SET detail = jsonb_set(detail, '{order,amount,minor}', '71')"
        " WHERE detail ->> 'operation' = 'd1'",
        "orders_name_who_gave_them",
        replay=None,
        audit=None,
    ),
    "what was imported": found_by(
        "DELETE FROM audit WHERE action = 'players.imported'",
        "openings_were_imported",
        replay=None,
        audit=None,
    ),
}
