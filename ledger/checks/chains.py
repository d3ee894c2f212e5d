"""Checks of wallets and their chains: positions, balances, counters, reversals, tombstones."""

from ledger.checks.check import BookCheck

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="chains_have_no_gap",
        promise="every wallet's chain runs 1, 2, 3 … and each balance follows the one before",
        figure="SELECT count(*) FROM {operations} o",
        wrong="""SELECT transaction_name(wallet_id, c.wallet_seq) FROM (
                   SELECT wallet_id, wallet_seq, amount, balance_after,
                          lag(wallet_seq) OVER chain AS seq_before,
                          lag(balance_after) OVER chain AS before
                     FROM {operations} o
                   WINDOW chain AS (PARTITION BY wallet_id ORDER BY wallet_seq)
                 ) c LEFT JOIN {month_end} p USING (wallet_id)
                 WHERE c.wallet_seq <> coalesce(c.seq_before, p.wallet_seq, 0) + 1
                    OR c.balance_after <> coalesce(c.before, p.balance, 0) + c.amount""",
    ),
    BookCheck(
        name="wallets_end_their_chain",
        promise="each wallet has the position and balance of the last operation in its chain",
        figure="SELECT count(*) FROM {wallets} w",
        wrong="""SELECT w.player || ' ' || w.currency FROM {wallets} w
                  LEFT JOIN {operations} o
                    ON o.wallet_id = w.wallet_id AND o.wallet_seq = w.seq
                  LEFT JOIN {month_end} p ON p.wallet_id = w.wallet_id
                 WHERE w.balance <> coalesce(o.balance_after, p.balance, 0)
                    OR (o.wallet_id IS NULL AND w.seq <> coalesce(p.wallet_seq, 0))
                    OR EXISTS (SELECT FROM {operations} later
                                WHERE later.wallet_id = w.wallet_id
                                  AND later.wallet_seq > w.seq)""",
    ),
    BookCheck(
        name="wallets_count_their_chain",
        promise="each wallet's turnover is the sum of its accepted stakes, and it is blocked if"
        " and only if its last block or unblock was a block",
        figure="SELECT count(*) FROM {wallets} w",
        wrong="""SELECT w.player || ' ' || w.currency FROM {wallets} w
                  LEFT JOIN (SELECT wallet_id, sum(stake) AS stake FROM {operations} o
                              WHERE decision = 'accepted' GROUP BY wallet_id) t
                    USING (wallet_id)
                  LEFT JOIN (SELECT DISTINCT ON (wallet_id) wallet_id, kind = 'block' AS blocked
                               FROM {operations} o
                              WHERE kind IN ('block', 'unblock') AND decision = 'accepted'
                              ORDER BY wallet_id, wallet_seq DESC) b
                    USING (wallet_id)
                  LEFT JOIN {month_end} p USING (wallet_id)
                 WHERE w.turnover <> coalesce(p.turnover, 0) + coalesce(t.stake, 0)
                    OR w.blocked <> coalesce(b.blocked, p.blocked, false)""",
    ),
    BookCheck(
        name="operations_fit_their_wallet",
        promise="every operation has a wallet, in its currency, and a batch",
        figure="SELECT count(*) FROM {operations} o",
        wrong="""SELECT transaction_name(o.wallet_id, o.wallet_seq) FROM {operations} o
                  LEFT JOIN {wallets} w USING (wallet_id)
                  LEFT JOIN {batches} b USING (batch_id)
                 WHERE o.currency IS DISTINCT FROM w.currency OR b.batch_id IS NULL""",
    ),
    BookCheck(
        name="reversals_undo_their_original",
        promise="the original of each reversal precedes it in the same chain, was accepted, and"
        " is undone only once, and exactly unless the rollback states less",
        figure="SELECT count(*) FROM {operations} o WHERE reverses IS NOT NULL",
        wrong="""SELECT transaction_name(r.wallet_id, r.wallet_seq) FROM {operations} r
                  LEFT JOIN {known_operations} o
                    ON o.provider = r.provider AND o.op_key = r.reverses
                 WHERE r.reverses IS NOT NULL
                   AND (o.wallet_id IS DISTINCT FROM r.wallet_id OR o.wallet_seq >= r.wallet_seq
                        OR o.decision <> 'accepted' OR r.decision <> 'accepted'
                        OR r.kind <> 'rollback' OR o.kind = 'rollback'
                        OR (o.kind = 'tombstone' AND NOT starts_with(o.reason, 'closed_by '))
                        OR (r.round_id, r.fund) <> (o.round_id, o.fund)
                        OR r.stake NOT BETWEEN -o.stake AND 0
                        OR r.payout NOT BETWEEN -o.payout AND 0
                        OR (r.reason IS DISTINCT FROM 'amount_differs'
                            AND (r.stake, r.payout) <> (-o.stake, -o.payout)))
                 UNION ALL
                 SELECT provider || ' ' || reverses FROM {operations} o
                  WHERE reverses IS NOT NULL GROUP BY wallet_id, provider, reverses
                 HAVING count(*) > 1""",
    ),
    BookCheck(
        name="tombstones_move_nothing",
        promise="every tombstone follows the operation that placed it, and moves nothing",
        figure="SELECT count(*) FROM {operations} o WHERE kind = 'tombstone'",
        wrong="""SELECT transaction_name(t.wallet_id, t.wallet_seq) FROM {operations} t
                  LEFT JOIN {known_operations} o
                    ON o.wallet_id = t.wallet_id AND o.wallet_seq = t.wallet_seq - 1
                 WHERE t.kind = 'tombstone'
                   AND ((t.stake, t.payout, t.amount) <> (0, 0, 0)
                        OR t.decision <> 'accepted'
                        OR (t.provider, t.refers_to, t.op_key)
                           IS DISTINCT FROM (o.provider, o.op_key, o.refers_to))""",
    ),
)
