"""Checks of booked residuals: each is booked once, with two legs, as its run states."""

from ledger.checks.check import BookCheck

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="residual_entries_sum_to_zero",
        promise="the entries of every residual sum to zero per currency",
        figure="SELECT count(*) FROM {residual_entries} e",
        wrong="""SELECT 'residual ' || residual_id FROM {residual_entries} e
                  GROUP BY residual_id, currency HAVING sum(amount) <> 0""",
    ),
    BookCheck(
        name="residuals_are_entered",
        promise="every residual has exactly two entries, in GGR and in the difference account,"
        " with its amount, provider, round and currency",
        figure="SELECT count(*) FROM {residuals} r",
        wrong="""SELECT DISTINCT 'residual ' || coalesce(r.residual_id, e.residual_id)
                   FROM (SELECT r.residual_id, r.provider, r.match_key, r.currency, l.leg,
                                l.account, l.amount
                           FROM {residuals} r
                          CROSS JOIN LATERAL
                                (VALUES (1, 'ggr'::account_kind, r.before - r.after),
                                        (2, 'difference', r.after - r.before))
                                AS l (leg, account, amount)) r
                   FULL JOIN {residual_entries} e USING (residual_id, leg)
                  WHERE (r.account, r.provider, r.match_key, r.currency, r.amount)
                        IS DISTINCT FROM
                        (e.account, e.provider, e.match_key, e.currency, e.amount)""",
    ),
    BookCheck(
        name="residuals_follow",
        promise="in each round and currency residuals run 1, 2, 3 …, and each corrects the one"
        " before it and starts from its amount",
        figure="SELECT count(*) FROM {residuals} r",
        wrong="""SELECT 'residual ' || residual_id FROM (
                   SELECT residual_id, sequence, before, corrects,
                          lag(sequence, 1, 0) OVER chain AS sequence_before,
                          lag(after, 1, 0::bigint) OVER chain AS after_before,
                          lag(residual_id) OVER chain AS last
                     FROM {residuals} r
                   WINDOW chain AS (PARTITION BY provider, round_id, player, currency
                                    ORDER BY sequence)
                 ) c
                 WHERE (sequence, before, corrects)
                       IS DISTINCT FROM (sequence_before + 1, after_before, last)""",
    ),
    BookCheck(
        name="residuals_equal_runs",
        promise="the residuals booked by a run are what its manifest states, and the run"
        " compared its whole window",
        figure="SELECT count(*) FROM {runs} r",
        wrong="""SELECT 'run ' || run_id || ' ' || currency
                   FROM (SELECT r.run_id, s.key AS currency, s.value::numeric AS minor
                           FROM {runs} r
                          CROSS JOIN LATERAL jsonb_each_text(r.manifest -> 'booked_minor') s
                        ) m
                   FULL JOIN (SELECT run_id, currency,
                                     array_agg(DISTINCT provider) AS providers,
                                     sum(after - before) AS minor
                                FROM {residuals} r GROUP BY run_id, currency) b
                     USING (run_id, currency)
                   LEFT JOIN {runs} r USING (run_id)
                  WHERE coalesce(m.minor, 0) <> coalesce(b.minor, 0)
                     OR (b.providers IS NOT NULL
                         AND (b.providers, true)
                             IS DISTINCT FROM (ARRAY[r.provider], r.whole))""",
    ),
)
