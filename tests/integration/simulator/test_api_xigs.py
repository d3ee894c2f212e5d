"""The simulated API of the scratch-card platform, over HTTP."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from simulator.api.server import serve
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.scenarios.plan import make_plan
from simulator.systems.xigs.api import XigsApi
from tests.harness.providers.systems import XIGS
from vocabulary.clock import FrozenClock

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
PROFILE = {"email": "ops@example.com", "description": "Ops", "profileType": "demo"}
HOOK = {
    "url": "https://example.com/callbacks/cards",
    "eventTriggers": ["open-round", "close-round"],
    "signatureToken": "7b0c1f0e-5a1d-4f5e-9d5a-0d4f3c2b1a00",
}


class Integrator:
    """A caller that logs in once and signs what it writes."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base
        self.access = ""
        self.signing = ""

    async def log_in(self, key: str = "key") -> int:
        body = json.dumps({"apiKey": key}).encode()
        url = f"{self._base}/v1/auth/login"
        async with self._session.post(url, data=body) as response:
            data = (await response.json()).get("data", {})
            self.access = data.get("accessToken", "")
            self.signing = data.get("signatureToken", "")
            return response.status

    async def read(self, path: str, **query: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.access}"}
        url = self._base + path
        async with self._session.get(url, params=query, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text, parse_float=Decimal, parse_int=Decimal)

    async def write(
        self, path: str, document: Mapping[str, object], *, method: str = "POST"
    ) -> tuple[int, dict[str, Any]]:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hmac.new(self.signing.encode(), text.encode(), hashlib.sha512).hexdigest()
        headers = {"Authorization": f"Bearer {self.access}", "x-signed-request": digest}
        url = self._base + path
        body = json.dumps(document).encode()
        async with self._session.request(method, url, data=body, headers=headers) as response:
            return response.status, await response.json()


Story = Callable[[Integrator], Awaitable[None]]


def play(api: XigsApi, story: Story) -> None:
    """Tell a story to a served API."""

    async def run() -> None:
        async with (
            serve([XIGS], 0, 1, apis={XIGS: api}) as served,
            aiohttp.ClientSession() as session,
        ):
            await story(Integrator(session, served.urls[XIGS]))

    asyncio.run(run())


def fresh(clock: FrozenClock | None = None) -> XigsApi:
    return XigsApi(seed=1, api_key="key", clock=clock or FrozenClock(NOON))


def test_a_user_is_made_and_taken_into_a_game() -> None:
    api = fresh()

    async def story(us: Integrator) -> None:
        assert await us.log_in() == 200
        status, profile = await us.write("/v1/profile", PROFILE)
        assert status == 201
        who = {
            "profileId": profile["data"]["profileId"],
            "credential": "p-1",
            "credentialType": "username",
        }
        _, first = await us.write("/v1/user/auth", who)
        _, again = await us.write("/v1/user/auth", who)
        assert first["data"]["userId"] == again["data"]["userId"]
        assert first["data"]["userToken"] != again["data"]["userToken"]
        asked = {"userToken": first["data"]["userToken"], "gameId": api.games[0]}
        status, opened = await us.write("/v1/game/session", {**asked, "balance": 12.5})
        assert status == 201
        assert opened["data"]["gameUrl"].startswith("https://")
        assert opened["data"]["expiresAt"] == "2026-06-04T14:00:00.000Z"
        assert (await us.write("/v1/game/session", {**asked, "gameId": "no"}))[0] == 404
        _, users = await us.read("/v1/user", userId=first["data"]["userId"])
        assert [user["credential"] for user in users["data"]] == ["p-1"]

    play(api, story)


def test_both_tokens_end_together_and_a_new_login_gives_new_ones() -> None:
    clock = FrozenClock(NOON)

    async def story(us: Integrator) -> None:
        await us.log_in()
        first = (us.access, us.signing)
        assert (await us.read("/v1/profile"))[0] == 200
        clock.instant = NOON + timedelta(hours=2)
        assert (await us.read("/v1/profile"))[0] == 401
        assert (await us.write("/v1/profile", PROFILE))[0] == 401
        await us.log_in()
        assert not set(first) & {us.access, us.signing}
        assert (await us.write("/v1/profile", PROFILE))[0] == 201

    play(fresh(clock), story)


def test_a_wrong_key_is_refused_and_too_many_logins_are_held_up_for_a_minute() -> None:
    clock = FrozenClock(NOON)
    api = fresh(clock)
    api.logins_per_minute = 2

    async def story(us: Integrator) -> None:
        assert await us.log_in("guess") == 401
        assert await us.log_in() == 200
        assert await us.log_in() == 429
        clock.instant = NOON + timedelta(minutes=1)
        assert await us.log_in() == 200

    play(api, story)


def test_writes_need_the_signature_of_what_they_say() -> None:
    async def story(us: Integrator) -> None:
        await us.log_in()
        good, us.signing = us.signing, "other"
        status, refused = await us.write("/v1/profile", PROFILE)
        assert (status, refused["error"]) == (401, "INVALID_SIGNATURE")
        us.signing = good
        nested = {"name": "é", "prize": {"b": [{"d": 1.5, "c": 2}], "a": None}}
        assert (await us.write("/v1/game", nested))[0] == 201
        us.access = "other"
        status, refused = await us.write("/v1/profile", PROFILE)
        assert (status, refused["error"]) == (401, "UNAUTHORIZED")

    play(fresh(), story)


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        ("/v1/profile", {**PROFILE, "profileType": "cassino"}, 400),
        ("/v1/profile", {"email": "ops@example.com"}, 400),
        ("/v1/user/auth", {"profileId": "x", "credential": "a", "credentialType": "uuid"}, 404),
        ("/v1/user/auth", {"profileId": "x", "credential": "a", "credentialType": "name"}, 400),
        ("/v1/webhook", {**HOOK, "eventTriggers": ["round"]}, 400),
        ("/v1/webhook", {**HOOK, "eventTriggers": []}, 400),
        ("/v1/nothing", {}, 404),
    ],
)
def test_wrong_writes_are_refused(path: str, document: dict[str, object], status: int) -> None:
    async def story(us: Integrator) -> None:
        await us.log_in()
        heard, refused = await us.write(path, document)
        assert (heard, refused["status"]) == (status, "error")

    play(fresh(), story)


def test_a_profile_can_be_changed_and_only_where_there_is_one() -> None:
    async def story(us: Integrator) -> None:
        await us.log_in()
        _, made = await us.write("/v1/profile", PROFILE)
        path = f"/v1/profile/{made['data']['profileId']}"
        changed = {**PROFILE, "description": "Others"}
        assert (await us.write(path, changed, method="PUT"))[0] == 200
        assert (await us.write("/v1/profile/none", changed, method="PUT"))[0] == 404
        _, listed = await us.read("/v1/profile")
        assert [one["description"] for one in listed["data"]] == ["Others"]

    play(fresh(), story)


def test_a_webhook_is_registered_once_and_logs_what_it_delivered() -> None:
    api = fresh()

    async def story(us: Integrator) -> None:
        await us.log_in()
        status, made = await us.write("/v1/webhook", HOOK)
        assert status == 201
        assert (await us.write("/v1/webhook", HOOK))[0] == 409
        number = made["data"]["webhookId"]
        payload = {"eventType": "open-round", "roundId": "R1"}
        api.state.delivered(number, payload, status=200, body="{}", now=NOON)
        api.state.delivered(number, payload, status=500, body="", now=NOON)
        _, hooks = await us.read("/v1/webhook")
        hook = hooks["data"][0]
        assert (hook["signatureToken"], hook["successCount"], hook["failureCount"]) == (
            HOOK["signatureToken"],
            1,
            1,
        )
        _, failed = await us.read(f"/v1/webhook/{number}", status="failed")
        assert [one["responseCode"] for one in failed["data"]] == [500]
        assert (await us.read("/v1/webhook/none"))[0] == 404

    play(api, story)


def test_sessions_tell_their_rounds_page_by_page_and_only_when_asked() -> None:
    api = fresh()
    plan = make_plan(seed=3, callbacks=600, players=9, systems=(XIGS,), currency="USD")
    lines = history_of(plan)
    span = RunSpan(NOON, NOON + timedelta(minutes=1), len(plan.steps))
    api.state.play(lines, span, game=api.games[0], until=NOON + timedelta(hours=2))

    async def story(us: Integrator) -> None:
        await us.log_in()
        _, plain = await us.read("/v1/game/session", pageSize="100")
        assert all("rounds" not in one for one in plain["data"])
        count = len(plain["data"])
        told = []
        for page in range(1, -(-count // 4) + 1):
            _, whole = await us.read(
                "/v1/game/session",
                showRoundsAndTransactions="true",
                pageIndex=str(page),
                pageSize="4",
            )
            assert whole["pagination"]["totalCount"] == count
            told += whole["data"]
        assert len(told) == count
        rounds = {one["roundId"]: one for each in told for one in each["rounds"]}
        assert {
            key: (one["bet"], one["prize"], one["status"]) for key, one in rounds.items()
        } == {
            line.round_id: (
                Decimal(line.stake) / 100,
                Decimal(line.payout) / 100,
                "closed" if line.closed else "open",
            )
            for line in lines
        }
        _, moved = await us.read("/v1/transaction", dateStart="2026-06-04")
        closed = sum(line.closed for line in lines)
        assert moved["pagination"]["totalCount"] == len(lines) + closed
        _, none = await us.read("/v1/transaction", dateStart="2026-06-05")
        assert none["data"] == []
        assert sum(one["totalBets"] for one in plain["data"]) == len(lines)

    play(api, story)


@pytest.mark.parametrize(
    "query", [{"pageIndex": "0"}, {"pageSize": "101"}, {"pageSize": "0"}, {"pageIndex": "x"}]
)
def test_pages_that_cannot_be_are_refused(query: dict[str, str]) -> None:
    async def story(us: Integrator) -> None:
        await us.log_in()
        assert (await us.read("/v1/user", **query))[0] == 400

    play(fresh(), story)


def test_after_a_restart_the_old_tokens_are_nothing() -> None:
    api = fresh()

    async def story(us: Integrator) -> None:
        await us.log_in()
        api.forget_tokens()
        assert (await us.read("/v1/profile"))[0] == 401

    play(api, story)
