"""Late callbacks of a month whose rows left: put off, recalled by the scheduler, decided."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.archive.recall import Recalled
from ledger.posting.posting import post_all_at
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.recall_calls import listening
from ops.scheduling.recall_jobs import recall_job, recall_now
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.archives.away import wanted
from tests.harness.books.ledger import accept, bet, rollback, win
from tests.harness.tampering.sealed_day import FIRST, SECOND
from vocabulary.clock import SystemClock
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict
from workers.scheduler import Job, Scheduler

#: Repeats of everything, then what goes on with old rounds.
LATE: tuple[Operation, ...] = (
    *FIRST,
    *SECOND,
    bet("b1", 301),
    rollback("u2", "b2"),
    win("w1b", 5, bet_key="b1"),
    win("w9", 5, bet_key="s1", round_id="s1"),
    bet("gone", 5, round_id="s9"),
    bet("n1", 5, handle="bob", round_id="r2"),
)
RESULTS = """
SELECT provider, op_key, wallet_id, wallet_seq, decision, reason, amount, balance_after,
       round_id, refers_to, reverses, reply
  FROM operations ORDER BY wallet_id, wallet_seq
"""
LISTENS = """
SELECT FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle' AND query = 'LISTEN tieout_recalls'
"""
ROUNDS = "SELECT * FROM rounds ORDER BY match_key, provider, round_id, wallet_id"


@pytest.fixture
def archivist(
    postgres: PostgresServer, dated: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at books whose rows left."""
    assert dated.folder.exists()
    postgres.execute("CREATE DATABASE late_books TEMPLATE month_dated")
    archivist = Archivist(tmp_path, postgres.url("late_books"))
    archivist.let_rows_go()
    yield archivist
    postgres.execute("DROP DATABASE late_books WITH (FORCE)")


@pytest.fixture
def whole(postgres: PostgresServer, dated: Archivist, tmp_path: Path) -> Iterator[Archivist]:
    """People at the same books, of which no row left."""
    assert dated.folder.exists()
    postgres.execute("CREATE DATABASE whole_books TEMPLATE month_dated")
    yield Archivist(tmp_path / "whole", postgres.url("whole_books"))
    postgres.execute("DROP DATABASE whole_books WITH (FORCE)")


def verdicts_of(archivist: Archivist, *facts: Operation) -> list[Verdict]:
    return [decision.verdict for decision in accept(archivist.database, *facts)]


def test_late_callbacks_are_decided_as_if_no_row_had_left(
    archivist: Archivist, whole: Archivist
) -> None:
    late = (*FIRST, *SECOND, rollback("u2", "b2"))
    put_off = verdicts_of(archivist, *late, bet("n2", 5, handle="bob", round_id="new"))
    verdicts_of(whole, bet("n2", 5, handle="bob", round_id="new"))
    engine = open_engine(archivist.database)
    recall_job(engine, archivist.database, ChildJobs()).run("slot")
    engine.dispose()

    assert put_off == [*[Verdict.UNAVAILABLE] * len(late), Verdict.ACCEPTED]
    assert wanted(archivist.database) == []
    for fact in LATE:
        (decision,) = accept(archivist.database, fact)
        (expected,) = accept(whole.database, fact)
        assert decision.verdict is expected.verdict, fact
        assert decision.reply == expected.reply, fact
    for books in (archivist, whole):
        post_all_at(books.database)
    assert archivist.rows(RESULTS) == whole.rows(RESULTS)
    assert archivist.rows(ROUNDS) == whole.rows(ROUNDS)


def test_callbacks_wait_for_an_archive_that_is_out_of_reach(
    archivist: Archivist, dated: Archivist
) -> None:
    folder = dated.folder / "data" / "archive" / ARCHIVE
    away = folder.rename(folder.with_name("elsewhere"))
    try:
        before = verdicts_of(archivist, FIRST[0])
        (why,) = recall_now(archivist.database).waiting
        new = bet("n1", 5, handle="bob", round_id="new")
        during = verdicts_of(archivist, FIRST[0], new)
    finally:
        away.rename(folder)

    assert ARCHIVE in why
    assert before == [Verdict.UNAVAILABLE]
    assert during == [Verdict.UNAVAILABLE, Verdict.ACCEPTED]
    assert wanted(archivist.database) == [("operation", "b1")]
    assert recall_now(archivist.database) == Recalled(1, 3)
    assert verdicts_of(archivist, FIRST[0]) == [Verdict.REPEATED]


@contextmanager
def scheduling(database: str, job: Job) -> Iterator[None]:
    """A scheduler that is called whenever rows are demanded."""
    engine = open_engine(database)
    scheduler = Scheduler(engine, SystemClock(), [job])
    running = threading.Thread(target=scheduler.run)
    running.start()
    try:
        with listening(database, lambda demand: scheduler.call(job.name, demand)):
            yield
    finally:
        scheduler.stop()
        running.join()
        engine.dispose()


def test_a_demand_is_met_without_waiting_for_the_jobs_next_turn(archivist: Archivist) -> None:
    engine = open_engine(archivist.database)
    job = recall_job(engine, archivist.database, ChildJobs())
    with scheduling(archivist.database, replace(job, every=timedelta(days=1))):
        until = time.monotonic() + 300
        while not archivist.rows(LISTENS) and time.monotonic() < until:
            time.sleep(0.1)
        verdicts = []
        while Verdict.REPEATED not in verdicts and time.monotonic() < until:
            verdicts += verdicts_of(archivist, FIRST[0])
            time.sleep(0.2)
    engine.dispose()

    assert verdicts[0] is Verdict.UNAVAILABLE
    assert verdicts[-1] is Verdict.REPEATED
