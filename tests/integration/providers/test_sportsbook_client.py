"""The sportsbook's API: one token for all, renewed early, once, and never in a loop."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from providers.outbound.launch import Launch
from providers.sportsbook.client import SportsbookClient, SportsbookCredentials
from tests.harness.providers.api_server import (
    HANGS,
    ApiServer,
    Scripted,
    Seen,
    outbound,
    served,
)
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable

GIVEN = SportsbookCredentials(version="v1", username="canary-user", password="canary-pass")
AUTH = "/v1/auth"
START = "/v1/start-session"
NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)

OPENED = Scripted(body=b'{"url": "https://bets.example.com/frame?t=1"}')
DENIED = Scripted(status=401, body=b"{}")


def token(name: str, expires_in: str = '"3600"') -> Scripted:
    return Scripted(body=f'{{"token":"{name}","expires_in":{expires_in}}}'.encode())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


class Scene:
    """A client, its clock and the API it speaks with."""

    def __init__(self, server: ApiServer, client: SportsbookClient, clock: FrozenClock) -> None:
        self.server = server
        self.client = client
        self.clock = clock

    async def start(self, player: str = "p1") -> Launch:
        return await self.client.start_session(user_id=player, currency="EUR", lang="en")

    def at(self, path: str) -> list[Seen]:
        return [each for each in self.server.seen if each.path == path]

    def bearers(self) -> list[str]:
        return [each.headers["authorization"] for each in self.at(START)]


class Play:
    """``async with``: a scene over scripted answers."""

    def __init__(self, auth: list[Scripted], start: list[Scripted], seconds: int = 20) -> None:
        self._serving = served({AUTH: auth, START: start})
        self._seconds = seconds

    async def __aenter__(self) -> Scene:
        server = await self._serving.__aenter__()
        clock = FrozenClock(NOON)
        self._out = outbound(server, clock=clock, deadline=timedelta(seconds=self._seconds))
        await self._out.__aenter__()
        self._client = SportsbookClient(self._out, GIVEN, clock=clock)
        return Scene(server, self._client, clock)

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._out.__aexit__(None, None, None)
        await self._serving.__aexit__(None, None, None)


async def failed(scene: Scene) -> ApiError:
    try:
        await scene.start()
    except ApiError as error:
        return error
    raise AssertionError("an error is expected")


def test_a_session_is_started_as_documented() -> None:
    async def scenario() -> None:
        async with Play([token("T1")], [OPENED]) as scene:
            launch = await scene.start()
            await scene.client.start_session(user_id="0017", currency="USD")

            auth, first, second = scene.server.seen
        assert launch == Launch("https://bets.example.com/frame?t=1")
        assert (auth.method, auth.path) == ("POST", "/v1/auth")
        assert auth.headers["content-type"] == "application/json"
        assert auth.body == b'{"username":"canary-user","password":"canary-pass"}'
        assert (first.method, first.path) == ("POST", "/v1/start-session")
        assert first.headers["authorization"] == "Bearer T1"
        assert first.body == b'{"user_id":"p1","currency":"EUR","lang":"en"}'
        assert second.body == b'{"user_id":"0017","currency":"USD"}'

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("expires_in", "still_good", "renewed"),
    [("3600", 3539, 3541), ('"3600"', 3539, 3541), ("300", 269, 271), ("1", 29, 31)],
)
def test_a_token_is_kept_and_renewed_a_little_early(
    expires_in: str, still_good: int, renewed: int
) -> None:
    async def scenario() -> None:
        tokens = [token("T1", expires_in), token("T2", expires_in)]
        async with Play(tokens, [OPENED]) as scene:
            await scene.start()
            scene.clock.instant = NOON + timedelta(seconds=still_good)
            await scene.start()
            scene.clock.instant = NOON + timedelta(seconds=renewed)
            await scene.start()

            assert scene.bearers() == ["Bearer T1", "Bearer T1", "Bearer T2"]
            assert len(scene.at(AUTH)) == 2

    asyncio.run(scenario())


def test_many_sessions_at_once_share_one_login() -> None:
    async def scenario() -> None:
        held = asyncio.Event()
        slow = Scripted(body=token("T1").body, after=held)
        async with Play([slow, token("T2")], [OPENED]) as scene:
            waiting = [asyncio.create_task(scene.start(f"p{n}")) for n in range(20)]
            await scene.server.wait_for(1)
            held.set()
            await asyncio.gather(*waiting)

            assert len(scene.at(AUTH)) == 1
            assert set(scene.bearers()) == {"Bearer T1"}
            assert len(scene.bearers()) == 20

    asyncio.run(scenario())


def test_a_login_that_fails_fails_for_all_who_wait_and_is_tried_anew_for_the_next() -> None:
    async def scenario() -> None:
        held = asyncio.Event()
        wrong = Scripted(status=403, body=b"<html>", after=held)
        async with Play([wrong, token("T2")], [OPENED]) as scene:
            waiting = [asyncio.create_task(failed(scene)) for _ in range(10)]
            await scene.server.wait_for(1)
            held.set()
            errors = await asyncio.gather(*waiting)

            assert {type(error) for error in errors} == {ApiRefused}
            assert {(error.status, error.endpoint) for error in errors} == {(403, "POST /auth")}
            assert len(scene.at(AUTH)) == 1
            assert scene.at(START) == []
            await scene.start()
            assert scene.bearers() == ["Bearer T2"]

    asyncio.run(scenario())


def test_a_login_outlives_the_call_that_began_it() -> None:
    async def scenario() -> None:
        held = asyncio.Event()
        slow = Scripted(body=token("T1").body, after=held)
        async with Play([slow, token("T2")], [OPENED]) as scene:
            first = asyncio.create_task(scene.start("impatient"))
            await scene.server.wait_for(1)
            second = asyncio.create_task(scene.start("patient"))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first])
            held.set()
            await second

            assert first.cancelled()
            assert (len(scene.at(AUTH)), scene.bearers()) == (1, ["Bearer T1"])

    asyncio.run(scenario())


def test_a_token_refused_before_its_time_leads_to_one_login_and_one_more_try() -> None:
    async def scenario() -> None:
        async with Play([token("T1"), token("T2")], [DENIED, OPENED]) as scene:
            launch = await scene.start()

            assert launch.url.startswith("https://bets.example.com/")
            assert scene.bearers() == ["Bearer T1", "Bearer T2"]
            assert len(scene.at(AUTH)) == 2

    asyncio.run(scenario())


def test_a_token_refused_twice_is_an_error_and_not_a_loop() -> None:
    async def scenario() -> None:
        async with Play([token("T1"), token("T2")], [DENIED]) as scene:
            error = await failed(scene)

            assert isinstance(error, ApiRefused)
            assert (error.status, error.endpoint) == (401, "POST /start-session")
            assert len(scene.at(AUTH)) == 2
            assert len(scene.at(START)) == 2

    asyncio.run(scenario())


def test_sessions_refused_at_once_share_one_new_login() -> None:
    async def scenario() -> None:
        held = asyncio.Event()
        denied = Scripted(status=401, after=held)
        async with Play([token("T1"), token("T2")], [denied] * 8 + [OPENED]) as scene:
            waiting = [asyncio.create_task(scene.start(f"p{n}")) for n in range(8)]
            await scene.server.wait_for(9)
            held.set()
            await asyncio.gather(*waiting)

            assert len(scene.at(AUTH)) == 2
            assert sorted(scene.bearers()) == ["Bearer T1"] * 8 + ["Bearer T2"] * 8

    asyncio.run(scenario())


def test_a_refused_login_is_not_repeated() -> None:
    async def scenario() -> None:
        async with Play([DENIED], [OPENED]) as scene:
            error = await failed(scene)

            assert isinstance(error, ApiRefused)
            assert (error.status, error.endpoint, error.attempts) == (401, "POST /auth", 1)
            assert scene.server.paths() == [AUTH]
            assert "canary" not in str(error)

    asyncio.run(scenario())


def test_a_failing_login_is_repeated_and_a_failing_session_is_not() -> None:
    async def scenario() -> None:
        down = Scripted(status=503)
        async with Play([down, token("T1")], [down, OPENED]) as scene:
            error = await failed(scene)

            assert isinstance(error, ApiUnavailable)
            assert (error.endpoint, error.attempts) == ("POST /start-session", 1)
            assert scene.server.paths() == [AUTH, AUTH, START]

    asyncio.run(scenario())


def test_login_and_session_share_one_deadline() -> None:
    async def scenario() -> None:
        async with Play([token("T1")], [Scripted(mischief=HANGS)], seconds=1) as scene:
            began = asyncio.get_running_loop().time()
            error = await failed(scene)

            assert asyncio.get_running_loop().time() - began < 2
            assert isinstance(error, ApiUnavailable)
            assert len(scene.at(START)) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"token":"T"}', "expires_in: a value"),
        (b'{"token":"T","expires_in":"soon"}', "expires_in: a whole number"),
        (b'{"token":"T","expires_in":-1}', "expires_in: a whole number"),
        (b'{"token":"T","expires_in":99999999999}', "expires_in: a number of seconds"),
        (b'{"token":"a b","expires_in":1}', "token: a token"),
        (b'{"token":"a\\r\\nX: y","expires_in":1}', "token: a token"),
        (b'{"token":"","expires_in":1}', "token: a token"),
        (b'{"token":7,"expires_in":1}', None),
    ],
)
def test_a_token_of_another_shape_is_unreadable(body: bytes, place: str | None) -> None:
    async def scenario() -> None:
        async with Play([Scripted(body=body)], [OPENED]) as scene:
            error = await failed(scene)

            assert isinstance(error, ApiUnreadable)
            assert (place or "token: a token") in str(error)
            assert scene.at(START) == []

    asyncio.run(scenario())


def test_the_credentials_show_in_no_repr() -> None:
    assert "canary" not in repr(GIVEN)
