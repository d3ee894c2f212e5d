"""Checks of month ends: what was written down about wallets when a month was let go."""

from ledger.checks.check import BookCheck

#: Against the operations of the months before, as long as their rows are there.
WALLET_CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="month_ends_equal_chains",
        promise="at the newest month end, each wallet has the position, balance, turnover and"
        " block that its operations up to then give",
        figure="SELECT count(*) FROM {wallets} w",
        wrong="""SELECT 'wallet ' || coalesce(p.wallet_id, o.wallet_id)
                   FROM {month_end_wallets} p FULL JOIN (
                     SELECT o.wallet_id, max(o.wallet_seq) AS wallet_seq,
                            sum(o.amount) AS balance,
                            coalesce(sum(o.stake) FILTER (WHERE o.decision = 'accepted'), 0)
                              AS turnover,
                            coalesce((array_agg(o.kind = 'block' ORDER BY o.wallet_seq DESC)
                              FILTER (WHERE o.kind IN ('block', 'unblock')
                                        AND o.decision = 'accepted'))[1], false) AS blocked
                       FROM {operations} o JOIN {batches} b USING (batch_id)
                      WHERE b.committed_at < (SELECT max(at) FROM {month_ends})
                        AND (SELECT EXISTS (SELECT FROM {month_ends}))
                      GROUP BY o.wallet_id
                   ) o USING (wallet_id)
                  WHERE (p.wallet_seq, p.balance, p.turnover, p.blocked)
                        IS DISTINCT FROM (o.wallet_seq, o.balance, o.turnover, o.blocked)""",
    ),
)
#: Against what was written down beside them; needs no operation.
CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="month_ends_are_tied",
        promise="every month end names the seal of its last day and the archive that was let"
        " go; the wallets of the newest one have its digest",
        figure="SELECT count(*) FROM {wallets} w",
        wrong="""SELECT 'month end ' || to_char(m.month, 'YYYY-MM')
                   FROM {month_ends} m
                   LEFT JOIN {seals} s ON s.day = (m.month + interval '1 month')::date - 1
                   LEFT JOIN (SELECT a.month, a.manifest_hash
                                FROM {archives} a JOIN {archive_releases} r USING (archive_id)
                               WHERE r.state = 'approved') a ON a.month = m.month
                  WHERE (m.seal, m.manifest_hash) IS DISTINCT FROM (s.hash, a.manifest_hash)
                     OR (m.month = (SELECT max(month) FROM {month_ends})
                         AND (m.digest, m.wallets) IS DISTINCT FROM
                             (month_end_digest(), (SELECT count(*) FROM month_end_wallets)))
                 UNION ALL
                 SELECT 'wallets without a month end'
                  WHERE NOT EXISTS (SELECT FROM {month_ends})
                    AND EXISTS (SELECT FROM month_end_wallets)""",
    ),
    BookCheck(
        name="archived_totals_are_tied",
        promise="what the entries of a month summed to when they left is zero per currency, and"
        " of as many rows as its days were sealed with; up to the newest month end, the sums of"
        " players are what their wallets held then",
        figure="SELECT count(*) FROM {seals} s",
        wrong="""SELECT to_char(month, 'YYYY-MM') || ' ' || currency || ': not zero'
                   FROM {archived_totals} t
                  GROUP BY month, currency HAVING sum(amount) <> 0
                 UNION ALL
                 SELECT to_char(month, 'YYYY-MM') || ': other rows than were sealed'
                   FROM (SELECT month, sum(entries) AS entries FROM {archived_totals} t
                          GROUP BY month) t
                   FULL JOIN (SELECT date_trunc('month', day)::date AS month,
                                     sum(entries) AS entries
                                FROM {seals} s GROUP BY 1 HAVING sum(entries) > 0) s
                     USING (month)
                  WHERE month <= (SELECT max(month) FROM {month_ends})
                    AND t.entries IS DISTINCT FROM s.entries
                 UNION ALL
                 SELECT 'players in ' || currency || ': other than their wallets'
                   FROM (SELECT currency, sum(amount) AS amount FROM {archived_totals} t
                          WHERE account IN ('player_wallet', 'player_receivable')
                            AND month <= (SELECT max(month) FROM {month_ends})
                          GROUP BY currency) t
                   FULL JOIN (SELECT w.currency, sum(p.balance) AS balance
                                FROM month_end_wallets p JOIN wallets w USING (wallet_id)
                               GROUP BY w.currency) p USING (currency)
                  WHERE coalesce(t.amount, 0) <> coalesce(p.balance, 0)""",
    ),
    BookCheck(
        name="packed_hashes_are_whole",
        promise="the hashes of what left for archives are those that were added when it left:"
        " none was taken out, and none changed",
        figure="SELECT (count(*) + sum(hashes))::bigint FROM packed_hash_totals",
        wrong="""SELECT packed || CASE WHEN t.hashes IS DISTINCT FROM p.hashes
                        THEN ': ' || coalesce(p.hashes, 0) || ' hashes are there, '
                             || coalesce(t.hashes, 0) || ' were added'
                        ELSE ': other hashes than were added' END
                   FROM packed_hash_totals t FULL JOIN (
                     SELECT 'archived_keys' AS packed, count(u.hash) AS hashes,
                            coalesce(bit_xor(packed_digest(u.hash, 0, u.day)), 0) AS digest
                       FROM archived_keys k, unnest(k.hashes, k.days) AS u (hash, day)
                      UNION ALL
                     SELECT 'archived_records', count(u.hash),
                            coalesce(bit_xor(packed_digest(u.hash, u.content, u.month)), 0)
                       FROM archived_records k,
                            unnest(k.hashes, k.contents, k.months) AS u (hash, content, month)
                   ) p USING (packed)
                  WHERE (t.hashes, t.digest) IS DISTINCT FROM (p.hashes, p.digest)""",
    ),
)
