"""A position of a wallet's chain is found by the instant of its request."""

from datetime import UTC, datetime, timedelta

import psycopg

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
#: Operations of the wallet, one a minute; every fifth shares the instant of the one before.
OPERATIONS = 1_000
MINUTES = (-10_000, 0, 1, 3, 499, 500, 501, 998, 999, 1_000, 5_000)
_FILL = (
    "SET session_replication_role = replica",
    """
INSERT INTO wallets (player, currency, balance, seq) VALUES ('ann', 'EUR', 0, {most})
""",
    """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at)
SELECT wallet_id, n, 1, 'p', 'op-' || n, 'bet', 'accepted', currency, 0, 0, 0, 0, '', 0, false,
       '', '', '', '', 200, '',
       '{noon}'::timestamptz + (n - (n % 5 = 0)::integer) * interval '1 min'
  FROM wallets CROSS JOIN generate_series(1, {most}) n
""",
)


def test_it_is_the_first_one_that_is_not_earlier(database: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in _FILL:
            filled = statement.format(noon=NOON.isoformat(), most=OPERATIONS)
            connection.execute(filled.encode())
        for minutes in MINUTES:
            at = NOON + timedelta(minutes=minutes)
            query = """
SELECT chain_position_at(w.wallet_id, %(at)s),
       coalesce((SELECT min(wallet_seq) FROM operations WHERE received_at >= %(at)s), w.seq + 1)
  FROM wallets w
"""
            found = connection.execute(query, {"at": at}).fetchone()
            assert found is not None, minutes
            assert found[0] == found[1], minutes
