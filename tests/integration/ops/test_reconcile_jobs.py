"""What a schedule does: open days are looked at for changes, ripe days are closed once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.closing_days import DueDay, due_days
from ops.scheduling.reconcile_jobs import arguments, reconcile_jobs
from ops.settings.model import Settings
from reconcile.runs.run import Mode, reconcile
from storage.engine import open_engine
from tests.harness.books.busy import DAY, BusyBooks
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.window import parse_window

ZONE = "Asia/Tokyo"
QUARTER = timedelta(minutes=15)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database, pool_size=1)
    yield opened
    opened.dispose()


def _due(engine: Engine, slug: str, now: datetime) -> list[DueDay]:
    with engine.connect() as connection:
        return due_days(connection, slug, zone=ZONE, maturity=QUARTER, now=now)


def test_a_day_of_the_providers_zone_is_open_then_ripe_then_closed_for_good(
    database: str, engine: Engine
) -> None:
    books = BusyBooks(database, engine, 3)
    books.agree(
        DAY.start + timedelta(hours=10), rounds=3
    )  # the evening of the first of March in Tokyo
    day = date(2026, 3, 1)
    end = datetime(2026, 3, 1, 15, tzinfo=UTC)

    ripe_at = end + QUARTER
    assert _due(engine, books.slug, end) == [DueDay(day=day, ripe=False, ripe_at=ripe_at)]
    assert _due(engine, books.slug, ripe_at) == [DueDay(day=day, ripe=True, ripe_at=ripe_at)]

    result = reconcile(
        database,
        provider=books.slug,
        window=parse_window("2026-03-01", "2026-03-02", zone=ZONE),
        maturity=QUARTER,
        clock=FrozenClock(end + QUARTER),
        mode=Mode(close=day),
    )
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT business_day, starts_at, ends_at, run_id FROM day_closes"
        ).fetchall()
    assert rows == [(day, end - timedelta(days=1), end, result.run_id)]
    assert day not in [each.day for each in _due(engine, books.slug, end + QUARTER)]


def test_the_run_of_a_day_is_the_command_that_anybody_could_type() -> None:
    listed = arguments("agg", DueDay(day=date(2026, 3, 1), ripe=True))
    window = ["--from", "2026-03-01", "--to", "2026-03-02"]
    assert listed == ["reconcile", "--provider", "agg", *window, "--close-day"]
    assert arguments("agg", DueDay(day=date(2026, 3, 1), ripe=False))[-1] == "--incremental"


def test_nothing_runs_on_a_schedule_unless_the_settings_say_so(engine: Engine) -> None:
    every = {"reconcile": {"every": "5m"}}
    requested = Settings.model_validate(every)
    (job,) = reconcile_jobs(requested, engine, SystemClock(), ["tieout"], ChildJobs())
    assert (job.name, job.every, job.exclusive) == ("reconcile", timedelta(minutes=5), True)
    assert reconcile_jobs(Settings(), engine, SystemClock(), ["tieout"], ChildJobs()) == []
