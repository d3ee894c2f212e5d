"""The API of the content hub against its simulation: launching, asking, pulling."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from feeds.pull.watermarks import BEGINNING
from ops.providers.api_access import access_to, transport_of
from ops.settings.model import Settings
from providers.content_hub.api import API
from providers.outbound.access import ApiAccess
from providers.outbound.launch import LaunchRequest
from providers.outbound.pull import UnreadableItem
from simulator.api.server import serve
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.scenarios.plan import make_plan
from simulator.systems.content_hub import SYSTEM
from simulator.systems.content_hub.api import OPERATOR_ID, ContentHubApi
from simulator.systems.content_hub.keys import DEMO_NAME, secret_of
from vocabulary.clock import SystemClock
from vocabulary.errors import ApiRefused
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

KEY = secret_of(DEMO_NAME)
NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
PLAN = make_plan(seed=5, callbacks=400, players=6, systems=(SYSTEM,), currency="USD")
LINES = history_of(PLAN)
SPAN = RunSpan(NOON, NOON + timedelta(minutes=5), len(PLAN.steps))
T = TypeVar("T")


def played() -> ContentHubApi:
    api = ContentHubApi(seed=5, key=KEY)
    api.remember(LINES, SPAN)
    return api


def at(api: ContentHubApi, story: Callable[[ApiAccess], Awaitable[T]]) -> T:
    """What a story returns that has access to a served API."""

    async def run() -> T:
        async with serve([SYSTEM], 0, 1, apis={SYSTEM: api}) as served:
            address = {
                "base_url": served.urls[SYSTEM],
                "key": f"literal:{KEY.decode()}",
                "agent_id": OPERATOR_ID,
            }
            provider = {
                "slug": "p",
                "dialect": "content_hub",
                "currency": "USD",
                "secrets": [f"literal:{KEY.decode()}"],
                "api": address,
            }
            settings = Settings.model_validate(
                {"providers": [provider]}, context={"mode": "test"}
            )
            (entry,) = settings.providers
            clock = SystemClock()
            async with transport_of(entry, clock) as transport:
                return await story(access_to(entry, transport, clock))

    return asyncio.run(run())


def test_a_listed_game_is_opened_under_our_own_name() -> None:
    api = played()

    async def story(access: ApiAccess) -> str:
        assert API.launch is not None
        launch = API.launch(access)
        await launch.check()
        games = await launch.games(None)
        request = LaunchRequest(
            player="ann",
            handle=None,
            game_id=games[0].game_id,
            game_provider=None,
            currency="USD",
            language="en",
            home_url=None,
            ip=None,
            mobile=False,
            demo=False,
        )
        return (await launch.open_game(request)).url

    url = at(api, story)

    (session,) = api.sessions
    assert session[0] == "ann"
    assert session[1] in url


def test_a_round_is_confirmed_and_an_invented_one_unknown() -> None:
    async def story(access: ApiAccess) -> list[str]:
        assert API.inquire is not None
        keys = (LINES[0].round_id, "invented")
        return [(await API.inquire(access, key, NOON)).verdict for key in keys]

    assert at(played(), story) == ["confirmed", "unknown"]


def test_what_moved_is_pulled_hour_by_hour_each_once_and_exact() -> None:
    async def story(access: ApiAccess) -> list[object]:
        assert API.pull is not None
        client = API.pull.connect(access)
        window = Window(start=NOON - timedelta(minutes=57), end=NOON + timedelta(hours=1))
        (feed,) = API.pull.kinds
        return [item async for item in client.read(feed, window)]

    items = at(played(), story)

    records = [item for item in items if isinstance(item, HistoryRecord)]
    assert len(records) == len(items) == len(LINES) > 100
    moved = {line.record_id: (line.round_id, line.stake, line.payout) for line in LINES}
    assert moved == {
        record.record_id: (record.round_id, record.stake.minor, record.payout.minor)
        for record in records
    }
    assert any(record.payout.minor < 0 for record in records)


def test_a_transaction_that_cannot_be_read_is_a_finding_and_a_refused_key_an_error() -> None:
    api = played()
    api.transactions[0]["amount"] = 1000001
    api.transactions[1]["status"] = "TS_PENDING"

    async def story(access: ApiAccess) -> list[str]:
        assert API.pull is not None
        client = API.pull.connect(access)
        window = Window(start=NOON, end=NOON + timedelta(hours=1))
        items = [item async for item in client.read("transactions", window)]
        return [item.reason for item in items if isinstance(item, UnreadableItem)]

    assert at(api, story) == [
        "amount: at most 2 digits after the point are expected",
        "status: one of TS_SUCCESS, TS_DECLINED is expected",
    ]
    with pytest.raises(ApiRefused, match="401"):
        at(ContentHubApi(seed=5, key=secret_of(b"another")), story)


def test_a_first_pull_of_all_hours_since_1970_is_refused_and_says_what_to_type() -> None:
    api = played()

    async def story(access: ApiAccess) -> list[object]:
        assert API.pull is not None
        client = API.pull.connect(access)
        window = Window(start=BEGINNING, end=NOON)
        return [item async for item in client.read("transactions", window)]

    with pytest.raises(ApiRefused, match=r"hours are a request each.*pull once with --from"):
        at(api, story)
