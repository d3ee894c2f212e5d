"""The agent platform's API: the bytes signed are the bytes sent, and only 200 is a success."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.agent_platform.client import (
    CODES,
    AgentPlatformClient,
    AgentPlatformCredentials,
    GameSession,
)
from providers.outbound.launch import Game, Launch
from tests.harness.providers.api_server import ApiServer, Scripted, Seen, outbound, served
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable

TOKEN = b"canary-token-4f1d9c"
GIVEN = AgentPlatformCredentials(agent_id=1, api_token=TOKEN)
NOW = datetime(2022, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)

LINK = "/api/games/get_game_link"
DEMO = "/api/games/get_game_link_demo"
LIST = "/api/games/list"

JOHN = GameSession(
    game_id=123,
    player_id="player_123",
    player_username="john_doe",
    language="ru",
    currency="RUB",
    home_url="https://example.com",
    ip="192.0.2.1",
)
Action = Callable[[AgentPlatformClient], Awaitable[Any]]


def success(content: str) -> Scripted:
    return Scripted(
        body=(
            '{"status":"success","timestamp":"2024-01-01T00:00:00.000Z",'
            f'"request_id":"ba9d4445","content":{content}}}'
        ).encode()
    )


def failure(status: int, code: str, timestamp: str = "2022-01-01T00:00:00.000Z") -> Scripted:
    document = {
        "status": "error",
        "error": code,
        "message": "canary-message",
        "timestamp": timestamp,
        "request_id": "ba9d4445",
    }
    return Scripted(status=status, body=json.dumps(document).encode())


OPENED = success('{"url":"https://game.example.com/play?token=abc123&gameId=123"}')
LISTED = success(
    '{"games":[{"id":1,"title":"Champagne Party","brand":"Mega","image_url":"https://x.example",'
    '"demo":true},{"id":2,"title":"Book of Fortune","brand":"Mega","demo":false}],"total":2}'
)

#: Per endpoint: what is called, and a good reply.
CALLS: dict[str, tuple[Action, Scripted]] = {
    LINK: (lambda client: client.get_game_link(JOHN, agent_session_id="s"), OPENED),
    DEMO: (lambda client: client.get_game_link_demo(JOHN), OPENED),
    LIST: (lambda client: client.games(), LISTED),
}
every_call = pytest.mark.parametrize("path", CALLS)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


async def called(
    path: str, *answers: Scripted, action: Action | None = None
) -> tuple[Any, ApiServer]:
    clock = FrozenClock(NOW)
    async with served({path: answers}) as server, outbound(server, clock=clock) as out:
        client = AgentPlatformClient(out, GIVEN, clock=clock)
        try:
            return await (action or CALLS[path][0])(client), server
        except ApiError as error:
            return error, server
        finally:
            await client.close()


def sent(path: str, action: Action | None = None) -> Seen:
    _, server = asyncio.run(called(path, CALLS[path][1], action=action))
    (seen,) = server.seen
    return seen


def test_a_game_link_is_asked_for_with_sorted_escaped_signed_json() -> None:
    seen = sent(LINK, lambda client: client.get_game_link(JOHN, agent_session_id="s/é"))

    assert (seen.method, seen.path) == ("POST", LINK)
    assert seen.headers["content-type"] == "application/json"
    assert seen.body == (
        rb'{"agent_id":1,"agent_session_id":"s\/\u00e9","currency":"RUB","game_id":123,'
        rb'"home_url":"https:\/\/example.com","ip":"192.0.2.1","language":"ru",'
        rb'"player_id":"player_123","player_username":"john_doe","timestamp":1640995200}'
    )


def test_a_demo_link_needs_no_session_and_the_list_needs_nothing() -> None:
    demo = json.loads(sent(DEMO).body)
    link = json.loads(sent(LINK).body)

    assert link.keys() - demo.keys() == {"agent_session_id"}
    assert sent(LIST).body == b'{"agent_id":1,"timestamp":1640995200}'


@every_call
def test_the_signature_is_over_the_bytes_sent(path: str) -> None:
    emoji = replace(
        JOHN, player_username="Zoë 🎰 </script>", home_url="https://example.com/ü?a=b"
    )
    actions: dict[str, Action] = {
        LINK: lambda client: client.get_game_link(emoji, agent_session_id="s"),
        DEMO: lambda client: client.get_game_link_demo(emoji),
        LIST: lambda client: client.games(),
    }

    seen = sent(path, actions[path])

    expected = hmac.new(TOKEN, seen.body, hashlib.sha256).hexdigest()
    assert seen.headers["x-signature"] == expected
    assert seen.body.isascii()
    assert list(json.loads(seen.body)) == sorted(json.loads(seen.body))


def test_the_documented_replies_are_read() -> None:
    link, _ = asyncio.run(called(LINK, OPENED))
    games, _ = asyncio.run(called(LIST, LISTED))

    assert link == Launch("https://game.example.com/play?token=abc123&gameId=123")
    assert games[0] == Game(
        game_id="1",
        title="Champagne Party",
        provider="Mega",
        kind="",
        is_active=True,
        has_demo=True,
    )
    assert [game.has_demo for game in games] == [True, False]


def test_the_list_is_kept_for_hours_and_asked_for_once_however_many_want_it() -> None:
    async def scenario() -> None:
        clock = FrozenClock(NOW)
        async with served({LIST: [LISTED]}) as server, outbound(server, clock=clock) as out:
            client = AgentPlatformClient(out, GIVEN, clock=clock)
            many = await asyncio.gather(*(client.games() for _ in range(10)))
            clock.instant = NOW + timedelta(hours=3, minutes=59)
            await client.games()
            assert len(server.seen) == 1

            clock.instant = NOW + timedelta(hours=4)
            await client.games()
            assert len(server.seen) == 2
            await client.games_now()
            await client.close()

        assert len(server.seen) == 3
        assert len(set(many)) == 1

    asyncio.run(scenario())


@every_call
def test_only_the_list_is_repeated(path: str) -> None:
    found, server = asyncio.run(called(path, failure(500, "server_error"), CALLS[path][1]))

    if path == LIST:
        assert len(server.seen) == 2
    else:
        assert len(server.seen) == 1
        assert isinstance(found, ApiUnavailable)
        assert found.attempts == 1


@pytest.mark.parametrize("code", sorted(CODES - {"request_expired"}))
def test_every_documented_code_is_named_and_the_message_is_not(code: str) -> None:
    error, server = asyncio.run(called(LINK, failure(422, code)))

    assert isinstance(error, ApiRefused)
    assert (error.code, error.status, error.attempts) == (code, 422, 1)
    assert f"answered 422, {code}" in str(error)
    assert "canary" not in str(error)
    assert len(server.seen) == 1


def test_an_undocumented_code_stays_unsaid() -> None:
    error, _ = asyncio.run(called(LINK, failure(418, TOKEN.decode())))

    assert isinstance(error, ApiRefused)
    assert (error.code, error.status) == (None, 418)
    assert "canary" not in repr(error)


@pytest.mark.parametrize(
    ("timestamp", "told"),
    [
        ("2022-01-01T00:06:41.000Z", "clock skew: our clock is 400 s behind"),
        ("2021-12-31T23:50:00.000Z", "clock skew: our clock is 600 s ahead"),
        ("yesterday", "clock skew: compare our clock with theirs"),
    ],
)
def test_an_expired_request_names_the_skew_of_the_clocks(timestamp: str, told: str) -> None:
    error, _ = asyncio.run(called(LINK, failure(400, "request_expired", timestamp)))

    assert isinstance(error, ApiRefused)
    assert error.code == "request_expired"
    assert told in str(error)


@every_call
@pytest.mark.parametrize("status", [201, 202, 206, 302, 403, 404, 500, 503])
def test_any_status_but_200_is_an_error_even_with_data(path: str, status: int) -> None:
    data = replace(CALLS[path][1], status=status)

    error, _ = asyncio.run(called(path, data))

    assert isinstance(error, ApiError)
    assert error.status == status


@pytest.mark.parametrize(
    ("path", "answer", "place"),
    [
        (LINK, Scripted(body=b"{}"), "status: a value"),
        (LINK, replace(failure(200, "game_not_found")), "status: success"),
        (LINK, Scripted(body=b'{"status":"success"}'), "content: a value"),
        (LINK, success("[]"), "content: an object"),
        (LINK, success('{"url":"ftp://x.example"}'), "content.url: a link"),
        (LIST, success('{"games":{},"total":0}'), "content.games: a list"),
        (LIST, success('{"games":[],"total":3}'), "content.total: the number of games"),
        (LIST, success('{"games":[{"id":"x","brand":"b"}],"total":1}'), "games[0].id: a whole"),
        (LIST, success('{"games":[{"id":1}],"total":1}'), "content.games[0].brand: a value"),
        (LIST, success('{"games":[{"id":1,"brand":"b","demo":1}],"total":1}'), "demo: true"),
    ],
)
def test_a_reply_of_another_shape_is_unreadable_and_names_the_place(
    path: str, answer: Scripted, place: str
) -> None:
    error, _ = asyncio.run(called(path, answer))

    assert isinstance(error, ApiUnreadable)
    assert place in str(error)


def test_the_token_shows_in_no_repr() -> None:
    assert "canary" not in repr(GIVEN)
