"""Driving a receiver that fails, hangs, breaks off and lies, over real HTTP."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulator.protocol.messages import (
    Call,
    CallKind,
    Expectation,
    Player,
    ReplyKind,
    ScriptStep,
)
from simulator.protocol.sender import RetryPolicy
from simulator.run.driver import Pace, ReceiverTarget, drive
from simulator.run.run_log import RunLog
from simulator.run.summary import RunSummary
from simulator.scenarios.plan import Plan
from tests.harness.providers.systems import AGENT_PLATFORM, AGGREGATOR, XIGS, configuration
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable

QUICK = RetryPolicy(deadline=5.0, one_send=0.3, pause=0.001, pause_max=0.01)
PLAYER = Player(player="p1", currency="USD", opening=1000, handles={AGGREGATOR: "SIM.p1"})
BET = Call(
    side=AGGREGATOR,
    kind=CallKind.BET,
    player="p1",
    handle="SIM.p1",
    currency="USD",
    reference="B1",
    amount=300,
    stake=0,
    payout=0,
    original="",
)

Trouble = Callable[[int], Awaitable[web.StreamResponse | None]]


class TinyWallet:
    """A receiver of one player's aggregator bets; ``trouble`` may answer a request instead."""

    def __init__(self, trouble: Trouble) -> None:
        self.balance = Decimal(10)
        self.requests = 0
        self.replies: dict[str, str] = {}
        self._trouble = trouble

    async def bet(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        fact = json.loads(await request.read(), parse_float=Decimal, parse_int=Decimal)
        if fact["bet_id"] not in self.replies:
            self.balance -= fact["balance"]
            self.replies[fact["bet_id"]] = f'{{"balance":{self.balance}}}'
        trouble = await self._trouble(self.requests)
        return trouble or web.Response(text=self.replies[fact["bet_id"]])


async def _none(_: int) -> None:
    return None


def _plan(*steps: ScriptStep) -> Plan:
    return Plan(
        seed=1,
        systems=(AGGREGATOR,),
        players=(PLAYER,),
        steps=steps,
        balances={"p1": 700},
    )


def _step(call: Call = BET, *, copies: int = 1, balance: int = 700) -> ScriptStep:
    expected = Expectation(seen=ReplyKind.SUCCESS, balance=balance, repeated=False)
    return ScriptStep(lane=0, call=call, copies=copies, expected=expected)


def _drive(
    wallet: TinyWallet,
    plan: Plan,
    *,
    patience: RetryPolicy = QUICK,
    rate: float | None = None,
    journal: Path | None = None,
) -> RunSummary:
    async def run() -> RunSummary:
        app = web.Application()
        app.router.add_post("/callbacks/agg/bet", wallet.bet)
        async with TestServer(app) as server:
            target = ReceiverTarget(
                url=str(server.make_url("/")),
                providers={AGGREGATOR: configuration(AGGREGATOR, slug="agg")},
            )
            pace = Pace(connections=4, rate=rate, patience=patience)
            if journal is None:
                return await drive(plan, target, pace, run_log=None, progress=seen.append)
            with RunLog(journal) as book:
                return await drive(plan, target, pace, run_log=book, progress=seen.append)

    seen: list[int] = []
    tally = asyncio.run(run())
    assert sum(seen) == tally.callbacks
    return tally


def test_a_call_answered_as_expected_is_counted_and_nothing_else() -> None:
    tally = _drive(TinyWallet(_none), _plan(_step()))
    assert (tally.callbacks, tally.sends, tally.accepted) == (1, 1, 1)
    assert tally.mismatches == []
    assert 0 < tally.percentile_ms(50) <= tally.percentile_ms(99)


def test_server_errors_are_met_with_the_same_bytes_until_they_end() -> None:
    async def fails_twice(request: int) -> web.Response | None:
        return web.Response(status=500) if request <= 2 else None

    wallet = TinyWallet(fails_twice)
    tally = _drive(wallet, _plan(_step()))
    assert (tally.callbacks, tally.sends, tally.accepted, tally.mismatched) == (1, 3, 1, 0)
    assert wallet.balance == 7


def test_a_connection_broken_after_the_booking_is_retried_into_a_repeat() -> None:
    async def breaks_off(request: int) -> web.Response | None:
        if request == 1:
            raise web.HTTPServiceUnavailable
        return None

    wallet = TinyWallet(breaks_off)
    assert _drive(wallet, _plan(_step())).mismatched == 0
    assert wallet.balance == 7


def test_a_hanging_send_is_given_up_and_repeated() -> None:
    async def hangs_once(request: int) -> web.Response | None:
        if request == 1:
            await asyncio.Event().wait()
        return None

    tally = _drive(TinyWallet(hangs_once), _plan(_step()))
    assert (tally.sends, tally.mismatched) == (2, 0)


def test_a_receiver_that_never_answers_ends_the_run_within_the_deadline() -> None:
    async def fails(_: int) -> web.Response:
        return web.Response(status=503)

    patience = replace(QUICK, deadline=0.1)
    with pytest.raises(Unavailable, match="gave no answer"):
        _drive(TinyWallet(fails), _plan(_step()), patience=patience)


def test_nothing_listening_ends_the_run_within_the_deadline() -> None:
    target = ReceiverTarget(
        url="http://127.0.0.1:1",
        providers={AGGREGATOR: configuration(AGGREGATOR, slug="agg")},
    )
    pace = Pace(connections=1, rate=None, patience=replace(QUICK, deadline=0.1))
    with pytest.raises(Unavailable, match="gave no answer"):
        asyncio.run(drive(_plan(_step()), target, pace, run_log=None, progress=lambda _: None))


def test_copies_go_out_at_once_and_must_get_one_reply() -> None:
    together = asyncio.Event()

    async def waits_for_all(request: int) -> None:
        if request == 5:
            together.set()
        await together.wait()

    wallet = TinyWallet(waits_for_all)
    tally = _drive(wallet, _plan(_step(copies=5)))
    assert (tally.callbacks, tally.accepted, tally.repeated) == (5, 1, 4)
    assert tally.mismatched == 0


def test_a_copy_with_another_reply_is_a_mismatch() -> None:
    async def lies(request: int) -> web.Response | None:
        return web.Response(text='{"balance":7.00,"tmp":1}') if request == 2 else None

    tally = _drive(TinyWallet(lies), _plan(_step(), _step()))
    assert [one.why for one in tally.mismatches] == ["the reply differs from the first one"]


def test_a_wrong_balance_and_a_wrong_verdict_are_mismatches() -> None:
    async def refuses_the_second(request: int) -> web.Response | None:
        return web.Response(status=404, text='{"error":"no"}') if request == 2 else None

    other = replace(BET, reference="B2")
    plan = _plan(_step(balance=701), _step(other, balance=400))
    tally = _drive(TinyWallet(refuses_the_second), plan)
    assert [(one.key, one.seen) for one in tally.mismatches] == [
        ("bet:B1", "success"),
        ("bet:B2", "refused"),
    ]


def test_one_player_is_served_strictly_in_order_whatever_the_connections() -> None:
    calls = [replace(BET, reference=f"B{n}", amount=n) for n in range(1, 9)]
    left = [1000 - sum(range(1, n + 1)) for n in range(1, 9)]
    steps = [_step(call, balance=have) for call, have in zip(calls, left, strict=True)]
    assert _drive(TinyWallet(_none), _plan(*steps)).mismatched == 0


def test_a_rate_spaces_the_callbacks() -> None:
    calls = [replace(BET, reference=f"B{n}", amount=0) for n in range(5)]
    began = perf_counter()
    _drive(TinyWallet(_none), _plan(*(_step(c, balance=1000) for c in calls)), rate=50.0)
    assert perf_counter() - began >= 4 / 50


def test_the_journal_names_every_final_answer_once(tmp_path: Path) -> None:
    journal = tmp_path / "deep" / "journal.jsonl"
    unknown = replace(BET, reference="B2", player=None)
    _drive(TinyWallet(_none), _plan(_step(copies=2), _step(unknown)), journal=journal)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert Counter(line["op_key"] for line in lines) == {"bet:B1": 2, "bet:B2": 1}
    assert lines[0] == {
        "provider": "agg",
        "op_key": "bet:B1",
        "kind": "bet",
        "player": "p1",
        "amount": "3.00",
        "payout": "0.00",
        "currency": "USD",
        "verdict_seen": "success",
        "status": 200,
        "reply": '{"balance":7}',
        "sends": 1,
    }
    assert lines[2]["player"] is None


def test_sides_with_one_url_are_sent_there_with_our_agent_id_and_the_time() -> None:
    heard: dict[str, dict[str, object]] = {}

    async def hear(request: web.Request) -> web.Response:
        heard[request.path] = await request.json()
        if request.path.endswith("/spins"):
            return web.json_response({"content": {"balance": 7}})
        return web.json_response({"status": "success", "data": {"balance": 7}})

    async def run() -> RunSummary:
        app = web.Application()
        app.router.add_post("/callbacks/{slug}", hear)
        providers = {
            AGENT_PLATFORM: configuration(
                AGENT_PLATFORM, slug="spins", options={"agent_id": 7}
            ),
            XIGS: configuration(XIGS, slug="cards"),
        }
        async with TestServer(app) as server:
            target = ReceiverTarget(url=str(server.make_url("/")), providers=providers)
            spin = replace(BET, side=AGENT_PLATFORM, kind=CallKind.BET_AND_WIN)
            card = replace(BET, side=XIGS)
            plan = replace(_plan(_step(spin), _step(card)), systems=tuple(providers))
            pace = Pace(connections=1, rate=None, patience=QUICK)
            return await drive(plan, target, pace, run_log=None, progress=lambda _: None)

    began = SystemClock().now()
    tally = asyncio.run(run())
    assert (tally.accepted, tally.mismatches) == (2, [])
    assert heard["/callbacks/spins"]["agent_id"] == 7
    sent_at = datetime.fromisoformat(str(heard["/callbacks/cards"]["timestamp"]))
    assert abs(sent_at - began) < timedelta(minutes=1)
