"""A round of a player with very many operations is read between two positions of the chain.

Statistics expect few operations of a wallet, because most players have few. Work is counted in
rows and buffers, so that a busy machine changes nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Engine

from breaks.sources import sources_of_round
from ledger.queries.round_parts import balances_of_round, operations_of_round
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.query_work import log_plans, recorded_work
from vocabulary.ids import match_key

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
#: Operations of the busy player, a minute apart; as many other players have one each.
OPERATIONS = 20_000
ROUND = "round-9000"
#: Most rows and buffers that may be looked at: some five buffers for each halving of a chain.
ROWS_MAX, BUFFERS_MAX = 500, 600
_FILL = (
    "SET session_replication_role = replica",
    """
INSERT INTO wallets (player, currency, balance, seq)
SELECT 'player' || n, 'EUR', 0, CASE n WHEN 0 THEN {most} ELSE 1 END
  FROM generate_series(0, {most}) n
""",
    """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        ends_round, fingerprint, route, headers, body, reply_status, reply,
                        received_at)
SELECT w.wallet_id, n, 1, 'agg', w.player || '-' || n, 'bet', 'accepted', 'EUR', 1, 0, -1, n,
       'round-' || n, CASE 'round-' || n WHEN '{round}' THEN {key} ELSE n END, false, '', '',
       '', '', 200, '', '{noon}'::timestamptz + n * interval '1 min'
  FROM wallets w CROSS JOIN LATERAL generate_series(1, w.seq) n
""",
    """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT match_key, provider, round_id, wallet_id, 'EUR', stake, 0, 1, 0, 0, true,
       received_at, received_at
  FROM operations JOIN wallets USING (wallet_id) WHERE player = 'player0'
""",
    "ANALYZE",
)


def _operations(engine: Engine) -> object:
    with engine.connect() as connection:
        return operations_of_round(connection, "agg", ROUND, after=None, limit=10)


def _balances(engine: Engine) -> object:
    with engine.connect() as connection:
        return balances_of_round(connection, "agg", ROUND)


def _sources(engine: Engine) -> object:
    return sources_of_round(engine, "agg", ROUND, {})


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    """A player of very many operations among many who have one."""
    name = "busy_players"
    url = postgres.clone(name)
    with psycopg.connect(url) as connection:
        for statement in _FILL:
            filled = statement.format(
                noon=NOON.isoformat(),
                most=OPERATIONS,
                round=ROUND,
                key=match_key("agg", ROUND),
            )
            connection.execute(filled.encode())
    log_plans(postgres.url("postgres"), name)
    return url


@pytest.mark.parametrize("read", [_operations, _balances, _sources])
def test_few_pages_are_looked_at(
    postgres: PostgresServer, database: str, read: Callable[[Engine], object]
) -> None:
    engine = open_engine(database)
    with recorded_work(postgres.home.logs / "postgres.log") as recording:
        result = read(engine)
        engine.dispose()
    assert "player0" in str(result)
    assert 0 < recording.rows < ROWS_MAX, recording.largest(2)
    assert 0 < recording.buffers < BUFFERS_MAX, recording.largest(2)
