"""Checks of batches, deliveries, parked work and seals."""

from ledger.checks.check import BookCheck

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="batches_are_whole",
        promise="every batch has as many operations as its row states, and is not both posted"
        " and parked",
        figure="SELECT count(*) FROM {batches} b",
        wrong="""SELECT 'batch ' || b.batch_id FROM {batches} b
                  LEFT JOIN (SELECT batch_id, count(*) AS operations FROM {operations} o
                              GROUP BY batch_id) o USING (batch_id)
                 WHERE b.operations <> coalesce(o.operations, 0)
                    OR (b.posted_at IS NOT NULL AND b.parked_at IS NOT NULL)""",
    ),
    BookCheck(
        name="deliveries_are_answered",
        promise="every delivery has a batch, and every repeat was answered with the reply of"
        " its operation, unless that left for an archive",
        figure="SELECT count(*) FROM {deliveries} d",
        wrong="""SELECT 'delivery ' || d.delivery_id FROM {deliveries} d
                  LEFT JOIN {batches} b USING (batch_id)
                  LEFT JOIN LATERAL (
                       SELECT * FROM {known_operations} x
                        WHERE x.provider = d.provider AND x.op_key = d.op_key
                          AND d.verdict = 'repeated' OFFSET 0) o ON true
                 WHERE b.batch_id IS NULL
                    OR (d.verdict = 'repeated'
                        AND (d.reply_status, d.reply)
                            IS DISTINCT FROM (o.reply_status, o.reply)
                        AND NOT (o.provider IS NULL
                                 AND is_operation_away(d.provider, d.op_key)))
                    OR (d.verdict NOT IN ('recorded', 'malformed')
                        AND d.ingested_at IS NOT NULL)""",
    ),
    BookCheck(
        name="archived_entries_keep_their_totals",
        promise="the entries of each batch are there, or left with a released month; as the"
        " posting rules give them, those sum to what was written down then",
        figure="SELECT count(*) FROM {batches} b",
        wrong="""SELECT to_char(month, 'YYYY-MM') || ' ' || account || ' ' || provider || ' '
                        || currency
                   FROM (SELECT date_trunc('month', b.committed_at AT TIME ZONE 'UTC')::date
                                  AS month,
                                e.account, e.provider, e.currency, sum(e.amount) AS amount,
                                count(*) AS entries
                           FROM {archived_entries} e JOIN {batches} b USING (batch_id)
                          WHERE (SELECT EXISTS (SELECT FROM {batches} l
                                                 WHERE l.entries_at IS NOT NULL))
                          GROUP BY 1, 2, 3, 4) e
                   FULL JOIN {archived_totals} t USING (month, account, provider, currency)
                   LEFT JOIN (SELECT month, true AS released
                                FROM {archives} a JOIN {archive_releases} r USING (archive_id)
                               WHERE r.state = 'approved') r USING (month)
                  WHERE (e.amount, e.entries, r.released)
                        IS DISTINCT FROM (t.amount, t.entries, true)""",
    ),
    BookCheck(
        name="nothing_is_parked",
        promise="no batch or record waits for a person",
        figure="SELECT count(*) FROM {batches} b",
        wrong="SELECT job || ' ' || subject || ': ' || cause FROM {parked} p",
    ),
    BookCheck(
        name="seals_are_chained",
        promise="every seal follows the one of the day before",
        figure="SELECT count(*) FROM {seals} s",
        wrong="""SELECT 'seal of ' || day FROM (
                   SELECT day, previous, lag(day) OVER days AS day_before,
                          lag(hash, 1, repeat('0', 64)) OVER days AS hash_before
                     FROM {seals} s WINDOW days AS (ORDER BY day)
                 ) s WHERE previous <> hash_before OR day <> day_before + 1""",
    ),
    BookCheck(
        name="sealed_days_keep_their_rows",
        promise="every sealed day has as many rows as were sealed",
        figure="SELECT count(*) FROM {sealed_days} s",
        wrong="""SELECT 'sealed day ' || s.day FROM {sealed_days} s
                  LEFT JOIN (SELECT (b.committed_at AT TIME ZONE 'UTC')::date AS day,
                                    count(*) AS batches, sum(b.operations) AS operations,
                                    sum(d.deliveries) AS deliveries
                               FROM {batches} b
                               LEFT JOIN (SELECT batch_id, count(*) AS deliveries
                                            FROM {deliveries} d GROUP BY batch_id) d
                                 USING (batch_id)
                              GROUP BY 1) b USING (day)
                  LEFT JOIN (SELECT (r.booked_at AT TIME ZONE 'UTC')::date AS day,
                                    count(*) AS residuals
                               FROM {residuals} r GROUP BY 1) r USING (day)
                 WHERE (s.batches, s.operations, s.deliveries) IS DISTINCT FROM
                       (coalesce(b.batches, 0), coalesce(b.operations, 0),
                        coalesce(b.deliveries, 0)::bigint)
                    OR (s.layout ? 'residuals'
                        AND s.residuals IS DISTINCT FROM coalesce(r.residuals, 0))""",
    ),
)
