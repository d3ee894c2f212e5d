"""A slot runs once with any number of schedulers, even if one dies while running it."""

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
from storage.queue.commands import OperatorDecision, ParkedFilter, requeue
from storage.queue.parking import park
from storage.queue.state import read_state
from tests.harness.servers.receiver import LedgerDatabase, wait_until
from vocabulary.clock import FrozenClock
from vocabulary.errors import Contradiction, Unavailable
from workers.leases import Leases
from workers.scheduler import ATTEMPTS_MAX, Job, Scheduler

START = datetime(2026, 6, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DONE = "CREATE TABLE done (slot text NOT NULL, pid integer NOT NULL)"
#: A scheduler process with one daily job; with "dies" it kills itself after the claim.
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
job = Job(name="daily", every=timedelta(days=1), run=work, exclusive=True)
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
    return Job(name="daily", every=DAY, run=run.append, exclusive=True)


def start_scheduler(database: str, behaviour: str) -> "subprocess.Popen[bytes]":
    """Start a scheduler whose lease is short only if it dies."""
    lease_s = {"dies": "0.5", "lives": "60"}[behaviour]
    return subprocess.Popen([sys.executable, "-c", SCHEDULER, database, behaviour, lease_s])


def test_one_of_four_schedulers_runs_a_slot(engine: Engine) -> None:
    ran: list[str] = []
    schedulers = [Scheduler(engine, FrozenClock(START), [daily(ran)]) for _ in range(4)]
    threads = [threading.Thread(target=scheduler.tick) for scheduler in schedulers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ran == ["1780531200"]


def test_a_job_that_is_called_runs_once_in_all_schedulers_and_newest_first(
    engine: Engine,
) -> None:
    ran: list[str] = []
    schedulers = [Scheduler(engine, FrozenClock(START), [daily(ran)]) for _ in range(2)]
    for scheduler in schedulers:
        scheduler.call("daily", "demand 1")
        scheduler.call("daily", "demand 2")
    threads = [threading.Thread(target=scheduler.run) for scheduler in schedulers]
    for thread in threads:
        thread.start()
    is_done = wait_until(lambda: len(ran) == 2)
    for scheduler in schedulers:
        scheduler.stop()
    for thread in threads:
        thread.join()

    assert is_done
    assert sorted(ran) == ["1780531200", "demand 2"]


def test_a_slot_claimed_by_a_dead_scheduler_is_done_by_another(
    database: str,
) -> None:
    books = LedgerDatabase(database)
    books.run(DONE)
    with start_scheduler(database, "dies") as dying:
        exit_code = dying.wait(timeout=90)
        claimed = books.rows("SELECT attempts, done_at FROM job_runs")
        others = [start_scheduler(database, "lives") for _ in range(2)]
        try:
            is_done = wait_until(
                lambda: books.rows("SELECT done_at FROM job_runs") != [(None,)]
            )
        finally:
            for process in others:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(timeout=90) for process in others]

    assert exit_code == -signal.SIGKILL
    assert claimed == [(1, None)]
    assert is_done
    assert set(codes) <= {0, -signal.SIGTERM}  # stopped before it installed its handler
    ((pid,),) = books.rows("SELECT pid FROM done")
    assert pid in [process.pid for process in others]
    assert books.rows("SELECT attempts FROM job_runs") == [(2,)]
    books.close()


def test_a_claim_is_valid_until_its_lease_expires_and_a_done_slot_stays_done(
    engine: Engine, database: str
) -> None:
    first, second = leases(engine, "first"), leases(engine, "second")
    books = LedgerDatabase(database)

    claims = [first.claim("daily", "1"), second.claim("daily", "1")]
    books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")
    expired = second.expired("daily")
    taken_over = second.claim("daily", "1")
    first.complete("daily", "1")  # too late: the lease has another owner
    is_open = books.rows("SELECT done_at IS NULL FROM job_runs")
    second.complete("daily", "1")
    books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")

    assert claims == [1, None]
    assert (expired, taken_over, is_open) == (["1"], 2, [(True,)])
    assert (second.expired("daily"), first.claim("daily", "1")) == ([], None)
    books.close()


def test_an_outage_costs_no_attempt_and_loses_no_slot(
    engine: Engine,
) -> None:
    ran: list[str] = []

    def down_at_first(slot: str) -> None:
        ran.append(slot)
        if len(ran) == 1:
            raise Unavailable("the provider is out of reach")

    job = Job(name="daily", every=DAY, run=down_at_first, exclusive=True)
    clock = FrozenClock(START)
    scheduler = Scheduler(engine, clock, [job])
    with capture_logs():
        scheduler.tick()
        clock.instant += timedelta(minutes=1)
        scheduler.tick()

    assert ran == ["1780531200"] * 2
    with engine.connect() as connection:
        result = connection.execute(text("SELECT attempts, done_at IS NULL FROM job_runs"))
        assert result.all() == [(1, False)]


def test_a_slot_that_never_succeeds_is_parked_and_other_jobs_continue(
    engine: Engine, database: str
) -> None:
    ran: list[str] = []
    books = LedgerDatabase(database)
    clock = FrozenClock(START)

    def broken(_slot: str) -> None:
        raise ZeroDivisionError("a bug")

    jobs = [
        Job(name="broken", every=DAY, run=broken, exclusive=True),
        Job(name="sound", every=timedelta(minutes=1), run=ran.append, exclusive=False),
    ]
    scheduler = Scheduler(engine, clock, jobs)
    with capture_logs():
        for _ in range(ATTEMPTS_MAX + 2):
            scheduler.tick()
            books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '1 s'")
            clock.instant += timedelta(minutes=1)

    assert len(ran) == ATTEMPTS_MAX + 2
    parked = books.rows("SELECT job, subject, cause, times FROM parked")
    assert parked == [("broken", "slot 1780531200", "Contradiction", 1)]
    books.close()


def test_done_slots_of_a_job_are_deleted_after_a_week(engine: Engine, database: str) -> None:
    owner, books = leases(engine, "owner"), LedgerDatabase(database)
    for job, slot in (("daily", "1"), ("other", "1"), ("daily", "open")):
        assert owner.claim(job, slot) == 1
    owner.complete("daily", "1")
    owner.complete("other", "1")
    books.run("UPDATE job_runs SET done_at = done_at - interval '8 days'")

    assert owner.claim("daily", "2") == 1

    remaining = books.rows("SELECT job, slot FROM job_runs ORDER BY job, slot")
    assert remaining == [("daily", "2"), ("daily", "open"), ("other", "1")]
    books.close()


def test_an_open_slot_of_a_job_that_no_scheduler_has_is_overdue_for_a_day_only(
    engine: Engine, database: str
) -> None:
    owner, books = leases(engine, "owner"), LedgerDatabase(database)
    for job in ("daily", "gone", "just gone"):
        assert owner.claim(job, "1") == 1
    ran: list[str] = []
    scheduler = Scheduler(engine, FrozenClock(START), [daily(ran)])
    books.run("UPDATE job_runs SET lease_until = clock_timestamp() - interval '25 hours'")
    books.run("UPDATE job_runs SET lease_until = now() WHERE job = 'just gone'")

    scheduler.tick()

    overdue = [(job, slot) for job, slot, _ in read_state(engine).overdue]
    assert overdue == [("just gone", "1")]
    assert "1" in ran  # its own is taken over, however old
    books.close()


def test_a_slot_that_was_parked_weeks_ago_runs_when_it_is_requeued(
    engine: Engine, database: str
) -> None:
    owner, books = leases(engine, "owner"), LedgerDatabase(database)
    ran: list[str] = []
    assert owner.claim("daily", "1") == 1
    with engine.begin() as connection:
        park(connection, job="daily", subject="slot 1", error=Contradiction("no"))
    owner.complete("daily", "1")
    books.run("UPDATE job_runs SET done_at = done_at - interval '8 days'")
    assert owner.claim("daily", "2") == 1
    owner.complete("daily", "2")

    decision = OperatorDecision(actor="ann", reason="mended")
    requeued = requeue(engine, ParkedFilter(job="daily"), decision)
    Scheduler(engine, FrozenClock(START), [daily(ran)]).tick()

    assert [item.subject for item in requeued] == ["slot 1"]
    assert "1" in ran
    books.close()


@pytest.mark.parametrize("of_all", [False, True], ids=["scheduler", "database"])
def test_jobs_go_on_after_a_clock_was_set_back_by_days(
    engine: Engine, database: str, *, of_all: bool
) -> None:
    ran: list[str] = []
    clock, books = FrozenClock(START), LedgerDatabase(database)
    for _ in range(3):
        Scheduler(engine, clock, [daily(ran)]).tick()
        clock.instant += DAY
    # As the database's clock shows it: the three slots were done in the days to come, or past.
    shift = "+ (slot::bigint - 1780531200 + 86400)" if of_all else "- 3 * 86400"
    books.run(f"UPDATE job_runs SET done_at = done_at {shift} * interval '1 s'")

    clock.instant = START
    for _ in range(3):
        Scheduler(engine, clock, [daily(ran)]).tick()
        Scheduler(engine, clock, [daily(ran)]).tick()
        clock.instant += DAY

    assert len(set(ran)) == 3
    assert len(ran) == 6
    books.close()


def test_a_lease_is_renewed_while_the_job_runs(engine: Engine) -> None:
    renewed: list[object] = []

    def long(_slot: str) -> None:
        with engine.connect() as connection:
            query = "SELECT lease_until FROM job_runs"
            first = connection.execute(text(query)).scalar_one()
        renewed.append(wait_until(lambda: _is_later(engine, query, first)))

    job = Job(name="daily", every=DAY, run=long, exclusive=True)
    Scheduler(engine, FrozenClock(START), [job], lease=timedelta(seconds=6)).tick()

    assert renewed == [True]


def _is_later(engine: Engine, query: str, than: object) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one() != than)
