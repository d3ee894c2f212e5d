"""Our clients against the simulated APIs: two readings of each document meet.

The simulator shares no code with the clients, so what they sign, send and read is what the
other side was written to expect, and every misbehaviour ends in an error of the right kind.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

import pytest

from providers.agent_platform import client as agent_platform
from providers.aggregator import client as aggregator
from providers.outbound.http_transport import HttpTransport
from providers.sportsbook import client as sportsbook
from simulator.api.server import serve
from simulator.history.true_history import history_of
from simulator.protocol.api_faults import ApiFault
from simulator.protocol.history_lines import RunSpan
from simulator.protocol.system import SimulatedApi, System
from simulator.scenarios.plan import make_plan
from simulator.systems.agent_platform.api import AgentPlatformApi
from simulator.systems.sportsbook.api import SportsbookApi
from simulator.systems.xigs.api import PROFILE, XigsApi
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    SPORTSBOOK,
    XIGS,
    make_api,
)
from tests.harness.providers.xigs_admin import Profile, XigsAdminClient
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable
from vocabulary.money import Money

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
T = TypeVar("T")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


def speak(
    api: SimulatedApi,
    side: System,
    story: Callable[[HttpTransport], Awaitable[T]],
    *,
    clock: FrozenClock | None = None,
    deadline: timedelta = timedelta(seconds=20),
) -> T:
    """What a story told over a way to a served API comes to."""

    async def run() -> T:
        async with serve([side], 0, 1, apis={side: api}) as served:
            out = HttpTransport(
                slug=side.name,
                base_url=served.urls[side],
                deadline=deadline,
                attempts=3,
                random=Random(1),
                clock=clock or FrozenClock(NOON),
            )
            async with out:
                return await story(out)

    return asyncio.run(run())


def of_aggregator(out: HttpTransport, *, forms: bool = False) -> aggregator.AggregatorClient:
    given = aggregator.AggregatorCredentials(
        api_key="demo-aggregator-secret", prefix="LAG1", form_bodies=forms
    )
    return aggregator.AggregatorClient(out, given)


@pytest.mark.parametrize("forms", [False, True])
def test_the_aggregators_client_registers_lists_and_opens(*, forms: bool) -> None:
    async def story(out: HttpTransport) -> tuple[str, int, str]:
        client = of_aggregator(out, forms=forms)
        handle = (await client.create_user("0632")).handle
        (house, *_) = await client.game_providers()
        games = await client.games(house.name, mobile=True)
        opened = await client.open_game(
            handle=handle, game_provider=house.name, game_id=games[0].game_id
        )
        return handle, len(games), opened.url

    handle, count, url = speak(make_api(AGGREGATOR, 1), AGGREGATOR, story)
    assert handle == "LAG1.0632"
    assert count > 1
    assert url.startswith("https://play.example.com/")


def test_the_agent_platforms_client_is_understood_with_slashes_and_letters_beyond_ascii() -> (
    None
):
    clock = FrozenClock(NOON)
    api = AgentPlatformApi(seed=1, api_token=b"token", agent_id=7, clock=clock)

    async def story(out: HttpTransport) -> str:
        given = agent_platform.AgentPlatformCredentials(agent_id=7, api_token=b"token")
        client = agent_platform.AgentPlatformClient(out, given, clock=clock)
        (game, *_) = await client.games()
        sitting = agent_platform.GameSession(
            game_id=int(game.game_id),
            player_id="player_1",
            player_username="Zoë / žlutá \U0001f3b0",
            language="en",
            currency="USD",
            home_url="https://example.com/home?a=1&b=é",
            ip="203.0.113.7",
        )
        assert (await client.get_game_link_demo(sitting)).url
        opened = await client.get_game_link(sitting, agent_session_id="ours-1")
        clock.instant += timedelta(seconds=301)
        await client.close()
        return opened.url

    url = speak(api, AGENT_PLATFORM, story, clock=clock)
    assert url.startswith("https://game.example.com/play?")
    assert api.sessions == [("ours-1", "player_1")]
    assert api.control.count("/api/games/list") == 1


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_clock_that_is_wrong_is_told_by_how_much(seconds: int) -> None:
    api = AgentPlatformApi(seed=1, api_token=b"token", clock=FrozenClock(NOON))
    ours = FrozenClock(NOON + timedelta(seconds=seconds))

    async def story(out: HttpTransport) -> None:
        given = agent_platform.AgentPlatformCredentials(agent_id=1, api_token=b"token")
        await agent_platform.AgentPlatformClient(out, given, clock=ours).games_now()

    with pytest.raises(ApiRefused, match="301 s") as refused:
        speak(api, AGENT_PLATFORM, story, clock=ours)
    assert refused.value.code == "request_expired"


def test_the_sportsbooks_client_renews_its_token_before_it_ends_and_after_it_is_refused() -> (
    None
):
    clock = FrozenClock(NOON)
    api = SportsbookApi(seed=1, username="us", password="secret", clock=clock)

    async def story(out: HttpTransport) -> None:
        given = sportsbook.SportsbookCredentials(version="v1", username="us", password="secret")
        client = sportsbook.SportsbookClient(out, given, clock=clock)
        for _ in range(3):
            await client.start_session(user_id="42", currency="USD", lang="en")
        assert api.control.count("/v1/auth") == 1
        clock.instant = NOON + timedelta(minutes=59, seconds=30)
        await client.start_session(user_id="42", currency="USD")
        assert api.control.count("/v1/auth") == 2
        api.forget_tokens()
        await client.start_session(user_id="42", currency="USD")
        await client.close()

    speak(api, SPORTSBOOK, story, clock=clock)
    assert api.sessions == [("42", "USD")] * 5
    assert api.control.count("/v1/auth") == 3


def fresh_xigs(clock: FrozenClock) -> XigsApi:
    api = make_api(XIGS, 1)
    assert isinstance(api, XigsApi)
    api.clock = clock
    return api


def of_xigs(out: HttpTransport, clock: FrozenClock) -> XigsAdminClient:
    return XigsAdminClient(out, api_key="demo-xigs-secret", clock=clock)


def test_the_scratch_card_client_logs_in_once_and_every_write_is_signed_as_expected() -> None:
    clock = FrozenClock(NOON)
    api = fresh_xigs(clock)

    async def story(out: HttpTransport) -> None:
        client = of_xigs(out, clock)
        user = await client.authenticate_user(
            profile_id=PROFILE, credential="zoë/1", credential_type="username"
        )
        opened = await client.create_session(
            user_token=user.token, game_id=api.games[0], balance=Money(1050, "USD")
        )
        assert opened.expires_at == NOON + timedelta(hours=2)
        await client.create_webhook(
            url="https://example.com/cards", triggers=["open-round"], signature_token="t"
        )
        profile = Profile(email="a@example.com", description="é/", profile_type="demo")
        made = await client.create_profile(profile)
        await client.update_profile(made, profile)
        known = [item.item_id async for item in client.users()]
        assert known == [user.user_id]
        assert [item.item_id async for item in client.profiles()] == [PROFILE, made]
        assert len([item async for item in client.webhooks()]) == 1
        await client.close()

    speak(api, XIGS, story, clock=clock)
    assert api.control.count("/v1/auth/login") == 1


def test_the_scratch_card_client_reads_every_round_to_the_last_page() -> None:
    clock = FrozenClock(NOON)
    api = fresh_xigs(clock)
    sides = (XIGS,)
    plan = make_plan(seed=2, callbacks=2500, players=130, systems=sides, currency="USD")
    lines = history_of(plan)
    span = RunSpan(NOON, NOON + timedelta(minutes=1), len(plan.steps))
    api.state.play(lines, span, game=api.games[0], until=NOON + timedelta(hours=2))

    async def story(out: HttpTransport) -> tuple[int, int]:
        client = of_xigs(out, clock)
        sessions = [item.document async for item in client.sessions(rounds=True)]
        moved = [item.item_id async for item in client.transactions()]
        await client.close()
        rounds = 0
        for session in sessions:
            told = session["rounds"]
            assert isinstance(told, list)
            rounds += len(told)
        return rounds, len(set(moved))

    rounds, moved = speak(api, XIGS, story, clock=clock)
    assert rounds == len(lines)
    assert moved == len(lines) + sum(line.closed for line in lines)
    assert api.control.count("/v1/game/session") == 2


@pytest.mark.parametrize(
    ("trouble", "error", "status"),
    [
        (ApiFault.UNAUTHORIZED, ApiRefused, 401),
        (ApiFault.FORBIDDEN, ApiRefused, 403),
        (ApiFault.NOT_FOUND, ApiRefused, 404),
        (ApiFault.UNPROCESSABLE, ApiRefused, 422),
        (ApiFault.FAILURE, ApiUnavailable, 500),
        (ApiFault.HTML, ApiUnreadable, 200),
        (ApiFault.TRUNCATED, ApiUnreadable, 200),
        (ApiFault.SLOW, ApiUnavailable, None),
    ],
)
def test_every_misbehaviour_ends_in_an_error_of_its_kind(
    trouble: ApiFault, error: type[ApiError], status: int | None
) -> None:
    api = make_api(AGGREGATOR, 1)
    api.control.inject("/game/provider", trouble, times=3)

    async def story(out: HttpTransport) -> None:
        await of_aggregator(out).game_providers()

    with pytest.raises(error) as raised:
        speak(api, AGGREGATOR, story, deadline=timedelta(seconds=1))
    assert raised.value.status == status


def test_a_trouble_that_passes_is_met_with_another_request() -> None:
    api = make_api(AGGREGATOR, 1)
    api.control.retry_after = 0
    api.control.inject("/game/provider", ApiFault.TOO_MANY)
    api.control.inject("/game/provider", ApiFault.FAILURE)

    async def story(out: HttpTransport) -> int:
        return len(await of_aggregator(out).game_providers())

    assert speak(api, AGGREGATOR, story) == 3
    assert [one.status for one in api.control.requests] == [429, 500, 200]


def test_a_write_whose_answer_was_lost_is_not_sent_again() -> None:
    api = make_api(AGGREGATOR, 1)
    api.control.inject("/create-user", ApiFault.TRUNCATED, times=3)

    async def story(out: HttpTransport) -> None:
        await of_aggregator(out).create_user("0632")

    with pytest.raises(ApiUnreadable) as caught:
        speak(api, AGGREGATOR, story)
    assert caught.value.attempts == 1
    assert api.control.count("/create-user") == 1
