"""Where the chain of each wallet begins, once its older operations left for archives.

A wallet's opening is its position and balance before its first operation from the cut on. What
is older may be away, so a balance or a sum of a wallet begins here. Books of which no row left
have no openings. Uses ``archived_row_months wallets operations batches``.
"""

#: SQL of the rows ``wallet_id, wallet_seq, balance``; ``{wallets}`` limits them, such as
#: ``AND w.player = :player``.
OPENINGS = """
SELECT w.wallet_id, coalesce(f.wallet_seq - 1, w.seq) AS wallet_seq,
       coalesce(f.balance_after - f.amount, w.balance) AS balance
  FROM wallets w
 CROSS JOIN (SELECT max(at) AS at FROM archived_row_months) cut
  LEFT JOIN LATERAL (
       SELECT o.wallet_seq, o.balance_after, o.amount
         FROM operations o JOIN batches b USING (batch_id)
        WHERE o.wallet_id = w.wallet_id AND b.committed_at >= cut.at
        ORDER BY o.wallet_seq LIMIT 1) f ON true
 WHERE cut.at IS NOT NULL {wallets}
"""
