"""Checks of entries: they sum to zero, and follow from the posting rules.

Entries whose rows left for an archive do both by the view that makes them again; what they sum
to is another check (``ledger.checks.batches``).
"""

from ledger.checks.check import BookCheck
from ledger.posting.rules import SWEEP_CLEARING_LEG, SWEEP_GGR_LEG
from ledger.posting.rules_sql import leg_of_entry_sql, legs_due_sql, legs_sql

_SWEEP = f"({SWEEP_CLEARING_LEG}, {SWEEP_GGR_LEG})"
_ACCOUNT, _AMOUNT = leg_of_entry_sql()
_POSTED = """SELECT o.* FROM {operations} o JOIN {batches} b USING (batch_id)
              WHERE b.posted_at IS NOT NULL AND b.entries_at IS NULL
                AND o.decision = 'accepted'"""
# Every entry is the one that the rules give for its leg, of which an operation has one, and
# there are as many as the rules give. So none is missing.
_POSTED_BY_RULE = f"""
SELECT e.wrong = 0 AND e.entries = o.entries
  FROM (SELECT count(*) AS entries,
               count(*) FILTER (WHERE e.account IS DISTINCT FROM {_ACCOUNT}
                                   OR e.amount IS DISTINCT FROM {_AMOUNT}
                                   OR e.match_key IS DISTINCT FROM o.match_key
                                   OR e.provider IS DISTINCT FROM o.provider
                                   OR e.currency IS DISTINCT FROM o.currency) AS wrong
          FROM {{entry_rows}} e LEFT JOIN ({_POSTED}) o
            ON o.wallet_id = e.wallet_id AND o.wallet_seq = e.wallet_seq
         WHERE e.leg NOT IN {_SWEEP}) e
 CROSS JOIN (SELECT coalesce(sum({legs_due_sql()}), 0) AS entries FROM ({_POSTED}) o) o
"""  # noqa: S608 - our own rules, rendered

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="entries_sum_to_zero",
        promise="the entries of every transaction sum to zero per currency",
        figure="SELECT count(*) FROM {entries} e",
        wrong="""SELECT transaction_name(wallet_id, wallet_seq) FROM {entry_rows} e
                  GROUP BY wallet_id, wallet_seq, currency HAVING sum(amount) <> 0""",
    ),
    BookCheck(
        name="wallets_equal_entries",
        promise="each balance is the sum of its entries and of its operations not posted yet",
        figure="SELECT count(*) FROM {wallets} w",
        wrong="""SELECT w.player || ' ' || w.currency FROM {wallets} w
                  LEFT JOIN (SELECT wallet_id, sum(amount) AS amount FROM {entries} e
                              WHERE account IN ('player_wallet', 'player_receivable')
                              GROUP BY wallet_id) e
                      USING (wallet_id)
                  LEFT JOIN (SELECT o.wallet_id, sum(o.amount) AS amount
                               FROM {operations} o JOIN {batches} b USING (batch_id)
                              WHERE b.posted_at IS NULL GROUP BY o.wallet_id) u
                      USING (wallet_id)
                  LEFT JOIN {month_end} p USING (wallet_id)
                 WHERE w.balance
                       <> coalesce(p.balance, 0) + coalesce(e.amount, 0)
                          + coalesce(u.amount, 0)""",
    ),
    BookCheck(
        name="operations_posted_once",
        promise="every accepted, posted operation has exactly the entries that the posting"
        " rules give, or they left for an archive, and no other operation has any",
        figure="SELECT count(*) FROM {operations} o",
        wrong=f"""SELECT DISTINCT transaction_name(coalesce(o.wallet_id, e.wallet_id),
                                          coalesce(o.wallet_seq, e.wallet_seq))
                    FROM (SELECT o.wallet_id, o.wallet_seq, l.leg, l.account, o.provider,
                                 o.match_key, o.currency, l.amount
                            FROM {{operations}} o JOIN {{batches}} b USING (batch_id)
                           CROSS JOIN LATERAL ({legs_sql()}) AS l
                           WHERE b.posted_at IS NOT NULL AND b.entries_at IS NULL
                             AND o.decision = 'accepted') o
                    FULL JOIN (SELECT * FROM {{entry_rows}} e WHERE leg NOT IN {_SWEEP}) e
                      ON e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
                     AND e.leg = o.leg
                   WHERE (e.account, e.provider, e.match_key, e.currency, e.amount)
                         IS DISTINCT FROM
                         (o.account, o.provider, o.match_key, o.currency, o.amount)""",  # noqa: S608 - our own rules, rendered
        holds=_POSTED_BY_RULE,
    ),
    BookCheck(
        name="sweeps_are_whole",
        promise="every sweep moves one amount from its round's clearing to GGR, with an"
        " accepted, posted operation of the round",
        figure=f"SELECT count(*) FROM {{entries}} e WHERE leg IN {_SWEEP}",  # noqa: S608 - constants
        wrong=f"""SELECT transaction_name(s.wallet_id, s.wallet_seq) FROM (
                    SELECT wallet_id, wallet_seq, count(*) AS legs, sum(amount) AS total,
                           count(*) FILTER (WHERE account =
                             CASE leg WHEN {SWEEP_CLEARING_LEG} THEN 'provider_clearing'
                                  ELSE 'ggr' END::account_kind) AS right_account,
                           min(match_key) AS first_round, max(match_key) AS last_round,
                           min(provider) AS provider, max(provider) AS last_provider,
                           min(currency) AS currency, max(currency) AS last_currency
                      FROM {{entry_rows}} e WHERE leg IN {_SWEEP} GROUP BY wallet_id, wallet_seq
                  ) s
                  LEFT JOIN (SELECT o.*, b.posted_at FROM {{operations}} o
                               JOIN {{batches}} b USING (batch_id)) o
                    ON o.wallet_id = s.wallet_id AND o.wallet_seq = s.wallet_seq
                 WHERE s.legs <> 2 OR s.right_account <> 2 OR s.total <> 0
                    OR (s.first_round, s.last_round) IS DISTINCT FROM (o.match_key, o.match_key)
                    OR (s.provider, s.last_provider) IS DISTINCT FROM (o.provider, o.provider)
                    OR (s.currency, s.last_currency) IS DISTINCT FROM (o.currency, o.currency)
                    OR o.decision <> 'accepted' OR o.posted_at IS NULL""",  # noqa: S608 - constants
    ),
)
