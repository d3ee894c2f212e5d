"""Pulls on a schedule, and days that are not closed before their feeds reported them."""

import asyncio
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from feeds.pull.watermarks import list_watermarks
from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.closing_days import DueDay, due_days
from ops.scheduling.pull_jobs import pull_jobs
from ops.settings.loader import load
from ops.settings.model import ProviderSettings
from ops.settings.sections.feed import pulled_feeds
from providers.registry import DIALECTS
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.providers.api_server import HANGS, Scripted, served
from tests.harness.providers.feed_api import (
    DELIVERY,
    SESSIONS,
    a_round,
    a_session,
    listed,
    script,
)
from tests.harness.servers.receiver import LedgerDatabase
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid
from workers.scheduler import Scheduler

Logs = Sequence[MutableMapping[str, Any]]
DAY = date(2026, 3, 1)
END = datetime(2026, 3, 2, tzinfo=UTC)
MATURE = END + timedelta(minutes=15)
FOR_EVER = timedelta(0)
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
"""
PROVIDER = """
[[providers]]
slug = "{slug}"
dialect = "xigs"
currency = "USD"
secrets = ["literal:secret"]
api = {{base_url = "{url}", key = "literal:canary-key", attempts = 1}}
feed = {{pull_every = "1h", pull_within = "{within}"}}
"""
GOOD = script([listed([a_session("s-1", a_round(1))])], [listed([DELIVERY])])


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def pull_logs(
    engine: Engine,
    database: str,
    folder: Path,
    **platforms: tuple[str, Mapping[str, list[Scripted]]],
) -> Logs:
    """The log of one slot of platforms: each with its timeout and its script."""

    async def play() -> Logs:
        async with AsyncExitStack() as stack:
            text = SETTINGS.format(database=database)
            for slug, (within, answers) in platforms.items():
                server = await stack.enter_async_context(served(answers))
                text += PROVIDER.format(slug=slug, url=server.url, within=within)
            config = folder / "tieout.toml"
            config.write_text(text)
            return await asyncio.to_thread(_run_slot, engine, config)

    return asyncio.run(play())


def _run_slot(engine: Engine, config: Path) -> Logs:
    settings = load(config, {})
    jobs = pull_jobs(settings, engine, settings.database.url, ChildJobs())
    with capture_logs() as logs:
        Scheduler(engine, SystemClock(), jobs).tick()
    return [log for log in logs if log["event"].startswith("feed_")]


def test_a_platform_that_fails_costs_its_own_feed_and_no_other_is_kept_waiting(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    logs = pull_logs(
        engine,
        database,
        tmp_path,
        down=("10m", {**GOOD, SESSIONS: [Scripted(status=503)]}),
        rubbish=("10m", {**GOOD, SESSIONS: [Scripted(body=b"<html>")]}),
        slow=("1s", {**GOOD, SESSIONS: [Scripted(mischief=HANGS)]}),
        sound=("10m", GOOD),
    )

    of_rounds = [log for log in logs if log["feed"] == "rounds"]
    assert {log["provider"]: log["event"] for log in of_rounds} == {
        "down": "feed_not_pulled",
        "rubbish": "feed_not_pulled",
        "slow": "feed_not_pulled",
        "sound": "feed_pulled",
    }
    why = {log["provider"]: log.get("why", "") for log in of_rounds}
    assert "answered 503" in why["down"]
    assert "the feed did not end within 1s" in why["slow"]
    with engine.connect() as connection:
        failed = [finding for finding in open_findings(connection) if finding.feed == "rounds"]
        marks = {(mark.provider, mark.feed) for mark in list_watermarks(connection)}
        slots = "SELECT count(*) FROM job_runs WHERE done_at IS NOT NULL"
        completed = connection.execute(text(slots)).scalar_one()
    assert [(finding.provider, finding.kind) for finding in failed] == [
        (slug, FindingKind.PULL_FAILED) for slug in ("down", "rubbish", "slow")
    ]
    # A second may be too short for the slow one's other feed, on a slow machine.
    assert marks - {("slow", "deliveries")} == {
        ("down", "deliveries"),
        ("rubbish", "deliveries"),
        ("sound", "deliveries"),
        ("sound", "rounds"),
    }
    assert completed == 4


def test_nothing_is_pulled_while_asking_providers_is_paused(
    engine: Engine, database: str, tmp_path: Path
) -> None:
    books = LedgerDatabase(database)
    books.run("INSERT INTO paused_queues (queue, paused_by, reason) VALUES ('fetch', 'a', 'b')")

    logs = pull_logs(engine, database, tmp_path, one=("1h", GOOD), two=("1h", GOOD))

    assert [(log["event"], log["provider"]) for log in logs] == [
        ("feed_pull_paused", "one"),
        ("feed_pull_paused", "two"),
    ]
    assert books.rows("SELECT count(*) FROM feed_watermarks") == [(0,)]
    books.close()


def provider(dialect: str, **options: Any) -> ProviderSettings:
    raw = {
        "slug": "p",
        "dialect": dialect,
        "currency": "USD",
        "secrets": ["literal:s"],
        **options,
    }
    return ProviderSettings.model_validate(raw, context={"mode": "test"})


PULLED = provider(
    "xigs",
    api={"base_url": "http://127.0.0.1:1", "key": "literal:k"},
    feed={"pull_every": "1m"},
)
DAILY = provider("sportsbook", statement={"daily": True})
MARK = "INSERT INTO feed_watermarks VALUES ('p', '{}', '{}', '2026-03-02', 0)"
FILE = """
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, business_day, verdict,
                        records, refused)
VALUES ('p', 'statement', 'a', 'a', 1, '2026-03-02', '2026-03-01', '{}', 1, 0)
"""
PUSHED = """
INSERT INTO deliveries (batch_id, provider, route, verdict, headers, body, reply_status, reply,
                        received_at)
VALUES (1, 'p', '', 'recorded', '', '', 200, '', '{}')
"""
RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES ('r', 'p', now(), now(), now(), now(), '{}', '{}', true)
"""
RECONCILED = """
INSERT INTO run_watermarks (provider, window_from, window_to, run_id, evaluated_at, maturity,
                            terms, handles, oldest_xid, stored_no)
VALUES ('p', '2026-03-01Z', '2026-03-02Z', 'r', now(), '1 s', '', '', 1, 1)
"""


def due(
    engine: Engine,
    provider: ProviderSettings,
    *,
    at: datetime = MATURE,
    patience: timedelta = FOR_EVER,
) -> DueDay:
    with engine.connect() as connection:
        (day,) = due_days(connection, provider, at, patience=patience)
    return day


def played(database: str) -> LedgerDatabase:
    books = TwoBooks(provider="p")
    books.both("r-1", 500, 0)
    books.write(database)
    return LedgerDatabase(database)


def test_a_day_with_rounds_of_ours_waits_for_a_record_of_the_provider(
    engine: Engine, database: str
) -> None:
    books, pushes = played(database), provider("aggregator")
    assert due(engine, pushes).closes
    books.run("DELETE FROM feed_records")
    for feed in ("rounds", "deliveries"):
        books.run(MARK.format(feed, MATURE.isoformat()))

    for silent in (pushes, PULLED):
        assert due(engine, silent).waits_for == ("no record of 2026-03-01 was received",)
        assert not due(engine, silent).closes
    books.close()


def test_a_day_waits_until_a_pull_of_each_feed_began_after_it_was_mature(
    engine: Engine, database: str
) -> None:
    books = played(database)
    assert due(engine, PULLED, at=END).waits_for == ()  # not mature: nothing to close
    assert due(engine, PULLED).waits_for == (
        "feed rounds was never read whole",
        "feed deliveries was never read whole",
    )
    assert not due(engine, PULLED).closes

    books.run(MARK.format("rounds", MATURE.isoformat()))
    books.run(MARK.format("deliveries", END.isoformat()))
    assert due(engine, PULLED).waits_for == (
        "feed deliveries is read up to 2026-03-02T00:00:00Z, not up to 2026-03-02T00:15:00Z",
    )
    books.run(f"UPDATE feed_watermarks SET watermark = '{MATURE.isoformat()}'")
    assert due(engine, PULLED).waits_for == ()
    assert due(engine, PULLED).closes
    books.close()


def test_a_person_is_asked_where_the_settings_say_so_and_the_machine_never_closes(
    engine: Engine, database: str
) -> None:
    books, hour = played(database), timedelta(hours=1)

    for at, patience, asks in (
        (MATURE + 5 * hour, FOR_EVER, False),
        (MATURE + hour - timedelta(seconds=1), hour, False),
        (MATURE + hour, hour, True),
    ):
        day = due(engine, PULLED, at=at, patience=patience)
        assert (day.closes, bool(day.waits_for), day.needs_person) == (False, True, asks)
    for feed in ("rounds", "deliveries"):
        books.run(MARK.format(feed, MATURE.isoformat()))
    heard = due(engine, PULLED, at=MATURE + hour, patience=hour)
    assert (heard.closes, heard.needs_person) == (True, False)
    books.close()


@pytest.mark.parametrize(
    ("verdict", "waits"),
    [("imported", False), ("partly", False), ("quarantined", True)],
)
def test_a_day_waits_for_the_daily_statement_to_be_taken_in(
    engine: Engine, database: str, verdict: str, waits: bool
) -> None:
    books = played(database)
    assert due(engine, DAILY).waits_for == ("no statement of 2026-03-01 was taken in",)

    books.run(FILE.format(verdict))
    assert bool(due(engine, DAILY).waits_for) == waits
    assert due(engine, provider("sportsbook")).closes  # no file is expected every day
    books.close()


def test_a_day_waits_for_what_was_pushed_before_it_was_mature(
    engine: Engine, database: str
) -> None:
    books, pushes = played(database), provider("aggregator")
    books.run(PUSHED.format((MATURE + timedelta(seconds=1)).isoformat()))
    assert due(engine, pushes).closes

    books.run(PUSHED.format(END.isoformat()))
    assert due(engine, pushes).waits_for == ("pushed records that are not taken in yet: 1",)
    books.run("UPDATE deliveries SET ingested_at = now()")
    assert due(engine, pushes).closes
    books.close()


def test_a_day_that_a_run_has_reconciled_is_not_forgotten(
    engine: Engine, database: str
) -> None:
    books, later = played(database), MATURE + timedelta(days=30)
    with engine.connect() as connection:
        assert due_days(connection, PULLED, later, patience=FOR_EVER) == []
    books.run(RUN)
    books.run(RECONCILED)

    assert due(engine, PULLED, at=later).day == DAY
    books.close()


@pytest.mark.parametrize(
    ("dialect", "more", "expected"),
    [
        ("aggregator", {}, "the API of this dialect offers no history"),
        ("xigs", {}, "a table api that says where to pull from"),
    ],
)
def test_pulls_that_cannot_be_are_refused_with_the_settings(
    tmp_path: Path, dialect: str, more: dict[str, Any], expected: str
) -> None:
    config = tmp_path / "tieout.toml"
    config.write_text(
        f'mode = "test"\n[[providers]]\nslug = "p"\ndialect = "{dialect}"\ncurrency = "USD"\n'
        'secrets = ["literal:s"]\nfeed = {pull_every = "1m"}\n'
    )
    with pytest.raises(SettingsInvalid) as caught:
        load(config, {})
    (problem,) = caught.value.problems
    assert "feed.pull_every" in problem
    assert expected in problem


def test_the_feeds_that_settings_know_are_those_of_the_dialects() -> None:
    pulled = {name: pulled_feeds(name) for name in DIALECTS}

    assert pulled["xigs"] == ("rounds", "deliveries")
    assert pulled["aggregator"] == pulled["sportsbook"] == pulled["agent_platform"] == ()
