"""A slot runs once, however many schedulers there are, and also when one dies at it."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from storage.engine import open_engine
from tests.harness.servers.receiver import Books, until
from vocabulary.clock import FrozenClock
from vocabulary.errors import Unavailable
from workers.leases import Leases
from workers.scheduler import ATTEMPTS_MAX, Job, Scheduler

START = datetime(2026, 6, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DONE = "CREATE TABLE done (slot text NOT NULL, pid integer NOT NULL)"
#: A real scheduler with one daily job; told to, it kills itself between claim and work.
SCHEDULER = """
import os, signal, sys
from datetime import timedelta
from sqlalchemy import text
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from workers.scheduler import Job, Scheduler
engine = open_engine(sys.argv[1])
def work(slot):
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    with engine.begin() as connection:
        row = dict(s=slot, p=os.getpid())
        connection.execute(text("INSERT INTO done VALUES (:s, :p)"), row)
job = Job(name="daily", every=timedelta(days=1), run=work, once=True)
scheduler = Scheduler(engine, SystemClock(), [job], lease=timedelta(seconds=float(sys.argv[3])))
signal.signal(signal.SIGTERM, lambda *_: scheduler.stop())
scheduler.run()
"""


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def leases(engine: Engine, owner: str) -> Leases:
    return Leases(engine, owner=owner, length=timedelta(minutes=5))


def daily(run: "list[str]") -> Job:
    return Job(name="daily", every=DAY, run=run.append, once=True)


def scheduler(database: str, how: str) -> "subprocess.Popen[bytes]":
    """A lease that is short where its holder dies, and longer than any pause of a live one."""
    lease_s = {"dies": "0.5", "lives": "60"}[how]
    return subprocess.Popen([sys.executable, "-c", SCHEDULER, database, how, lease_s])


def test_of_four_schedulers_one_runs_a_slot(engine: Engine) -> None:
    ran: list[str] = []
    schedulers = [Scheduler(engine, FrozenClock(START), [daily(ran)]) for _ in range(4)]
    threads = [threading.Thread(target=one.tick) for one in schedulers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ran == ["1780531200"]


def test_a_slot_whose_scheduler_died_between_claim_and_work_is_done_by_another(
    database: str,
) -> None:
    books = Books(database)
    books.run(DONE)
    with scheduler(database, "dies") as dying:
        died = dying.wait(timeout=90)
        claimed = books.rows("SELECT attempts, done_at FROM job_runs")
        others = [scheduler(database, "lives") for _ in range(2)]
        try:
            done = until(lambda: books.rows("SELECT done_at FROM job_runs") != [(None,)])
        finally:
            for one in others:
                one.send_signal(signal.SIGTERM)
            codes = [one.wait(timeout=90) for one in others]

    assert died == -signal.SIGKILL
    assert claimed == [(1, None)]
    assert done
    assert set(codes) <= {0, -signal.SIGTERM}  # told before it had begun to listen
    ((pid,),) = books.rows("SELECT pid FROM done")
    assert pid in [one.pid for one in others]
    assert books.rows("SELECT attempts FROM job_runs") == [(2,)]
    books.close()


def test_a_claim_holds_until_its_lease_runs_out_and_done_is_done_for_ever(
    engine: Engine, database: str
) -> None:
    first, second = leases(engine, "first"), leases(engine, "second")
    books = Books(database)

    claims = [first.claim("daily", "1"), second.claim("daily", "1")]
    books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")
    left = second.left_behind("daily")
    taken_over = second.claim("daily", "1")
    first.complete("daily", "1")  # too late: it is not the first one's any more
    still_open = books.rows("SELECT done_at IS NULL FROM job_runs")
    second.complete("daily", "1")
    books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")

    assert claims == [1, None]
    assert (left, taken_over, still_open) == (["1"], 2, [(True,)])
    assert (second.left_behind("daily"), first.claim("daily", "1")) == ([], None)
    books.close()


def test_an_outage_of_what_a_job_needs_costs_no_attempt_and_loses_no_slot(
    engine: Engine,
) -> None:
    ran: list[str] = []

    def down_at_first(slot: str) -> None:
        ran.append(slot)
        if len(ran) == 1:
            raise Unavailable("the provider is out of reach")

    job = Job(name="daily", every=DAY, run=down_at_first, once=True)
    clock = FrozenClock(START)
    running = Scheduler(engine, clock, [job])
    with capture_logs():
        running.tick()
        clock.instant += timedelta(minutes=1)
        running.tick()

    assert ran == ["1780531200"] * 2
    with engine.connect() as connection:
        told = connection.execute(text("SELECT attempts, done_at IS NULL FROM job_runs"))
        assert told.all() == [(1, False)]


def test_a_slot_that_never_succeeds_is_parked_and_other_jobs_go_on(
    engine: Engine, database: str
) -> None:
    ran: list[str] = []
    books = Books(database)
    clock = FrozenClock(START)

    def broken(_slot: str) -> None:
        raise ZeroDivisionError("a bug")

    jobs = [
        Job(name="broken", every=DAY, run=broken, once=True),
        Job(name="sound", every=timedelta(minutes=1), run=ran.append, once=False),
    ]
    running = Scheduler(engine, clock, jobs)
    with capture_logs():
        for _ in range(ATTEMPTS_MAX + 2):
            running.tick()
            books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")
            clock.instant += timedelta(minutes=1)

    assert len(ran) == ATTEMPTS_MAX + 2
    parked = books.rows("SELECT job, subject, cause, times FROM parked")
    assert parked == [("broken", "slot 1780531200", "Contradiction", 1)]
    books.close()


def test_finished_slots_are_forgotten_after_a_week_of_their_own_job_only(
    engine: Engine, database: str
) -> None:
    one, books = leases(engine, "one"), Books(database)
    for job, slot in (("daily", "1"), ("other", "1"), ("daily", "open")):
        assert one.claim(job, slot) == 1
    one.complete("daily", "1")
    one.complete("other", "1")
    books.run("UPDATE job_runs SET done_at = done_at - interval '8 days'")

    assert one.claim("daily", "2") == 1

    left = books.rows("SELECT job, slot FROM job_runs ORDER BY job, slot")
    assert left == [("daily", "2"), ("daily", "open"), ("other", "1")]
    books.close()


def test_a_lease_is_renewed_for_as_long_as_the_job_takes(engine: Engine) -> None:
    seen: list[object] = []

    def long(_slot: str) -> None:
        with engine.connect() as connection:
            until_at = "SELECT lease_until FROM job_runs"
            first = connection.execute(text(until_at)).scalar_one()
        seen.append(until(lambda: _later(engine, until_at, first)))

    job = Job(name="daily", every=DAY, run=long, once=True)
    Scheduler(engine, FrozenClock(START), [job], lease=timedelta(seconds=6)).tick()

    assert seen == [True]


def _later(engine: Engine, query: str, than: object) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one() != than)
