"""However the books are cut, and wherever the parts run: verify and replay report the same."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.own_operations import Deposit
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.proofs.options import ProofOptions
from ledger.proofs.progress import ProofProgress, SavedProof
from ledger.replay.replay import replay
from ledger.replay.report import ReplayResult
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import NOON
from tests.harness.books.traffic import book_an_hour, decoders
from tests.harness.tampering.replay import quiet, tamper
from vocabulary.money import Money

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


class WatchedProgress(ProofProgress):
    """Progress that remembers which parts were taken over and which were done."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        super().__init__(path, resume=resume)
        self.carried: set[str] = set()
        self.done: set[str] = set()

    def begin(self, saved: SavedProof, finished: Mapping[str, bytes]) -> None:
        super().begin(saved, finished)
        self.carried, self.done = set(finished), set()

    def save(self, part: str, result: bytes) -> None:
        super().save(part, result)
        self.done.add(part)


def killed_verify(database: str, path: Path) -> None:
    """A verify that ends after the checks of entries; its file stays."""
    engine = open_engine(database)
    options = ProofOptions(parts=3, progress=ProofProgress(path, resume=False))
    results = verify(engine, options=options)
    assert [next(results).name for _ in range(4)][-1] == "sweeps_are_whole"
    del results  # closes the snapshot
    engine.dispose()


def resumed_verify(database: str, path: Path) -> WatchedProgress:
    """Resume it; its report is that of a verify that was not killed."""
    progress = WatchedProgress(path, resume=True)
    expected = verified(database, ProofOptions())
    assert verified(database, ProofOptions(parts=3, progress=progress)) == expected
    assert not path.exists()
    return progress


def test_a_killed_verify_goes_on_where_it_was(hour: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.progress"
    killed_verify(hour, path)

    progress = resumed_verify(hour, path)

    assert len(progress.carried) == 4 * 3
    assert not progress.carried & progress.done


def test_what_was_written_since_is_verified_again(hour: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.progress"
    killed_verify(hour, path)
    deposit = Deposit(
        key="since", handle="s9-p00003", amount=Money(500, "USD"), reason="by hand"
    )
    accept_own_operation(hour, deposit, now=NOON)

    progress = resumed_verify(hour, path)

    assert len(progress.carried) == 4 * 2


def test_a_damaged_file_counts_up_to_its_damage(hour: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.progress"
    killed_verify(hour, path)
    lines = path.read_bytes().splitlines(keepends=True)

    path.write_bytes(b"".join([*lines[:5], lines[5][:-9] + b"damaged\n", *lines[6:]]))
    assert len(resumed_verify(hour, path).carried) == 4
    path.write_bytes(b"damaged\n" + b"".join(lines[1:]))
    assert resumed_verify(hour, path).carried == set()


def test_progress_is_void_once_rows_of_before_changed(hour: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.progress"
    killed_verify(hour, path)
    tamper(hour, "DELETE FROM entries WHERE (wallet_id, wallet_seq) = (2, 1)")

    assert resumed_verify(hour, path).carried == set()


class Killed(Exception):
    """Ends a replay in the middle."""


def test_a_killed_replay_goes_on_where_it_was(hour: str, tmp_path: Path) -> None:
    path = tmp_path / "replay.progress"
    expected = replayed(hour, ProofOptions())
    rows = 0

    def announce(_total: int) -> Callable[[int], None]:
        return count

    def count(done: int) -> None:
        nonlocal rows
        rows += done
        if rows > 300:
            raise Killed("killed here")

    engine = open_engine(hour)
    killed = ProofOptions(parts=5, progress=ProofProgress(path, resume=False))
    with pytest.raises(Killed, match="killed here"):
        replay(engine, decoders(), announce=announce, options=killed)
    engine.dispose()

    progress = WatchedProgress(path, resume=True)
    assert replayed(hour, ProofOptions(parts=5, progress=progress)) == expected
    assert progress.carried
    assert not progress.carried & progress.done


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
