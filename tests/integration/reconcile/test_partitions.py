"""However a run is split, and wherever its parts run: the result is the same, byte for byte."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.checks.run import CheckResult, verify
from ledger.proofs.options import ProofOptions
from ledger.replay.replay import replay
from ledger.replay.report import ReplayResult
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.busy import DAY, BusyBooks
from tests.harness.books.traffic import decoders
from tests.harness.servers.dask_cluster import dask_cluster
from tests.harness.servers.failing_executors import (
    CountingExecutor,
    KillsOneWorker,
    Stopped,
    StopsAfter,
)
from tests.harness.tampering.replay import quiet
from vocabulary.clock import FrozenClock
from vocabulary.errors import Unavailable
from vocabulary.executors import Dask, InProcess, Pool
from vocabulary.maturity import MaturityAges

SEED = 5
PATIENT = timedelta(minutes=2)


@pytest.fixture(scope="module")
def books(postgres: PostgresServer) -> Iterator[str]:
    """Provide the URL of books with breaks of many kinds; runs change nothing in them."""
    name = "books_in_parts"
    postgres.clone(name)
    url = postgres.url(name)
    engine = open_engine(url, pool_size=1)
    busy = BusyBooks(url, engine, SEED)
    busy.agree(DAY.start + timedelta(minutes=200), rounds=200)
    busy.change(DAY.start + timedelta(minutes=100), rounds=9)
    busy.change(DAY.start + timedelta(minutes=300), rounds=5)
    engine.dispose()
    yield url
    postgres.drop(name)


AGES = MaturityAges(
    bet=timedelta(minutes=20), win=timedelta(minutes=45), rollback=timedelta(minutes=5)
)


def result_file(
    url: str, options: RunOptions, *, rules: Rules = BY_ROUND_ID, minutes: int = 310
) -> str:
    """Run, and return all output and the manifest as text."""
    result = reconcile(
        url,
        RunRequest(
            provider=f"agg{SEED}",
            window=DAY,
            maturity=AGES,
            open_after=timedelta(minutes=100),
            rules=rules,
        ),
        clock=FrozenClock(DAY.start + timedelta(minutes=minutes)),
        options=options,
    )
    assert len(result.breaks) > 5
    return json.dumps([result.to_json(), result.manifest()])


def proofs_of(url: str, options: ProofOptions) -> tuple[list[CheckResult], ReplayResult]:
    """The results of a verify and of a replay of the books."""
    engine = open_engine(url, pool_size=1)
    try:
        results = list(verify(engine, options=options))
        return results, replay(engine, decoders(), announce=quiet, options=options)
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def expected(books: str) -> str:
    return result_file(books, RunOptions())


@pytest.mark.parametrize("parts", [1, 7, 64])
def test_any_number_of_parts_gives_the_same_bytes(
    books: str, expected: str, parts: int
) -> None:
    assert result_file(books, RunOptions(parts=parts)) == expected


def test_parts_of_a_history_without_names_give_the_same_bytes(books: str) -> None:
    rules = Rules(attributes=True)
    expected = result_file(books, RunOptions(), rules=rules)
    assert result_file(books, RunOptions(parts=3), rules=rules) == expected


def test_a_pool_gives_the_same_bytes_though_a_worker_is_killed(
    books: str, expected: str, tmp_path: Path
) -> None:
    dying = KillsOneWorker(Pool(2), tmp_path / "killed")
    assert result_file(books, RunOptions(parts=4, executor=dying)) == expected
    assert dying.marker.exists()


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    books: str, expected: str, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path, workers=2) as address:
        dying = KillsOneWorker(
            Dask(address, patience_s=120, connect_s=120), tmp_path / "killed"
        )
        assert result_file(books, RunOptions(parts=4, executor=dying)) == expected
        on_cluster = ProofOptions(scheduler=address, parts=3)
        assert proofs_of(books, on_cluster) == proofs_of(books, ProofOptions())
    assert dying.marker.exists()


def test_a_cluster_that_does_not_answer_is_named(books: str) -> None:
    options = RunOptions(parts=2, executor=Dask("tcp://127.0.0.1:1", connect_s=1))
    with pytest.raises(Unavailable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        result_file(books, options)


def test_an_interrupted_run_is_resumed_and_gives_the_same_bytes(
    books: str, expected: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint"
    stopping = RunOptions(parts=7, executor=StopsAfter(InProcess(), 3), checkpoint=checkpoint)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopping)
    numbers: list[int] = []
    counting = CountingExecutor(InProcess(), numbers)
    resuming = RunOptions(parts=2, executor=counting, checkpoint=checkpoint, resume=True)
    # The clock and the options have changed: the interrupted run's instant and parts count.
    assert result_file(books, resuming, minutes=900) == expected
    assert sorted(numbers) == [3, 4, 5, 6]
    assert not checkpoint.exists()


def test_a_damaged_part_is_compared_again(books: str, expected: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    stopping = RunOptions(parts=7, executor=StopsAfter(InProcess(), 3), checkpoint=checkpoint)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopping)
    damaged = checkpoint / "range-000001.part"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    numbers: list[int] = []
    counting = CountingExecutor(InProcess(), numbers)
    resuming = RunOptions(executor=counting, checkpoint=checkpoint, resume=True)
    assert result_file(books, resuming) == expected
    assert sorted(numbers) == [1, 3, 4, 5, 6]


def test_a_run_of_another_request_starts_anew(books: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    stopping = RunOptions(parts=7, executor=StopsAfter(InProcess(), 3), checkpoint=checkpoint)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopping)
    rules = Rules(tolerance={"USD": 1})
    numbers: list[int] = []
    counting = CountingExecutor(InProcess(), numbers)
    resuming = RunOptions(parts=2, executor=counting, checkpoint=checkpoint, resume=True)
    result_file(books, resuming, rules=rules, minutes=320)
    assert sorted(numbers) == [0, 1]


def test_one_run_at_a_time_of_a_provider_and_window(books: str) -> None:
    """While another run holds the claim, a run is refused and stores nothing."""
    claim = f"run agg{SEED} {DAY.start.isoformat()} {DAY.end.isoformat()}"
    with psycopg.connect(books, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [claim])
        with pytest.raises(Unavailable, match=r"another run of agg5 over .* is under way"):
            result_file(books, RunOptions(patience=timedelta(0)), minutes=330)
    result_file(books, RunOptions(patience=PATIENT), minutes=330)
