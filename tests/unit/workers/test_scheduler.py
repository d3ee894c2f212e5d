"""What runs when, on a clock that stands still until moved."""

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
def nowhere() -> Engine:
    """An engine that leads nowhere: jobs that are not claimed must not ask it."""
    return create_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")


def _job(ran: list[str], name: str, every: timedelta, *, exclusive: bool = False) -> Job:
    return Job(name=name, every=every, run=lambda _slot: ran.append(name), exclusive=exclusive)


def test_instants_of_one_interval_share_a_slot_named_by_its_beginning() -> None:
    hour = timedelta(hours=1)

    assert slot_of(START, hour) == slot_of(START + timedelta(minutes=29), hour)
    assert slot_of(START, hour) != slot_of(START + timedelta(minutes=30), hour)
    begins = datetime.fromtimestamp(int(slot_of(START, hour)), UTC)
    assert begins == datetime(2026, 6, 4, 9, tzinfo=UTC)


def test_a_slot_does_not_depend_on_the_zone_an_instant_is_written_in() -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))

    assert slot_of(tokyo, timedelta(days=1)) == slot_of(START, timedelta(days=1))


def test_an_interval_below_a_second_has_slots_of_a_second() -> None:
    assert slot_of(START, timedelta(milliseconds=200)) == str(int(START.timestamp()))


def test_a_job_runs_at_once_and_then_once_every_interval(nowhere: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    scheduler = Scheduler(nowhere, clock, [_job(ran, "sweep", SECOND)])

    counts = []
    for _ in range(5):
        scheduler.tick()
        scheduler.tick()
        counts.append(len(ran))
        clock.instant += SECOND / 2

    assert counts == [1, 1, 2, 2, 3]


def test_each_job_keeps_its_own_time(nowhere: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    jobs = [_job(ran, "often", SECOND), _job(ran, "seldom", 3 * SECOND)]
    scheduler = Scheduler(nowhere, clock, jobs)

    for _ in range(6):
        scheduler.tick()
        clock.instant += SECOND

    assert ran.count("often") == 6
    assert ran.count("seldom") == 2


def test_time_slept_through_is_not_caught_up_on(nowhere: Engine) -> None:
    ran: list[str] = []
    clock = FrozenClock(START)
    scheduler = Scheduler(nowhere, clock, [_job(ran, "sweep", SECOND)])
    scheduler.tick()

    clock.instant += timedelta(hours=5)
    scheduler.tick()
    scheduler.tick()

    assert len(ran) == 2


def test_an_outage_of_one_job_is_logged_and_stops_no_other(nowhere: Engine) -> None:
    ran: list[str] = []

    def down(_slot: str) -> None:
        raise Unavailable("sweep: the database is out of reach")

    failing = Job(name="down", every=SECOND, run=down, exclusive=False)
    scheduler = Scheduler(nowhere, FrozenClock(START), [failing, _job(ran, "next", SECOND)])
    with capture_logs() as logs:
        scheduler.tick()

    assert ran == ["next"]
    assert [(log["event"], log["job"]) for log in logs] == [("job_unavailable", "down")]


def test_a_slot_that_cannot_be_claimed_for_want_of_a_database_is_not_run(
    nowhere: Engine,
) -> None:
    ran: list[str] = []
    scheduler = Scheduler(
        nowhere, FrozenClock(START), [_job(ran, "daily", SECOND, exclusive=True)]
    )
    with capture_logs() as logs:
        scheduler.tick()

    assert ran == []
    assert {log["event"] for log in logs} == {"job_unavailable"}


def test_a_stopped_scheduler_returns_without_running_anything_more(nowhere: Engine) -> None:
    ran: list[str] = []
    scheduler = Scheduler(nowhere, FrozenClock(START), [_job(ran, "sweep", SECOND)])
    scheduler.stop()

    scheduler.run()

    assert ran == []
