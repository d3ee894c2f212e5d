"""Checks of rounds: each follows from its posted operations; an ended one has no clearing."""

from ledger.checks.check import BookCheck
from ledger.enums import OWN_SLUG

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="rounds_equal_operations",
        promise="each round's sums, counters, end and instants are those of its posted"
        " operations",
        figure="SELECT count(*) FROM {rounds} r",
        wrong=f"""SELECT coalesce(r.provider, o.provider) || ' '
                        || coalesce(r.round_id, o.round_id)
                   FROM {{rounds}} r FULL JOIN (
                     SELECT o.match_key, o.provider, o.round_id, o.wallet_id,
                            sum(o.stake) AS stake,
                            sum(o.payout) AS payout,
                            count(*) FILTER (WHERE o.kind IN ('bet', 'bet_and_win')) AS bets,
                            count(*) FILTER (WHERE o.kind IN ('win', 'bet_and_win')) AS wins,
                            count(*) FILTER (WHERE o.kind = 'rollback') AS rollbacks,
                            bool_or(o.ends_round) AS ended,
                            min(o.received_at) AS first_at, max(o.received_at) AS last_at,
                            array_agg(o.declared_stake)
                              FILTER (WHERE o.declared_stake IS NOT NULL) AS declared_stakes,
                            array_agg(o.declared_payout)
                              FILTER (WHERE o.declared_payout IS NOT NULL) AS declared_payouts,
                            array_agg(o.currency) AS currencies
                       FROM {{round_operations}} o JOIN {{batches}} b USING (batch_id)
                      WHERE b.posted_at IS NOT NULL AND o.decision = 'accepted'
                        AND o.provider <> '{OWN_SLUG}'
                      GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id
                   ) o USING (match_key, provider, round_id, wallet_id)
                  WHERE (r.stake, r.payout, r.bets, r.wins, r.rollbacks, r.ended, r.first_at,
                         r.last_at)
                        IS DISTINCT FROM
                        (o.stake, o.payout, o.bets, o.wins, o.rollbacks, o.ended, o.first_at,
                         o.last_at)
                     OR (r.declared_stake IS NULL) <> (o.declared_stakes IS NULL)
                     OR (r.declared_payout IS NULL) <> (o.declared_payouts IS NULL)
                     OR r.declared_stake <> ALL (o.declared_stakes)
                     OR r.declared_payout <> ALL (o.declared_payouts)
                     OR r.currency <> ALL (o.currencies)""",  # noqa: S608 - a constant
    ),
    BookCheck(
        name="ended_rounds_are_clear",
        promise="an ended round's clearing is zero; an open one's is its stake less payout,"
        " less what was swept",
        figure="SELECT count(*) FROM {rounds} r",
        wrong="""SELECT r.provider || ' ' || r.round_id FROM {rounds} r
                   LEFT JOIN (SELECT match_key, provider, wallet_id, sum(amount) AS amount
                                FROM {entries} e WHERE account = 'provider_clearing'
                               GROUP BY match_key, provider, wallet_id) c
                     USING (match_key, provider, wallet_id)
                  WHERE coalesce(c.amount, 0) <> r.stake - r.payout - r.swept
                     OR (r.ended AND r.swept <> r.stake - r.payout)""",
    ),
)
