"""A running Tieout with simulated providers: their APIs, callbacks and history."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from simulator.api.server import RunningApis, serve
from simulator.history.statements import write_statement
from simulator.history.true_history import history_of
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.messages import Call, CallKind, Player, ScriptStep, Side
from simulator.protocol.sender import PATIENCE
from simulator.protocol.system import SimulatedApi, System
from simulator.run.driver import Pace, ReceiverTarget, drive
from simulator.run.push import push
from simulator.scenarios.expected_replies import ExpectedLedger
from simulator.scenarios.plan import Plan
from simulator.systems.agent_platform.calls import AGENT_ID
from simulator.systems.xigs.api import PROFILE
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    SPORTSBOOK,
    XIGS,
    configuration,
)
from tests.harness.servers.tieout_stack import PATIENCE_S, TieoutStack
from vocabulary.clock import SystemClock

SEED = 7
OPENING = 10_000
CURRENCY = "USD"
SIDES = (AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS)
#: Slugs that differ from the dialects' names, so that no test confuses them.
SLUGS: Mapping[Side, str] = {
    AGENT_PLATFORM: "slots",
    AGGREGATOR: "games",
    SPORTSBOOK: "book",
    XIGS: "cards",
}
PLAYERS: Mapping[Side, str] = {
    AGENT_PLATFORM: "ann",
    AGGREGATOR: "ben",
    SPORTSBOOK: "cleo",
    XIGS: "dora",
}
_APIS = {
    AGENT_PLATFORM: f"agent_id = {AGENT_ID}",
    AGGREGATOR: 'key = "literal:{secret}"',
    SPORTSBOOK: ('version = "v1"\nusername = "literal:demo"\npassword = "literal:{secret}"'),
    XIGS: f'key = "literal:{{secret}}"\nprofile = "{PROFILE}"',
}
# Tests import several statements per day.
_STATEMENT = """
[providers.statement]
several_a_day = true
"""
_PROVIDER = """
[[providers]]
slug = "{slug}"
dialect = "{side}"
currency = "{currency}"
secrets = ["literal:{secret}"]
[providers.api]
base_url = "{url}"
{api}
"""
_CLOCK = SystemClock()
_PACE = Pace(connections=1, rate=None, patience=PATIENCE)
_UNREAD = """
SELECT count(*) FROM deliveries
 WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
"""

A = TypeVar("A", bound=SimulatedApi)


class ProviderStack:
    """The running processes and the simulated APIs that they call."""

    def __init__(self, running: TieoutStack, served: RunningApis) -> None:
        self.running = running
        self.served = served

    def api(self, kind: type[A], side: System) -> A:
        """The simulated API of a provider."""
        api = self.served.apis[side]
        assert isinstance(api, kind)
        return api

    def tieout(self, *arguments: str, code: int = 0) -> Any:
        """The JSON output of a command, which must end with this exit code."""
        result = self.running.command(*arguments, "--json")
        assert result.returncode == code, result.stderr + result.stdout
        return json.loads(result.stdout)

    def tieout_for(self, side: System, *arguments: str, code: int = 0) -> Any:
        """The same for a command with ``--provider``."""
        return self.tieout(*arguments, "--provider", SLUGS[side], code=code)

    def open_game(self, side: System, *arguments: str) -> str:
        """Launch the side's player into a game; returns the game's URL."""
        launch = self.tieout_for(side, "games", "open", "--player", PLAYERS[side], *arguments)
        return str(launch["url"])

    def balance(self, side: System) -> str:
        """The balance of the side's player."""
        wallet = ("--player", PLAYERS[side], "--currency", CURRENCY)
        return str(self.tieout("ledger", "balance", *wallet)["balance"])

    def posted(self, side: System) -> dict[str, Decimal]:
        """Each operation's wallet entries by key, once everything is posted."""
        self.running.wait_until_posted()
        amounts = {}
        for (slug, key), (_, effect, entries) in self.running.booked().items():
            if slug == SLUGS[side]:
                assert effect == entries, key
                amounts[key] = entries
        return amounts


class GamePlay:
    """One player at one provider: sends callbacks, checks the replies, reports history."""

    def __init__(self, stack: ProviderStack, side: System, handle: str) -> None:
        self.side = side
        self.started_at = _CLOCK.now()
        self._stack = stack
        self._player = Player(
            player=PLAYERS[side], currency=CURRENCY, opening=OPENING, handles={side: handle}
        )
        self._book = ExpectedLedger((self._player,))
        self._steps: tuple[ScriptStep, ...] = ()
        self._span = RunSpan(self.started_at, self.started_at, 0)
        self._target = ReceiverTarget(
            url=f"http://127.0.0.1:{stack.running.port}",
            providers={
                system: configuration(
                    system, slug=SLUGS[system], secret=secret_of(system).encode()
                )
                for system in SIDES
            },
        )

    def call(self, kind: CallKind, reference: str = "", amount: int = 0, **fields: Any) -> Call:
        """One callback about the player; amounts in minor units."""
        fields = {"stake": 0, "payout": 0, "original": "", **fields}
        return Call(
            side=self.side,
            kind=kind,
            player=self._player.player,
            handle=self._player.handles[self.side],
            currency=CURRENCY,
            reference=reference,
            amount=amount,
            **fields,
        )

    def play(self, *calls: Call) -> tuple[HistoryLine, ...]:
        """Send every callback twice at the same time; checks every answer.

        Returns:
            The history that an honest provider reports of these callbacks' rounds.
        """
        first_step, started_at = len(self._steps), _CLOCK.now()
        for number, call in enumerate(calls, start=first_step):
            expected = self._book.decide(call)
            numbered = replace(call, attempt=number)
            self._steps += (ScriptStep(lane=0, call=numbered, copies=2, expected=expected),)
        summary = asyncio.run(
            drive(
                self._plan(self._steps[first_step:]),
                self._target,
                _PACE,
                run_log=None,
                progress=lambda _: None,
            )
        )
        assert summary.mismatches == []
        self._span = RunSpan(started_at, _CLOCK.now(), len(self._steps))
        lines = history_of(self._plan(self._steps))
        return tuple(line for line in lines if line.place >= first_step)

    def report(self, lines: Sequence[HistoryLine]) -> None:
        """Deliver this history in the provider's own way and wait until it is stored."""
        if self.side.push is not None:
            self._push(lines)
        elif self.side is XIGS:
            self._pull(lines)
        else:
            self._import(lines)

    def reconcile(self, *, code: int = 0) -> Any:
        """Reconcile everything since the start, without maturity."""
        # Providers report milliseconds, so the window starts at a whole second.
        since = self.started_at.replace(microsecond=0).isoformat()
        options = ("--from", since, "--to", _CLOCK.now().isoformat(), "--maturity", "0s")
        return self._stack.tieout_for(self.side, "reconcile", *options, code=code)

    def _plan(self, steps: tuple[ScriptStep, ...]) -> Plan:
        return Plan(
            seed=SEED,
            systems=(self.side,),
            players=(self._player,),
            steps=steps,
            balances=dict(self._book.balances),
        )

    def _push(self, lines: Sequence[HistoryLine]) -> None:
        secret = secret_of(self.side).encode()
        assert self.side.push is not None
        records = list(self.side.push(lines, SEED, self._span, secret))
        sending = push(records, self.side, self._target, _PACE, progress=lambda _: None)
        assert asyncio.run(sending) == 0
        self._stack.running.wait_until_zero(_UNREAD)

    def _pull(self, lines: Sequence[HistoryLine]) -> None:
        self._stack.served.remember(lines, self._span)
        rounds, _ = self._stack.tieout_for(self.side, "feed", "pull")["feeds"]
        # The pull overlaps earlier ones, but stores only new records.
        assert (rounds["error"], rounds["unreadable"]["count"]) == (None, 0)
        assert rounds["stored"] == len(lines)

    def _import(self, lines: Sequence[HistoryLine]) -> None:
        assert self.side.statement is not None
        path = self._stack.running.folder / f"history{self.side.statement.suffix}"
        lines_written = write_statement(path, self.side, lines, self._span)
        result = self._stack.tieout_for(self.side, "feed", "import", str(path))
        assert (result["received"], result["stored"], result["unreadable"]) == (
            lines_written,
            lines_written,
            [],
        )


@contextlib.contextmanager
def provider_stack(folder: Path) -> Iterator[ProviderStack]:
    """Run everything, with one funded player per provider."""
    with serve_apis(SIDES, SEED) as served:
        running = TieoutStack(folder, settings=_settings(served.urls))
        try:
            stack = ProviderStack(running, served)
            lines = [f"{player},{CURRENCY},100.00" for player in PLAYERS.values()]
            file = folder / "players.csv"
            file.write_text("\n".join(["player,currency,balance", *lines]))
            imported = stack.tieout("players", "import", str(file))
            assert imported == {"opened": len(PLAYERS), "known": 0}
            yield stack
        finally:
            running.stop()


@contextlib.contextmanager
def serve_apis(sides: Sequence[System], seed: int) -> Iterator[RunningApis]:
    """Serve the simulated APIs from a thread, so that tests can wait for commands."""
    ready: Future[tuple[RunningApis, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve_until_stopped() -> None:
        stop = asyncio.Event()
        async with serve(sides, 0, seed) as served:
            ready.set_result((served, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve_until_stopped()))
    thread.start()
    served, loop, stop = ready.result(PATIENCE_S)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)


def secret_of(side: Side) -> str:
    """The secret of a simulated provider's API and callbacks."""
    return f"demo-{side.name}-secret"


def query_value(url: str, name: str) -> str:
    """One value from a URL's query."""
    (value,) = parse_qs(urlsplit(url).query)[name]
    return value


def _settings(urls: Mapping[System, str]) -> str:
    text = 'mode = "test"\n[workers]\nsweep_after = "1s"\n'
    for side in SIDES:
        secret = secret_of(side)
        text += _PROVIDER.format(
            slug=SLUGS[side],
            side=side.name,
            currency=CURRENCY,
            secret=secret,
            url=urls[side],
            api=_APIS[side].format(secret=secret),
        )
        text += _STATEMENT if side.statement is not None else ""
    return text
