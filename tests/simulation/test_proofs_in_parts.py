"""However the books are cut, and wherever the parts run: verify and replay report the same."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.proof_options import ProofOptions
from ledger.replay.replay import replay
from ledger.replay.report import ReplayResult
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.traffic import book_an_hour, decoders
from tests.harness.tampering.replay import quiet, tamper

#: Wrong rows in many wallets, more than a report names, and in a wallet without operations.
FAULTS = (
    "UPDATE operations SET balance_after = balance_after + 1 WHERE wallet_seq % 7 = 3",
    "UPDATE operations SET reply = 'x' WHERE wallet_seq = 5",
    "UPDATE entries SET amount = amount + 1 WHERE leg = 1 AND wallet_seq % 5 = 2",
    "UPDATE rounds SET stake = stake + 1 WHERE bets = 1",
    "UPDATE wallets SET turnover = turnover + 1 WHERE wallet_id % 4 = 0",
    "UPDATE deliveries SET reply = 'x' WHERE delivery_id % 3 = 0",
    "UPDATE batches SET operations = operations + 1 WHERE batch_id % 9 = 0",
    "DELETE FROM operations WHERE wallet_id = 5",
    "DELETE FROM wallets WHERE wallet_id = 9",
)


@pytest.fixture(scope="module")
def hour(postgres: PostgresServer) -> Iterator[str]:
    """The URL of books with simulated traffic of all providers."""
    name = "proofs_in_parts"
    postgres.clone(name)
    database = postgres.url(name)
    book_an_hour(database, seed=9, callbacks=400, players=20)
    post_all_at(database)
    yield database
    postgres.drop(name)


def verified(database: str, options: ProofOptions) -> str:
    """The report of a verify as text."""
    engine = open_engine(database)
    try:
        return json.dumps([asdict(result) for result in verify(engine, options=options)])
    finally:
        engine.dispose()


def replayed(database: str, options: ProofOptions) -> ReplayResult:
    """The result of a replay."""
    engine = open_engine(database)
    try:
        return replay(engine, decoders(), announce=quiet, options=options)
    finally:
        engine.dispose()


def report(database: str, options: ProofOptions) -> str:
    """Both reports as text."""
    result = asdict(replayed(database, options))
    return verified(database, options) + json.dumps(result)


def test_clean_books_give_the_same_reports_however_cut(hour: str) -> None:
    expected = report(hour, ProofOptions())

    assert '"wrong": 0' in expected
    assert report(hour, ProofOptions(parts=7)) == expected


def test_planted_faults_give_the_same_reports_however_cut(hour: str) -> None:
    for statement in FAULTS:
        tamper(hour, statement)

    expected = report(hour, ProofOptions())

    result = replayed(hour, ProofOptions(parts=2))
    assert result.differing > len(result.differences) == 20
    for options in (
        ProofOptions(parts=2),
        ProofOptions(parts=7),
        ProofOptions(parts=3, jobs=2),
    ):
        assert report(hour, options) == expected, options
