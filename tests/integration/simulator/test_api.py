"""The simulated APIs of the aggregator, the agent platform and the sportsbook, over HTTP."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from simulator.api.games import HOUSES, titles
from simulator.api.server import serve
from simulator.history.true_history import history_of
from simulator.protocol.api_faults import ApiFault, RecordedRequest
from simulator.protocol.history_lines import RunSpan
from simulator.protocol.system import SimulatedApi, System
from simulator.scenarios.plan import make_plan
from simulator.systems.agent_platform.api import AgentPlatformApi
from simulator.systems.aggregator.api import AggregatorApi
from simulator.systems.sportsbook.api import SportsbookApi
from simulator.systems.xigs.api import XigsApi
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    ALL_SYSTEMS,
    SPORTSBOOK,
    XIGS,
    make_api,
    name_of,
)
from vocabulary.clock import FrozenClock

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
AGENT_SECRET = "demo-agent_platform-secret"
KEY = {"x-api-key": "demo-aggregator-secret"}
LINK = {
    "agent_id": 1,
    "timestamp": int(NOON.timestamp()),
    "game_id": 1_000_000,
    "player_id": "player_123",
    "player_username": "Zoë",
    "language": "en",
    "currency": "USD",
    "home_url": "https://example.com/",
    "agent_session_id": "session-1",
    "ip": "203.0.113.7",
}


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One answer."""

    status: int
    kind: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> object:
        return json.loads(self.body)


Ask = Callable[..., Awaitable[Heard]]


@asynccontextmanager
async def asking(api: SimulatedApi, side: System) -> AsyncIterator[Ask]:
    """A function that sends one request to a served API."""
    async with (
        serve([side], 0, 1, apis={side: api}) as served,
        aiohttp.ClientSession() as session,
    ):

        async def ask(path: str, body: object = None, **more: object) -> Heard:
            raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            method = "GET" if raw is None else "POST"
            headers = {"Content-Type": "application/json", **more}
            url = served.urls[side] + path
            async with session.request(method, url, data=raw, headers=headers) as response:  # type: ignore[arg-type]
                return Heard(
                    status=response.status,
                    kind=response.content_type,
                    headers=dict(response.headers),
                    body=await response.read(),
                )

        yield ask


def aggregator() -> AggregatorApi:
    api = make_api(AGGREGATOR, 1)
    assert isinstance(api, AggregatorApi)
    return api


def agent_platform() -> AgentPlatformApi:
    return AgentPlatformApi(seed=1, api_token=AGENT_SECRET.encode(), clock=FrozenClock(NOON))


def signed(document: Mapping[str, object]) -> tuple[bytes, dict[str, str]]:
    """A body as PHP prints it, with its signature."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).replace("/", "\\/")
    digest = hmac.new(AGENT_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return text.encode(), {"X-Signature": digest}


def test_a_player_is_registered_under_the_prefix_and_taken_into_a_game() -> None:
    api = aggregator()

    async def run() -> None:
        async with asking(api, AGGREGATOR) as ask:
            made = await ask("/create-user", {"user_agent": "0632"}, **KEY)
            assert made.document == {"user_agent": "LAG1.0632"}
            again = await ask("/create-user", {"user_agent": "0632"}, **KEY)
            assert again.document == made.document
            houses = (await ask("/game/provider", **KEY)).document
            assert isinstance(houses, list)
            assert [house["provider_name"] for house in houses] == list(HOUSES)
            listed = (await ask("/game/list", {"game_provider": HOUSES[0]}, **KEY)).document
            assert isinstance(listed, dict)
            assert {game["game_provider"] for game in listed["items"]} == {HOUSES[0]}
            place = {"user_agent": "LAG1.0632", "game_provider": HOUSES[0]}
            for game in (listed["items"][0]["game_id"], "0"):
                opened = await ask("/game/open-game", {**place, "game_id": game}, **KEY)
                assert opened.status == 200
                assert b"https://play.example.com/" in opened.body
            for wrong in ({"game_id": "7"}, {"game_id": "0", "user_agent": "0632"}):
                refused = await ask("/game/open-game", {**place, **wrong}, **KEY)
                assert (refused.status, refused.document) == (404, {"error": "Not Found"})

    asyncio.run(run())
    assert api.handles == {"0632": "LAG1.0632"}


def test_form_bodies_are_understood_and_only_known_bets_have_a_page() -> None:
    api = aggregator()
    api.bets.add("B1")

    async def run() -> None:
        form = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}
        async with asking(api, AGGREGATOR) as ask:
            path = "/bet-history/report/detail-bet"
            known = (await ask(path, b"bet_id=B1", **form)).document
            assert isinstance(known, dict)
            assert known["status"] is True
            assert known["item"].startswith("https://")
            assert (await ask(path, b"bet_id=B2", **form)).status == 404
            assert (await ask(path, b"{}", **KEY)).status == 400

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, "Invalid API key"),
        ({"x-api-key": "other"}, 401, "Invalid API key"),
        ({**KEY, "x-api-prefix": "XX"}, 401, "Invalid API key"),
        ({**KEY, "x-api-prefix": "LAG1"}, 403, "IP not allowed"),
    ],
)
def test_callers_without_key_or_address_are_refused(
    headers: dict[str, str], status: int, error: str
) -> None:
    api = aggregator()
    api.allowed = frozenset({"203.0.113.1"})

    async def run() -> Heard:
        async with asking(api, AGGREGATOR) as ask:
            return await ask("/game/provider", **headers)

    heard = asyncio.run(run())
    assert (heard.status, heard.document) == (status, {"error": error})


def test_games_are_listed_and_linked_for_signed_requests() -> None:
    api = agent_platform()

    async def run() -> None:
        async with asking(api, AGENT_PLATFORM) as ask:
            body, headers = signed({"agent_id": 1, "timestamp": LINK["timestamp"]})
            listed = (await ask("/api/games/list", body, **headers)).document
            assert isinstance(listed, dict)
            content = listed["content"]
            assert (listed["status"], content["total"]) == ("success", len(content["games"]))
            assert listed["timestamp"] == "2026-06-04T12:00:00.000Z"
            body, headers = signed(LINK)
            linked = (await ask("/api/games/get_game_link", body, **headers)).document
            assert isinstance(linked, dict)
            assert linked["content"]["url"].endswith("gameId=1000000")
            sessionless = {k: v for k, v in LINK.items() if k != "agent_session_id"}
            body, headers = signed(sessionless)
            demo = await ask("/api/games/get_game_link_demo", body, **headers)
            assert b"/demo?" in demo.body

    asyncio.run(run())
    assert api.sessions == [("session-1", "player_123")]


CLOSED = next(title.number for title in titles(1) if not title.is_available)
NO_DEMO = next(title.number for title in titles(1) if not title.has_demo)


@pytest.mark.parametrize(
    ("path", "changes", "status", "code"),
    [
        ("get_game_link", {"agent_id": 2}, 404, "agent_not_found"),
        ("get_game_link", {"game_id": 5}, 404, "game_not_found"),
        ("get_game_link", {"game_id": CLOSED}, 403, "game_not_available"),
        ("get_game_link_demo", {"game_id": NO_DEMO}, 404, "game_provider_not_found"),
        ("get_game_link", {"ip": 7}, 422, "validation_error"),
        ("get_game_link", {"agent_session_id": None}, 422, "validation_error"),
        ("get_game_link", {"timestamp": 1}, 400, "request_expired"),
        ("list", {"timestamp": LINK["timestamp"] + 301}, 400, "request_expired"),  # type: ignore[operator]
    ],
)
def test_every_documented_refusal_has_its_code(
    path: str, changes: dict[str, object], status: int, code: str
) -> None:
    async def run() -> Heard:
        async with asking(agent_platform(), AGENT_PLATFORM) as ask:
            body, headers = signed({**LINK, **changes})
            return await ask(f"/api/games/{path}", body, **headers)

    heard = asyncio.run(run())
    document = heard.document
    assert isinstance(document, dict)
    assert (heard.status, document["status"], document["error"]) == (status, "error", code)


def test_unsigned_wrongly_signed_and_misdirected_requests_are_refused() -> None:
    async def run() -> list[tuple[int, object]]:
        async with asking(agent_platform(), AGENT_PLATFORM) as ask:
            body, headers = signed(LINK)
            path = "/api/games/list"
            answers = [
                await ask(path, body),
                await ask(path, body.replace(b"USD", b"EUR"), **headers),
                await ask(path, b"[]", **headers),
                await ask(path),
                await ask("/api/games/lists", body, **headers),
            ]
            return [(one.status, one.document["error"]) for one in answers]  # type: ignore[index]

    assert asyncio.run(run()) == [
        (401, "signature_required"),
        (403, "invalid_signature"),
        (422, "validation_error"),
        (405, "method_not_allowed"),
        (404, "not_found"),
    ]


def test_a_session_needs_a_token_that_has_not_expired() -> None:
    clock = FrozenClock(NOON)
    api = SportsbookApi(seed=1, username="us", password="secret", clock=clock)
    given = {"username": "us", "password": "secret"}
    player = {"user_id": "42", "currency": "USD"}

    async def run() -> None:
        async with asking(api, SPORTSBOOK) as ask:
            wrong = await ask("/v1/auth", {**given, "password": "guess"})
            assert wrong.status == 401
            token = (await ask("/v1/auth", given)).document
            assert isinstance(token, dict)
            assert token["expires_in"] == 3600
            bearer = {"Authorization": f"Bearer {token['token']}"}
            opened = await ask("/v1/start-session", player, **bearer)
            assert (opened.status, opened.kind) == (200, "application/json")
            assert (await ask("/v1/start-session", player)).status == 401
            assert (await ask("/v1/start-session", {"user_id": 42}, **bearer)).status == 400
            clock.instant = NOON + timedelta(hours=1)
            assert (await ask("/v1/start-session", player, **bearer)).status == 401

    asyncio.run(run())
    assert api.sessions == [("42", "USD")]


@pytest.mark.parametrize("side", ALL_SYSTEMS, ids=name_of)
@pytest.mark.parametrize("trouble", [one for one in ApiFault if one.value.isdigit()])
@pytest.mark.parametrize("asked_by", ["header", "query", "control"])
def test_refusals_are_given_on_request_in_the_form_of_the_system(
    side: System, trouble: ApiFault, asked_by: str
) -> None:
    api = make_api(side, 1)

    async def run() -> Heard:
        async with asking(api, side) as ask:
            if asked_by == "control":
                api.control.inject("/anything", trouble)
            query = f"?simulate={trouble.value}" if asked_by == "query" else ""
            headers = {"X-Simulate": trouble.value} if asked_by == "header" else {}
            return await ask(f"/anything{query}", {}, **headers)

    heard = asyncio.run(run())
    assert heard.status == int(trouble.value)
    assert isinstance(heard.document, dict)
    assert heard.document["error"]
    assert heard.headers.get("Retry-After") == ("1" if heard.status == 429 else None)


def test_troubles_wait_for_their_path_and_end() -> None:
    api = aggregator()
    path = "/game/provider"
    api.control.retry_after = 7
    api.control.inject(path, ApiFault.TOO_MANY, times=2)
    api.control.inject(path, ApiFault.HTML)
    api.control.inject(path, ApiFault.TRUNCATED)

    async def run() -> list[Heard]:
        async with asking(api, AGGREGATOR) as ask:
            other = await ask("/game/list", {"game_provider": HOUSES[0]}, **KEY)
            assert other.status == 200
            return [await ask(path, **KEY) for _ in range(5)]

    busy, _, page, half, whole = asyncio.run(run())
    assert (busy.status, busy.headers["Retry-After"]) == (429, "7")
    assert (page.status, page.kind) == (200, "text/html")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(half.body)
    assert half.body == whole.body[: len(whole.body) // 2]
    assert api.control.count(path) == 5
    assert api.control.requests[-1] == RecordedRequest("GET", path, 200)


def test_a_truncated_answer_hides_work_that_was_done() -> None:
    api = aggregator()
    api.control.inject("/create-user", ApiFault.TRUNCATED)

    async def run() -> None:
        async with asking(api, AGGREGATOR) as ask:
            await ask("/create-user", {"user_agent": "7"}, **KEY)

    asyncio.run(run())
    assert api.handles == {"7": "LAG1.7"}


def test_a_slow_answer_comes_when_it_is_let_go() -> None:
    api = aggregator()
    api.control.inject("/game/provider", ApiFault.SLOW)

    async def run() -> Heard:
        async with asking(api, AGGREGATOR) as ask:
            waiting = asyncio.ensure_future(ask("/game/provider", **KEY))
            prompt = await ask("/game/list", {"game_provider": HOUSES[0]}, **KEY)
            assert prompt.status == 200
            assert not waiting.done()
            api.control.resume.set()
            return await waiting

    assert asyncio.run(run()).status == 200


def test_all_four_are_served_on_one_port_and_say_the_same_for_the_same_seed() -> None:
    async def run() -> list[bytes]:
        async with serve(ALL_SYSTEMS, 0, 5) as served, aiohttp.ClientSession() as session:
            assert set(served.urls) == set(served.apis) == set(ALL_SYSTEMS)
            assert len({url.rpartition("/")[0] for url in served.urls.values()}) == 1
            heard = []
            for side, url in served.urls.items():
                path = "/game/provider" if side is AGGREGATOR else "/"
                async with session.get(url + path, headers=KEY) as response:
                    assert response.content_type == "application/json"
                    heard.append(await response.read())
            base = served.urls[AGGREGATOR]
            asked = {"game_provider": HOUSES[1]}
            async with session.post(f"{base}/game/list", json=asked, headers=KEY) as response:
                heard.append(await response.read())
            return heard

    once, again = asyncio.run(run()), asyncio.run(run())
    assert once[1] == again[1]
    assert once[-1] == again[-1]


def test_the_apis_know_what_was_played() -> None:
    plan = make_plan(seed=4, callbacks=400, players=5, systems=ALL_SYSTEMS, currency="USD")
    lines = history_of(plan)

    async def run() -> None:
        async with serve(ALL_SYSTEMS, 0, 4) as served, aiohttp.ClientSession() as session:
            served.remember(lines, RunSpan(NOON, NOON, len(plan.steps)))
            bet = next(line.round_id for line in lines if line.side is AGGREGATOR)
            url = served.urls[AGGREGATOR] + "/bet-history/report/detail-bet"
            for asked, status in ((bet, 200), (f"{bet}-X", 404)):
                async with session.post(url, json={"bet_id": asked}, headers=KEY) as response:
                    assert response.status == status
            cards = served.apis[XIGS]
            assert isinstance(cards, XigsApi)
            known = {row["roundId"] for rounds in cards.state.rounds.values() for row in rounds}
            assert known == {line.round_id for line in lines if line.side is XIGS}

    asyncio.run(run())
