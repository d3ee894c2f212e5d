"""The scratch-card platform's API: one login, signed writes, lists to their end."""

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.xigs.client import Session, User
from tests.harness.providers.api_server import Scripted, Seen, outbound, served
from tests.harness.providers.xigs_admin import Profile, XigsAdminClient
from tests.harness.providers.xigs_api import KEY, LOGIN, NOON, Action, play, success, tokens
from tests.harness.servers.node import javascript_sorted_signatures
from vocabulary.clock import FrozenClock
from vocabulary.errors import ApiRefused, ApiUnavailable, ApiUnreadable
from vocabulary.money import Money

DENIED = Scripted(status=401, body=b'{"status":"error"}')
DEMO_PROFILE = Profile(email="ops@example.com", description="d", profile_type="demo")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.outbound.http_transport.PAUSE_MS", 4)


def sent(script: dict[str, list[Scripted]], action: Action) -> tuple[Any, Seen]:
    """The result of one action and the request after the login."""
    (result,), server = asyncio.run(play(script, action))
    login, seen = server.seen
    assert login.path == LOGIN
    return result, seen


def test_login_is_asked_for_once_as_documented() -> None:
    _, server = asyncio.run(play({}, lambda c: c.login(), lambda c: c.login()))

    (login,) = server.seen
    assert (login.method, login.path) == ("POST", LOGIN)
    assert login.headers["content-type"] == "application/json"
    assert login.body == b'{"apiKey":"canary-key"}'
    assert "authorization" not in login.headers


#: Per write: the action, its path, the reply's data, and the body, keys sorted at every depth.
WRITES: dict[str, tuple[Action, str, dict[str, str], bytes]] = {
    "profile": (
        lambda c: c.create_profile(DEMO_PROFILE),
        "/v1/profile",
        {"profileId": "P1"},
        b'{"description":"d","email":"ops@example.com","profileType":"demo"}',
    ),
    "profile update": (
        lambda c: c.update_profile("P/1", DEMO_PROFILE),
        "/v1/profile/P%2F1",
        {},
        b'{"description":"d","email":"ops@example.com","profileType":"demo"}',
    ),
    "user": (
        lambda c: c.authenticate_user(
            profile_id="P1", credential="zoë/1", credential_type="username"
        ),
        "/v1/user/auth",
        {"userToken": "canary-user", "userId": "U1"},
        '{"credential":"zoë/1","credentialType":"username","profileId":"P1"}'.encode(),
    ),
    "session": (
        lambda c: c.create_session(user_token="T", game_id="G", balance=Money(1050, "USD")),
        "/v1/game/session",
        {
            "sessionId": "S1",
            "gameUrl": "https://play.example.com/canary",
            "expiresAt": "2026-06-04T14:00:00Z",
        },
        b'{"balance":10.5,"gameId":"G","userToken":"T"}',
    ),
    "game": (
        lambda c: c.configure_game({"z": {"b": "1", "a": ["x", {"d": None, "c": True}]}}),
        "/v1/game",
        {"gameId": "G"},
        b'{"z":{"a":["x",{"c":true,"d":null}],"b":"1"}}',
    ),
    "webhook": (
        lambda c: c.create_webhook(
            url="https://example.com/hook",
            triggers=("open-round", "close-round"),
            signature_token="6a2f41a3-c54c-fce8-32d2-0324e1c32e22",
        ),
        "/v1/webhook",
        {"webhookId": "W1"},
        (
            b'{"eventTriggers":["open-round","close-round"],'
            b'"signatureToken":"6a2f41a3-c54c-fce8-32d2-0324e1c32e22",'
            b'"url":"https://example.com/hook"}'
        ),
    ),
}
every_write = pytest.mark.parametrize("name", WRITES)


def written(name: str, *answers: Scripted) -> dict[str, list[Scripted]]:
    path = WRITES[name][1].replace("%2F", "/")
    return {path: list(answers) or [success(WRITES[name][2], status=201)]}


@every_write
def test_a_write_is_sorted_signed_and_sent_byte_for_byte(name: str) -> None:
    action, path, _, body = WRITES[name]

    _, seen = sent(written(name), action)

    expected = hmac.new(b"signature-1", seen.body, hashlib.sha512).hexdigest()
    assert (seen.path, seen.body) == (path, body)
    assert seen.method == ("PUT" if name == "profile update" else "POST")
    assert seen.headers["x-signed-request"] == expected
    assert seen.headers["authorization"] == "Bearer access-1"
    assert seen.headers["content-type"] == "application/json"


def test_javascript_that_sorts_the_body_anew_gets_the_same_signature() -> None:
    bodies = [body.decode() for _, _, _, body in WRITES.values()]

    answers = javascript_sorted_signatures(bodies, "signature-1")

    expected = [
        (body, hmac.new(b"signature-1", body.encode(), hashlib.sha512).hexdigest())
        for body in bodies
    ]
    assert answers == expected


def test_what_was_written_comes_back_typed_and_its_secrets_show_in_no_repr() -> None:
    results = {name: sent(written(name), WRITES[name][0])[0] for name in WRITES}

    assert results == {
        "profile": "P1",
        "profile update": None,
        "user": User(token="canary-user", user_id="U1"),
        "session": Session(
            session_id="S1",
            url="https://play.example.com/canary",
            expires_at=datetime(2026, 6, 4, 14, 0, 0, tzinfo=UTC),
        ),
        "game": {"gameId": "G"},
        "webhook": "W1",
    }
    assert "canary" not in repr(results)


@every_write
def test_a_write_is_sent_once(name: str) -> None:
    down = Scripted(status=503)

    (error,), server = asyncio.run(play(written(name, down), WRITES[name][0]))

    assert isinstance(error, ApiUnavailable)
    assert (error.attempts, len(server.seen)) == (1, 2)
    assert "P/1" not in error.endpoint


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_a_refused_write_is_typed(status: int) -> None:
    refused = Scripted(status=status, body=b'{"status":"error","message":"canary"}')

    (error,), server = asyncio.run(play(written("webhook", refused), WRITES["webhook"][0]))

    assert isinstance(error, ApiRefused)
    assert (error.status, error.endpoint) == (status, "POST /v1/webhook")
    assert "canary" not in repr(error)
    assert len(server.seen) == 2


def test_the_tokens_are_kept_until_they_expire_and_shared() -> None:
    async def scenario() -> None:
        clock = FrozenClock(NOON)
        many = {"/v1/profile": [success({"profileId": "P"}, status=201)]}
        expiring = [tokens(1), tokens(2, "2026-06-04T16:00:00.000Z")]
        serving = served({LOGIN: expiring, **many})
        async with serving as server, outbound(server, clock=clock) as out:
            client = XigsAdminClient(out, api_key=KEY, clock=clock)
            await asyncio.gather(*(client.create_profile(DEMO_PROFILE) for _ in range(12)))
            clock.instant = NOON + timedelta(minutes=119, seconds=59)
            await client.create_profile(DEMO_PROFILE)
            assert server.paths().count(LOGIN) == 1

            clock.instant = NOON + timedelta(hours=2)
            await client.create_profile(DEMO_PROFILE)
            await client.create_profile(DEMO_PROFILE)
            await client.close()

        assert server.paths().count(LOGIN) == 2
        last = server.seen[-1]
        assert last.headers["authorization"] == "Bearer access-2"
        expected = hmac.new(b"signature-2", last.body, hashlib.sha512).hexdigest()
        assert last.headers["x-signed-request"] == expected

    asyncio.run(scenario())


def test_tokens_that_come_expired_do_not_lead_to_a_login_per_request() -> None:
    expired = [tokens(n, "2020-01-01T00:00:00Z") for n in range(1, 20)]
    action = WRITES["profile"][0]

    _, server = asyncio.run(play({LOGIN: expired, **written("profile")}, *[action] * 10))

    assert server.paths().count(LOGIN) == 1


def test_a_platform_that_refuses_everything_is_not_logged_in_to_for_every_request() -> None:
    async def scenario() -> None:
        clock = FrozenClock(NOON)
        action = WRITES["profile"][0]

        async def later(_client: XigsAdminClient) -> None:
            clock.instant = NOON + timedelta(minutes=2)

        results, server = await play(
            written("profile", DENIED), *[action] * 5, later, *[action] * 5, clock=clock
        )

        errors = [result for result in results if result is not None]
        assert {(type(error), error.status) for error in errors} == {(ApiRefused, 401)}
        assert server.paths().count(LOGIN) == 2

    asyncio.run(scenario())


def test_tokens_revoked_early_are_renewed_once_and_the_call_goes_through() -> None:
    async def scenario() -> None:
        clock = FrozenClock(NOON)

        async def later(_client: XigsAdminClient) -> None:
            clock.instant = NOON + timedelta(minutes=2)

        made = success({"profileId": "P"}, status=201)
        action = WRITES["profile"][0]
        results, server = await play(
            written("profile", made, DENIED, made), action, later, action, clock=clock
        )

        assert results == ["P", None, "P"]
        bearers = [s.headers["authorization"] for s in server.seen if s.path != LOGIN]
        assert bearers == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]

    asyncio.run(scenario())


def test_a_login_with_429_keeps_every_call_away_until_it_is_over() -> None:
    busy = Scripted(status=429, headers={"Retry-After": "600"})

    results, server = asyncio.run(
        play({LOGIN: [busy], **written("profile")}, *[WRITES["profile"][0]] * 5)
    )

    assert {(type(error), error.status) for error in results} == {(ApiUnavailable, 429)}
    assert server.paths() == [LOGIN]


@pytest.mark.parametrize(
    "data",
    [
        {"signatureToken": "s", "expireAt": "2026-06-04T14:00:00Z"},
        {"accessToken": "a", "expireAt": "2026-06-04T14:00:00Z"},
        {"accessToken": "a", "signatureToken": "s", "expireAt": "in two hours"},
        {"accessToken": "a\nb", "signatureToken": "s", "expireAt": "2026-06-04T14:00:00Z"},
    ],
)
def test_a_login_of_another_shape_is_unreadable(data: dict[str, str]) -> None:
    (error,), server = asyncio.run(play({LOGIN: [success(data)]}, lambda c: c.login()))

    assert isinstance(error, ApiUnreadable)
    assert error.endpoint == "POST /v1/auth/login"
    assert len(server.seen) == 1
