"""However a run is cut, and wherever its parts run: the result is the same, byte for byte."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from reconcile.partitions.executors import Dask, InProcess, Pool
from reconcile.partitions.plan import How
from reconcile.runs.run import Mode, reconcile
from reconcile.snapshot.rules import BY_NAME, Rules
from storage.engine import open_engine
from tests.conftest import TEMPLATE, PostgresServer
from tests.harness.books.busy import DAY, BusyBooks
from tests.harness.servers.dask_cluster import dask_cluster
from tests.harness.servers.failing_executors import (
    CountingExecutor,
    KillsOneWorker,
    Stopped,
    StopsAfter,
)
from vocabulary.clock import FrozenClock
from vocabulary.errors import Unavailable
from vocabulary.maturity import MaturityAges

SEED = 5
PATIENT = timedelta(minutes=2)


@pytest.fixture(scope="module")
def books(postgres: PostgresServer) -> Iterator[str]:
    """The URL of books that many things are wrong with; runs add nothing but themselves."""
    name = "books_in_parts"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = postgres.url(name)
    engine = open_engine(url, pool_size=1)
    told = BusyBooks(url, engine, SEED)
    told.agree(DAY.start + timedelta(minutes=200), rounds=200)
    told.change(DAY.start + timedelta(minutes=100), rounds=9)
    told.change(DAY.start + timedelta(minutes=300), rounds=5)
    engine.dispose()
    yield url
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


AGES = MaturityAges(
    bet=timedelta(minutes=20), win=timedelta(minutes=45), rollback=timedelta(minutes=5)
)


def result_file(url: str, mode: Mode, *, rules: Rules = BY_NAME, minutes: int = 310) -> str:
    """Everything that a run says and keeps, as text."""
    result = reconcile(
        url,
        provider=f"agg{SEED}",
        window=DAY,
        maturity=AGES,
        clock=FrozenClock(DAY.start + timedelta(minutes=minutes)),
        open_after=timedelta(minutes=100),
        rules=rules,
        mode=mode,
    )
    assert len(result.breaks) > 5
    return json.dumps([result.to_json(), result.manifest()])


@pytest.fixture(scope="module")
def straight(books: str) -> str:
    return result_file(books, Mode())


@pytest.mark.parametrize("parts", [1, 7, 64])
def test_any_number_of_parts_gives_the_same_bytes(
    books: str, straight: str, parts: int
) -> None:
    assert result_file(books, Mode(how=How(parts=parts))) == straight


def test_parts_of_a_history_without_names_give_the_same_bytes(books: str) -> None:
    rules = Rules(attributes=True)
    straight = result_file(books, Mode(), rules=rules)
    assert result_file(books, Mode(how=How(parts=3)), rules=rules) == straight


def test_a_pool_gives_the_same_bytes_though_a_worker_is_killed(
    books: str, straight: str, tmp_path: Path
) -> None:
    dying = KillsOneWorker(Pool(2), tmp_path / "killed")
    assert result_file(books, Mode(how=How(parts=4, executor=dying))) == straight
    assert dying.marker.exists()


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    books: str, straight: str, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path, workers=2) as address:
        dying = KillsOneWorker(
            Dask(address, patience_s=120, connect_s=120), tmp_path / "killed"
        )
        assert result_file(books, Mode(how=How(parts=4, executor=dying))) == straight
    assert dying.marker.exists()


def test_a_cluster_that_does_not_answer_is_named(books: str) -> None:
    mode = Mode(how=How(parts=2, executor=Dask("tcp://127.0.0.1:1", connect_s=1)))
    with pytest.raises(Unavailable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        result_file(books, mode)


def test_a_run_stopped_in_the_middle_is_taken_up_and_gives_the_same_bytes(
    books: str, straight: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    stopped = Mode(how=How(parts=7, executor=StopsAfter(InProcess(), 3)), spool=spool)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopped)
    asked: list[int] = []
    how = How(parts=2, executor=CountingExecutor(InProcess(), asked))
    again = Mode(how=how, spool=spool, resume=True)
    # The clock went on, and the options say other parts: the interrupted run's hold.
    assert result_file(books, again, minutes=900) == straight
    assert sorted(asked) == [3, 4, 5, 6]
    assert not spool.exists()


def test_a_damaged_part_is_looked_at_again(books: str, straight: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    stopped = Mode(how=How(parts=7, executor=StopsAfter(InProcess(), 3)), spool=spool)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopped)
    damaged = spool / "range-000001.part"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    asked: list[int] = []
    how = How(executor=CountingExecutor(InProcess(), asked))
    assert result_file(books, Mode(how=how, spool=spool, resume=True)) == straight
    assert sorted(asked) == [1, 3, 4, 5, 6]


def test_a_run_asked_otherwise_begins_anew(books: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    stopped = Mode(how=How(parts=7, executor=StopsAfter(InProcess(), 3)), spool=spool)
    with pytest.raises(Stopped, match="stopped here"):
        result_file(books, stopped)
    rules = Rules(tolerance={"USD": 1})
    asked: list[int] = []
    how = How(parts=2, executor=CountingExecutor(InProcess(), asked))
    result_file(books, Mode(how=how, spool=spool, resume=True), rules=rules, minutes=320)
    assert sorted(asked) == [0, 1]


def test_one_run_at_a_time_of_a_provider_and_window(books: str) -> None:
    """Another run holds the claim; who finds it so is told, and stores nothing."""
    claim = f"run agg{SEED} {DAY.start.isoformat()} {DAY.end.isoformat()}"
    with psycopg.connect(books, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [claim])
        with pytest.raises(Unavailable, match=r"another run of agg5 over .* is under way"):
            result_file(books, Mode(patience=timedelta(0)), minutes=330)
    result_file(books, Mode(patience=PATIENT), minutes=330)
