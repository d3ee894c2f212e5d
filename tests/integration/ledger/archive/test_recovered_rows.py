"""What was recovered long after its month leaves with its round, and a month later at most."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.leaving_months import let_rows_of_month_go, months_twice
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper

#: Each with its first day that has callbacks.
MONTHS = (date(2021, 1, 30), date(2021, 2, 1))
JANUARY, FEBRUARY = date(2021, 1, 1), date(2021, 2, 1)
RECOVERED_AT = "2021-02-10 12:00+00"
#: Of rounds that one player played in January, the first one's last win, and a call that
#: neither moved anything nor changed what its round is.
OF_JANUARY = f"""
SELECT o.op_key, o.round_id FROM operations o JOIN batches b USING (batch_id)
  JOIN rounds r USING (match_key, provider, round_id, wallet_id)
 WHERE o.provider = '{SLUG}' AND o.decision = 'accepted' AND b.posted_at < '2021-02-01'
   AND r.last_at < '2021-02-01'
"""
PAID = f"{OF_JANUARY} AND o.kind = 'win' AND o.payout > 0 ORDER BY o.op_key LIMIT 1"
ENDED = f"{OF_JANUARY} AND o.kind = 'round_end' ORDER BY o.op_key LIMIT 1"
#: Another call has ended the round before: this one adds nothing to it.
ENDED_BEFORE = """
UPDATE operations SET ends_round = false, declared_stake = NULL, declared_payout = NULL,
                      swept = NULL, received_at = (SELECT first_at FROM rounds
                                                    WHERE round_id = '{round_id}')
 WHERE op_key = '{op_key}';
UPDATE rounds r SET (ended, declared_stake, declared_payout, swept, first_at, last_at) = (
    SELECT e.ended, e.declared_stake, e.declared_payout, e.swept, e.first_at, e.last_at
      FROM (SELECT array_agg(wallet_id) AS wallets, array_agg(wallet_seq) AS positions
              FROM operations WHERE round_id = '{round_id}') o,
           rounds_by_rule(o.wallets, o.positions) e)
 WHERE r.round_id = '{round_id}'
"""
RECOVERED_LATER = f"""
WITH batch AS (
    INSERT INTO batches (operations, committed_at, posted_at, entries_at)
    VALUES (1, '{RECOVERED_AT}', '{RECOVERED_AT}', '{RECOVERED_AT}') RETURNING batch_id
)
UPDATE operations o SET batch_id = b.batch_id FROM batch b WHERE o.op_key = '{{op_key}}'
"""
RECOVERY = f"""
INSERT INTO recoveries (recovery_id, epoch, file, sha256, callbacks, proposed_by, proposed_at,
                        state, decided_by, decided_at)
VALUES ('rec-{"0" * 32}', 1, 'log', '{"ab" * 32}', 1, 'ann', '2021-02-10 11:00+00', 'approved',
        'bob', '2021-02-10 11:30+00')
"""


@pytest.fixture(scope="module")
def months(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two months whose bytes and entries left; the name of the database."""
    place = str(tmp_path_factory.mktemp("recovered"))
    months_twice(postgres, "recovered_months", MONTHS, place, seed=7)
    yield "recovered_months_gone"
    postgres.drop("recovered_months_gone")
    postgres.drop("recovered_months")


def rows(database: str, sql: str) -> list[tuple[str, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


@pytest.mark.parametrize("which", ["an operation that counts", "one that adds nothing"])
def test_a_round_with_a_recovered_operation_leaves_whole_with_the_month_of_its_recovery(
    postgres: PostgresServer, months: str, which: str
) -> None:
    database = postgres.clone("recovered_rounds", months)
    [(op_key, round_id)] = rows(database, PAID if which.endswith("counts") else ENDED)
    if which.endswith("nothing"):
        for statement in ENDED_BEFORE.format(op_key=op_key, round_id=round_id).split(";"):
            tamper(database, statement)
    tamper(database, RECOVERED_LATER.format(op_key=op_key))
    tamper(database, RECOVERY)
    of_round = f"SELECT op_key FROM operations WHERE round_id = '{round_id}' ORDER BY 1"
    its_row = f"SELECT round_id FROM rounds WHERE round_id = '{round_id}'"
    whole = rows(database, of_round)
    engine = open_engine(database)

    assert let_rows_of_month_go(engine, JANUARY).rounds > 0
    assert (rows(database, of_round), rows(database, its_row)) == (whole, [(round_id,)])

    let_rows_of_month_go(engine, FEBRUARY)
    assert (rows(database, of_round), rows(database, its_row)) == ([], [])
    engine.dispose()
    postgres.drop("recovered_rounds")
