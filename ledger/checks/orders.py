"""Checks of operations without a provider's request: each follows from somebody's order.

A deposit that was only inserted, with wallet and entries to match, fits every other check. Here
it lacks the row of the audit trail, the request or the correction that it should come from.
"""

from ledger.checks.check import BookCheck
from ledger.enums import OPENING_KEY, OWN_SLUG

#: Operations of ours but opening balances; corrections of a round bear the provider's slug.
_OURS = f"""o.decision = 'accepted'
                   AND (o.provider = '{OWN_SLUG}'
                        OR o.kind IN ('deposit', 'withdrawal', 'adjustment'))
                   AND NOT starts_with(o.op_key, '{OPENING_KEY}')"""
#: What the audit trail says that an operation moves; null: it moves nothing.
_ORDERED = """coalesce((a.detail #>> '{{order,amount,minor}}')::bigint
                                  * CASE o.kind WHEN 'withdrawal' THEN -1 ELSE 1 END,
                                  (a.detail ->> 'amount')::bigint, 0)"""

WALLET_CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="orders_name_who_gave_them",
        promise="every operation of ours follows from an approved correction, a request that"
        " two people agreed on, or a row of the audit trail, with its amount",
        figure=f"SELECT count(*) FROM {{operations}} o WHERE {_OURS}",  # noqa: S608 - constants
        wrong=f"""SELECT transaction_name(o.wallet_id, o.wallet_seq) FROM {{operations}} o
                  LEFT JOIN {{wallets}} w USING (wallet_id)
                 WHERE {_OURS}
                   AND NOT CASE o.kind WHEN 'adjustment' THEN EXISTS (
                         SELECT FROM {{adjustments}} c
                          WHERE c.id = o.op_key AND c.state IN ('approved', 'posted')
                            AND (c.player, c.currency, c.amount)
                                = (w.player, o.currency, o.amount))
                       ELSE EXISTS (
                         SELECT FROM {{audit}} a
                          WHERE a.subject = w.player
                            AND a.detail ->> 'operation' = o.op_key
                            AND a.detail ->> 'currency' = o.currency
                            AND {_ORDERED} = o.amount)
                         OR EXISTS (
                         SELECT FROM {{fund_requests}} f
                          WHERE f.operation_key = o.op_key AND f.state = 'approved'
                            AND (f.player, f.currency, f.amount)
                                = (w.player, o.currency, o.amount)) END""",  # noqa: S608 - constants
    ),
)
BATCH_CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="openings_were_imported",
        promise="every opening balance is the first operation of its wallet, and those of a"
        " batch sum to what the audit trail says was imported",
        figure=f"""SELECT count(*) FROM {{operations}} o
                    WHERE o.provider = '{OWN_SLUG}'
                      AND starts_with(o.op_key, '{OPENING_KEY}')""",  # noqa: S608 - constants
        wrong=f"""SELECT 'opening balances of batch ' || batch_id || ' in ' || currency
                   FROM (SELECT batch_id, currency, sum(amount) AS amount, count(*) AS openings,
                                bool_and(o.wallet_seq = 1 AND o.kind = 'deposit'
                                         AND o.op_key = '{OPENING_KEY}' || o.wallet_id) AS first
                           FROM {{operations}} o
                          WHERE o.provider = '{OWN_SLUG}'
                            AND starts_with(o.op_key, '{OPENING_KEY}')
                          GROUP BY batch_id, currency) o
                   FULL JOIN (SELECT (a.detail ->> 'batch_id')::bigint AS batch_id,
                                     i.key AS currency,
                                     (i.value ->> 'amount')::numeric AS amount,
                                     (i.value ->> 'openings')::bigint AS openings
                                FROM {{audit}} a
                               CROSS JOIN LATERAL jsonb_each(a.detail -> 'imported') i
                               WHERE a.action = 'players.imported') i
                     USING (batch_id, currency)
                  WHERE (o.amount, o.openings, o.first)
                        IS DISTINCT FROM (i.amount, i.openings, true)""",  # noqa: S608 - constants
    ),
)
