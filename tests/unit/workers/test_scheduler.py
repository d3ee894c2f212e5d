"""When jobs run, on a frozen clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, create_engine
from structlog.testing import capture_logs

from vocabulary.clock import FrozenClock
from vocabulary.errors import Unavailable
from workers.scheduler import Job, Scheduler, slot_of

START = datetime(2026, 6, 4, 9, 30, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def unreachable() -> Engine:
    """An engine without a database: jobs that are not exclusive must not use it."""
    return create_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")


def _job(ran: list[str], name: str, every: timedelta, *, exclusive: bool = False) -> Job:
    return Job(name=name, every=every, run=lambda _slot: ran.append(name), exclusive=exclusive)


def test_instants_of_one_interval_share_a_slot_named_by_its_start() -> None:
    hour = timedelta(hours=1)

    assert slot_of(START, hour) == slot_of(START + timedelta(minutes=29), hour)
    assert slot_of(START, hour) != slot_of(START + timedelta(minutes=30), hour)
    start = datetime.fromtimestamp(int(slot_of(START, hour)), UTC)
    assert start == datetime(2026, 6, 4, 9, tzinfo=UTC)


def test_a_slot_does_not_depend_on_the_time_zone_of_an_instant() -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))

    assert slot_of(tokyo, timedelta(days=1)) == slot_of(START, timedelta(days=1))


def test_an_interval_below_one_second_has_slots_of_one_second() -> None:
    assert slot_of(START, timedelta(milliseconds=200)) == str(int(START.timestamp()))


def test_a_job_runs_at_once_and_then_once_per_interval(unreachable: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    scheduler = Scheduler(unreachable, clock, [_job(ran, "sweep", SECOND)])

    counts = []
    for _ in range(5):
        scheduler.tick()
        scheduler.tick()
        counts.append(len(ran))
        clock.instant += SECOND / 2

    assert counts == [1, 1, 2, 2, 3]


def test_each_job_has_its_own_interval(unreachable: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    jobs = [_job(ran, "often", SECOND), _job(ran, "seldom", 3 * SECOND)]
    scheduler = Scheduler(unreachable, clock, jobs)

    for _ in range(6):
        scheduler.tick()
        clock.instant += SECOND

    assert ran.count("often") == 6
    assert ran.count("seldom") == 2


def test_missed_intervals_are_not_made_up(unreachable: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    scheduler = Scheduler(unreachable, clock, [_job(ran, "sweep", SECOND)])
    scheduler.tick()

    clock.instant += timedelta(hours=5)
    scheduler.tick()
    scheduler.tick()

    assert len(ran) == 2


def test_a_clock_that_is_set_back_keeps_no_job_waiting(unreachable: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    jobs = [_job(ran, "often", SECOND), _job(ran, "seldom", 3 * SECOND)]
    scheduler = Scheduler(unreachable, clock, jobs)
    scheduler.tick()

    clock.instant -= timedelta(hours=5)
    for _ in range(6):
        scheduler.tick()
        clock.instant += SECOND

    assert ran.count("often") == 1 + 6
    assert ran.count("seldom") == 1 + 2


def test_an_outage_of_one_job_is_logged_and_other_jobs_continue(unreachable: Engine) -> None:
    ran: list[str] = []

    def down(_slot: str) -> None:
        raise Unavailable("sweep: the database is out of reach")

    failing = Job(name="down", every=SECOND, run=down, exclusive=False)
    scheduler = Scheduler(unreachable, FrozenClock(START), [failing, _job(ran, "next", SECOND)])
    with capture_logs() as logs:
        scheduler.tick()

    assert ran == ["next"]
    assert [(log["event"], log["job"]) for log in logs] == [("job_unavailable", "down")]


def test_a_slot_that_cannot_be_claimed_without_a_database_is_not_run(
    unreachable: Engine,
) -> None:
    ran: list[str] = []
    scheduler = Scheduler(
        unreachable, FrozenClock(START), [_job(ran, "daily", SECOND, exclusive=True)]
    )
    with capture_logs() as logs:
        scheduler.tick()

    assert ran == []
    assert {log["event"] for log in logs} == {"job_unavailable"}


def test_a_stopped_scheduler_returns_without_running_further_jobs(unreachable: Engine) -> None:
    ran: list[str] = []
    scheduler = Scheduler(unreachable, FrozenClock(START), [_job(ran, "sweep", SECOND)])
    scheduler.stop()

    scheduler.run()

    assert ran == []
