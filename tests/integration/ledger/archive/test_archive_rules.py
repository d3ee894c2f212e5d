"""The database makes archived entries by the rules that posting follows, whatever moved."""

import psycopg

from ledger.posting.rules_sql import legs_sql

#: Every kind, fund and end of round, paid and undone, within a balance and across zero.
OPERATIONS = """
WITH batch AS (
  INSERT INTO batches (operations, posted_at) VALUES (1, now()) RETURNING batch_id
)
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at, fund)
SELECT 1, row_number() OVER (), batch_id,
       CASE WHEN own THEN 'tieout' ELSE 'lottery' END, gen_random_uuid()::text, kind,
       'accepted', 'EUR',
       CASE WHEN own THEN 0 ELSE stake END, CASE WHEN own THEN 0 ELSE payout END,
       payout - stake, balance, 'r', 5, ends, '', '', '', '', 200, '', now(), fund
  FROM batch, unnest(enum_range(NULL::operation_kind)) AS kind,
       unnest(enum_range(NULL::fund_kind)) AS fund,
       unnest(ARRAY[true, false]) AS ends,
       (VALUES (0, 0), (70, 0), (0, 90), (30, 40), (-70, 0), (-30, -40)) AS m (stake, payout),
       unnest(ARRAY[500, 20, -20, -500]) AS balance,
       LATERAL (SELECT kind IN ('deposit', 'withdrawal', 'block', 'unblock')
                       OR kind IN ('exclude', 'limit')
                       OR kind = 'adjustment' AND payout = 90) AS o (own)
 WHERE NOT own OR kind IN ('deposit', 'withdrawal', 'adjustment') OR payout = stake
"""
COLUMNS = "o.wallet_seq, l.leg, l.account, o.provider, o.match_key, o.currency, l.amount"
POSTED = f"""
SELECT {COLUMNS} FROM operations o
 CROSS JOIN LATERAL ({legs_sql()}) AS l
"""
BY_RULE = "SELECT wallet_seq, leg, account, provider, match_key, currency, amount FROM"


def test_the_view_gives_the_entries_of_every_kind_of_operation(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(OPERATIONS.encode())
        both = (POSTED, f"{BY_RULE} entries_by_rule")
        for one, other in (both, both[::-1]):
            query = f"SELECT * FROM ({one}) a EXCEPT ALL SELECT * FROM ({other}) b LIMIT 3"
            assert connection.execute(query.encode()).fetchall() == []
        accounts = connection.execute(
            b"SELECT count(DISTINCT account), count(DISTINCT leg), count(*) > 5000"
            b" FROM entries_by_rule"
        ).fetchone()
    assert accounts == (11, 8, True)
