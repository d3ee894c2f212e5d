"""The aggregator's API: requests as documented, to the byte; what comes back, typed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from providers.aggregator.client import AggregatorClient, AggregatorCredentials, Personal
from providers.outbound.launch import Game, GameProvider, Launch, RegisteredPlayer
from tests.harness.providers.api_server import ApiServer, Scripted, Seen, outbound, served
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable

KEY = "canary-key-4f1d9c"
PREFIXED = AggregatorCredentials(api_key=KEY, prefix="LAG1")

CREATE = "/create-user"
HOUSES = "/game/provider"
GAMES = "/game/list"
OPEN = "/game/open-game"
DETAIL = "/bet-history/report/detail-bet"

Action = Callable[[AggregatorClient], Awaitable[object]]

#: Per endpoint: what is called, and the documented reply.
CALLS: dict[str, tuple[Action, bytes]] = {
    CREATE: (
        lambda client: client.create_user("0632094194"),
        b'{\n  "user_agent": "LAG1.0632094194"\n}',
    ),
    HOUSES: (
        lambda client: client.game_providers(),
        b'[{"provider_name": "PGSoft", "display_name": "pg soft", "image": "https://x.example/p"}]',
    ),
    GAMES: (
        lambda client: client.games("PGSoft"),
        (
            b'{"is_item":true,"items":[{"game_id":"1513328","game_name":"Super Golf Drive",'
            b'"game_provider": "PGSoft", "game_type": "slot", "is_active": true,'
            b'"game_image": "https://x.example/g"}]}'
        ),
    ),
    OPEN: (
        lambda client: client.open_game(handle="LAG1.0632094194", game_provider="PGSoft"),
        b'{"is_item": false, "url": "https://play.example.com/launch?token=..."}',
    ),
    DETAIL: (
        lambda client: client.bet_detail("64aa6ac13b909c3b91986abe"),
        b'{"status": true, "item": "https://history.example.com/redirect.html?trace_id=..."}',
    ),
}
REPEATED = {HOUSES, GAMES, DETAIL}

every_call = pytest.mark.parametrize("path", CALLS)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


async def called(
    path: str,
    *answers: Scripted,
    action: Action | None = None,
    credentials: AggregatorCredentials = PREFIXED,
) -> tuple[Any, ApiServer]:
    """What came of one call, and the server with what it saw."""
    async with served({path: answers}) as server, outbound(server) as out:
        client = AggregatorClient(out, credentials)
        try:
            return await (action or CALLS[path][0])(client), server
        except ApiError as error:
            return error, server


def documented(path: str) -> Scripted:
    return Scripted(body=CALLS[path][1])


def sent(path: str, action: Action, credentials: AggregatorCredentials = PREFIXED) -> Seen:
    _, server = asyncio.run(
        called(path, documented(path), action=action, credentials=credentials)
    )
    (seen,) = server.seen
    return seen


def test_a_player_is_registered_as_documented() -> None:
    personal = Personal(
        firstname="Test",
        lastname="01",
        password="aa1234",
        phone="0632094194",
        ip="203.0.113.22",
    )

    seen = sent(CREATE, lambda client: client.create_user("0632094194", personal))

    assert (seen.method, seen.path) == ("POST", "/create-user")
    assert seen.headers["x-api-key"] == KEY
    assert seen.headers["x-api-prefix"] == "LAG1"
    assert seen.headers["content-type"] == "application/json"
    assert seen.body == (
        b'{"user_agent":"0632094194","firstname":"Test","lastname":"01","password":"aa1234",'
        b'"phone":"0632094194","ip":"203.0.113.22"}'
    )


def test_what_is_not_given_is_not_sent() -> None:
    bare = AggregatorCredentials(api_key=KEY)

    seen = sent(CREATE, lambda client: client.create_user("ñ/1"), bare)

    assert seen.body == '{"user_agent":"ñ/1"}'.encode()
    assert "x-api-prefix" not in seen.headers


def test_houses_games_and_details_are_asked_for_as_documented() -> None:
    houses = sent(HOUSES, lambda client: client.game_providers())
    games = sent(GAMES, lambda client: client.games("PGSoft", mobile=True))
    detail = sent(DETAIL, lambda client: client.bet_detail("64aa6ac13b909c3b91986abe"))

    assert (houses.method, houses.path, houses.body) == ("GET", HOUSES, b"")
    assert games.body == b'{"game_provider":"PGSoft","mobile":true}'
    assert detail.body == b'{"bet_id":"64aa6ac13b909c3b91986abe"}'
    assert {each.headers["x-api-key"] for each in (houses, games, detail)} == {KEY}


def test_a_game_is_opened_as_documented() -> None:
    seen = sent(
        OPEN,
        lambda client: client.open_game(
            handle="LAG1.0632094194",
            game_provider="PGSoft",
            game_id="1513328",
            redirect_url="https://your-site.example/lobby",
            mobile=True,
            ip="203.0.113.22",
        ),
    )
    lobby = sent(OPEN, CALLS[OPEN][0])

    assert seen.body == (
        b'{"user_agent":"LAG1.0632094194","game_provider":"PGSoft","game_id":"1513328",'
        b'"redirect_url":"https://your-site.example/lobby","mobile":true,"ip":"203.0.113.22"}'
    )
    assert json.loads(lobby.body)["game_id"] == "0"


def test_bodies_may_go_form_encoded() -> None:
    form = AggregatorCredentials(api_key=KEY, form_bodies=True)

    seen = sent(GAMES, lambda client: client.games("PG & Soft=ñ", mobile=False), form)

    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.body == b"game_provider=PG+%26+Soft%3D%C3%B1&mobile=false"


def test_the_documented_replies_are_read() -> None:
    results = {path: asyncio.run(called(path, documented(path)))[0] for path in CALLS}

    golf = Game(
        game_id="1513328",
        title="Super Golf Drive",
        provider="PGSoft",
        kind="slot",
        is_active=True,
        has_demo=False,
    )
    assert results == {
        CREATE: RegisteredPlayer("LAG1.0632094194"),
        HOUSES: (GameProvider(name="PGSoft", title="pg soft"),),
        GAMES: (golf,),
        OPEN: Launch("https://play.example.com/launch?token=..."),
        DETAIL: Launch("https://history.example.com/redirect.html?trace_id=..."),
    }
    assert "token" not in repr(results[OPEN])


@every_call
def test_only_reading_is_repeated(path: str) -> None:
    found, server = asyncio.run(called(path, Scripted(status=503), documented(path)))

    if path in REPEATED:
        assert len(server.seen) == 2
        assert server.seen[0].body == server.seen[1].body
    else:
        assert len(server.seen) == 1
        assert isinstance(found, ApiUnavailable)
        assert (found.attempts, found.endpoint) == (1, f"POST {path}")


@every_call
@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "Invalid API key"), (403, "IP not allowed"), (404, "Not Found")],
)
def test_every_documented_refusal_is_named(path: str, status: int, said: str) -> None:
    answer = Scripted(status=status, body=json.dumps({"error": said}).encode())

    error, server = asyncio.run(called(path, answer))

    assert isinstance(error, ApiRefused)
    assert (error.status, error.code, error.attempts) == (status, said, 1)
    assert len(server.seen) == 1
    assert KEY not in repr(error)


def test_their_500_with_a_text_is_unavailable_and_the_text_stays_unsaid() -> None:
    answer = Scripted(status=500, body=f'{{"error":"key {KEY} broke it"}}'.encode())

    error, server = asyncio.run(called(HOUSES, answer))

    assert isinstance(error, ApiUnavailable)
    assert (error.attempts, len(server.seen)) == (3, 3)
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (CREATE, b"{}", "user_agent: a value"),
        (CREATE, b'{"user_agent":""}', "user_agent: text"),
        (CREATE, b'{"error":"taken"}', "user_agent: a value"),
        (HOUSES, b"{}", "body: a list"),
        (HOUSES, b'[{"display_name":"x"}]', "body[0].provider_name: a value"),
        (GAMES, b'{"is_item":false,"url":"https://x.example"}', "items: a value"),
        (GAMES, b'{"items":[{"game_id":1.5,"game_provider":"P"}]}', "items[0].game_id: text"),
        (GAMES, b'{"items":[{"game_id":"1","game_provider":"P","is_active":1}]}', "is_active"),
        (GAMES, b'{"items":["1"]}', "items[0]: an object"),
        (OPEN, b'{"is_item":true,"items":[]}', "url: a value"),
        (OPEN, b'{"url":"javascript:alert(1)"}', "url: a link"),
        (OPEN, b'{"url":"https://x.example/\\nSet-Cookie"}', "url: a link"),
        (OPEN, b'{"url":"https://' + b"x" * 5000 + b'"}', "url: a link"),
        (OPEN, b'{"url":null}', "url: a link"),
        (DETAIL, b'{"status":false,"item":"https://x.example"}', "status: true"),
        (DETAIL, b'{"status":true}', "item: a value"),
    ],
)
def test_a_reply_of_another_shape_is_unreadable_and_names_the_place(
    path: str, body: bytes, place: str
) -> None:
    error, _ = asyncio.run(called(path, Scripted(body=body)))

    assert isinstance(error, ApiUnreadable)
    assert place in str(error)


def test_a_number_as_game_id_keeps_its_digits_and_odd_labels_are_left_out() -> None:
    body = (
        b'{"items":[{"game_id":12345678901234567890,"game_provider":"P","game_name":"a\\u0007",'
        b'"game_type":null,"is_active":false}]}'
    )

    (game,), _ = asyncio.run(called(GAMES, Scripted(body=body)))

    assert (game.game_id, game.title, game.kind) == ("12345678901234567890", "", "")
    assert not game.is_active


def test_the_key_shows_in_no_repr() -> None:
    assert KEY not in repr(PREFIXED)
