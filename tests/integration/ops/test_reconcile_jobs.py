"""What a schedule does: open days are looked at for changes, mature days are closed once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.closing_days import DueDay, open_days
from ops.scheduling.reconcile_jobs import reconcile_day, reconcile_jobs
from ops.settings.model import ProviderSettings, Settings
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from storage.engine import open_engine
from tests.harness.books.busy import DAY, BusyBooks
from tests.harness.books.differences.two_sides import TwoBooks
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.window import parse_window
from workers.scheduler import Job

ZONE = "Asia/Tokyo"
QUARTER = timedelta(minutes=15)
PROVIDER = ProviderSettings.model_validate(
    {
        "slug": "agg",
        "dialect": "aggregator",
        "currency": "USD",
        "secrets": ["literal:secret"],
        "timezone": ZONE,
    },
    context={"mode": "test"},
)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database, pool_size=1)
    yield opened
    opened.dispose()


def _open_days(engine: Engine, slug: str, now: datetime) -> list[DueDay]:
    with engine.connect() as connection:
        return open_days(connection, slug, zone=ZONE, maturity=QUARTER, now=now)


def test_a_day_of_the_providers_zone_is_open_then_mature_then_closed_for_good(
    database: str, engine: Engine
) -> None:
    books = BusyBooks(database, engine, 3)
    books.agree(
        DAY.start + timedelta(hours=10), rounds=3
    )  # the evening of the first of March in Tokyo
    day = date(2026, 3, 1)
    end = datetime(2026, 3, 1, 15, tzinfo=UTC)

    mature_at = end + QUARTER
    assert _open_days(engine, books.slug, end) == [
        DueDay(day=day, is_mature=False, mature_at=mature_at)
    ]
    assert _open_days(engine, books.slug, mature_at) == [
        DueDay(day=day, is_mature=True, mature_at=mature_at)
    ]

    result = reconcile(
        database,
        RunRequest(
            provider=books.slug,
            window=parse_window("2026-03-01", "2026-03-02", zone=ZONE),
            maturity=QUARTER,
            close=day,
        ),
        clock=FrozenClock(end + QUARTER),
    )
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT business_day, starts_at, ends_at, run_id FROM day_closes"
        ).fetchall()
    assert rows == [(day, end - timedelta(days=1), end, result.run_id)]
    assert day not in [due.day for due in _open_days(engine, books.slug, end + QUARTER)]


def test_a_run_of_an_open_day_looks_at_changes_and_that_of_a_mature_day_closes_it(
    database: str, tmp_path: Path
) -> None:
    books = TwoBooks()
    books.both("r-1", 500, 0)
    books.write(database)
    day = date(2026, 3, 1)
    open_day, mature_day = DueDay(day=day, is_mature=False), DueDay(day=day, is_mature=True)

    runs = [
        reconcile_day(database, tmp_path, PROVIDER, due)
        for due in (open_day, open_day, mature_day)
    ]
    with psycopg.connect(database) as connection:
        stored = connection.execute(
            "SELECT run_id, window_from, window_to, (manifest->'inputs'->'whole')::boolean"
            "  FROM runs ORDER BY finished_at"
        ).fetchall()
        closed = connection.execute("SELECT business_day, run_id FROM day_closes").fetchall()
    window = (datetime(2026, 2, 28, 15, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
    assert stored == [
        (run.run_id, *window, whole)
        for run, whole in zip(runs, (True, False, True), strict=True)
    ]
    assert [run.has_breaks for run in runs] == [False, False, False]
    assert closed == [(day, runs[2].run_id)]


def test_nothing_runs_on_a_schedule_unless_the_settings_say_so(
    database: str, engine: Engine, tmp_path: Path
) -> None:
    def jobs(settings: Settings) -> list[Job]:
        return reconcile_jobs(
            settings,
            engine,
            SystemClock(),
            ChildJobs(),
            database_url=database,
            data_dir=tmp_path,
        )

    (job,) = jobs(Settings.model_validate({"reconcile": {"every": "5m"}}))
    assert (job.name, job.every, job.exclusive) == ("reconcile", timedelta(minutes=5), True)
    assert jobs(Settings()) == []
