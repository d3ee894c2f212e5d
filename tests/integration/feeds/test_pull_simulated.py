"""Records pulled from the simulated platform are those of its statement file."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from feeds.statements.reading.table import UnreadableRow
from ops.providers.configured import configured
from ops.providers.feed_pull import FeedPull, pull_feeds
from ops.settings.model import Settings
from simulator.api.server import serve
from simulator.history.statements import write_statement
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.scenarios.plan import make_plan
from simulator.systems.xigs.api import XigsApi
from storage.engine import open_engine
from tests.harness.providers.feed_api import xigs_at
from tests.harness.providers.statement_lines import statement_lines
from tests.harness.providers.systems import XIGS, make_api
from vocabulary.clock import FrozenClock

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = make_plan(seed=3, callbacks=2_000, players=130, systems=(XIGS,), currency="USD")
LINES = history_of(PLAN)
SPAN = RunSpan(NOON - HOUR, NOON - timedelta(minutes=1), len(PLAN.steps))


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = open_engine(database)
    yield made
    made.dispose()


def platform() -> XigsApi:
    """A platform whose players have played, with a webhook that was called."""
    api = make_api(XIGS, 3)
    assert isinstance(api, XigsApi)
    api.clock = FrozenClock(NOON)
    api.state.play(LINES, SPAN, game=api.games[0], until=NOON + HOUR)
    api.state.register("W1", "https://example.com/c", ["open-round"], "token", NOON - HOUR)
    for number in range(150):
        payload = {"eventType": "open-round", "roundId": f"R{number}"}
        api.state.delivered("W1", payload, status=200 if number else 500, body="", now=NOON)
    return api


def pulled(engine: Engine, api: XigsApi) -> dict[str, FeedPull]:
    async def play() -> tuple[FeedPull, ...]:
        async with serve([XIGS], 0, 1, apis={XIGS: api}) as running:
            address = {
                "base_url": running.urls[XIGS],
                "key": f"literal:{api.api_key}",
            }
            entry = xigs_at("", api=address)
            return await asyncio.to_thread(
                pull_feeds,
                engine,
                entry,
                window=None,
                past_unreadable=False,
                clock=FrozenClock(NOON),
            )

    return {pull.feed: pull for pull in asyncio.run(play())}


def stored(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_pulled_rounds_are_those_of_the_statement_file(engine: Engine, tmp_path: Path) -> None:
    pulls = pulled(engine, platform())

    write_statement(tmp_path / "day.jsonl", XIGS, LINES, SPAN)
    provider = configured(Settings(providers=(xigs_at("http://127.0.0.1:1"),)))["xigs"]
    with (tmp_path / "day.jsonl").open("rb") as stream:
        lines = list(statement_lines(provider.dialect, provider.provider, stream))
    expected = [
        (line.record_id, line.handle, line.stake.minor, line.payout.minor, line.updated_at)
        for line in lines
        if not isinstance(line, UnreadableRow)
    ]
    assert len(expected) == len(lines) > 500
    assert pulls["rounds"].findings.count == 0
    assert (pulls["rounds"].received, pulls["rounds"].stored) == (len(lines), len(lines))
    query = "SELECT record_id, handle, stake, payout, updated_at FROM feed_records"
    assert sorted(stored(engine, query)) == sorted(expected)


def test_the_log_is_read_to_its_end_and_a_second_pull_changes_nothing(engine: Engine) -> None:
    api = platform()

    first, again = pulled(engine, api), pulled(engine, api)

    assert (first["deliveries"].received, first["deliveries"].stored) == (150, 150)
    assert (again["deliveries"].received, again["deliveries"].stored) == (150, 0)
    assert again["rounds"].stored == 0
    failed = "SELECT delivery_id, response_code FROM provider_deliveries WHERE NOT success"
    assert stored(engine, failed) == [("W1-1", 500)]
