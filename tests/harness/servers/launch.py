"""A running Tieout whose providers are simulated whole: their APIs, callbacks and history."""

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
from simulator.history.lines import history_of
from simulator.history.statements import write_statement
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.messages import Call, CallKind, Player, ScriptStep, Side
from simulator.protocol.sender import PATIENCE
from simulator.protocol.system import SimulatedApi, System
from simulator.run.driver import Pace, ReceiverTarget, drive
from simulator.run.push import push
from simulator.scenarios.expected import ExpectedLedger
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
from tests.harness.servers.running import PATIENCE_S, Running
from vocabulary.clock import SystemClock

SEED = 7
OPENING = 10_000
CURRENCY = "USD"
SIDES = (AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS)
#: Named unlike their dialects, so that no slug can pass for one.
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
# Statements are told bit by bit, several a day, as a test goes on.
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


class Launching:
    """The processes, the APIs they call, and the commands between them."""

    def __init__(self, running: Running, served: RunningApis) -> None:
        self.running = running
        self.served = served

    def api(self, kind: type[A], side: System) -> A:
        """What that provider knows of us."""
        found = self.served.apis[side]
        assert isinstance(found, kind)
        return found

    def tieout(self, *words: str, code: int = 0) -> Any:
        """What a command prints as JSON, once it ended with this code."""
        done = self.running.command(*words, "--json")
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    def of(self, side: System, *words: str, code: int = 0) -> Any:
        """The same for a command about one provider."""
        return self.tieout(*words, "--provider", SLUGS[side], code=code)

    def open_game(self, side: System, *words: str) -> str:
        """Where the side's player is sent to play."""
        opened = self.of(side, "games", "open", "--player", PLAYERS[side], *words)
        return str(opened["url"])

    def balance(self, side: System) -> str:
        """What the side's player has."""
        words = ("--player", PLAYERS[side], "--currency", CURRENCY)
        return str(self.tieout("ledger", "balance", *words)["balance"])

    def posted(self, side: System) -> dict[str, Decimal]:
        """What every operation of the side put into the wallet, when all entries are there."""
        self.running.until_posted()
        found = {}
        for (slug, key), (_, effect, entries) in self.running.booked().items():
            if slug == SLUGS[side]:
                assert effect == entries, key
                found[key] = entries
        return found


class Game:
    """One player's play at one provider: callbacks, what they must be answered, and history."""

    def __init__(self, launching: Launching, side: System, handle: str) -> None:
        self.side = side
        self.began = _CLOCK.now()
        self._launching = launching
        self._player = Player(
            player=PLAYERS[side], currency=CURRENCY, opening=OPENING, handles={side: handle}
        )
        self._book = ExpectedLedger((self._player,))
        self._steps: tuple[ScriptStep, ...] = ()
        self._span = RunSpan(self.began, self.began, 0)
        self._target = ReceiverTarget(
            url=f"http://127.0.0.1:{launching.running.port}",
            providers={
                system: configuration(
                    system, slug=SLUGS[system], secret=secret_of(system).encode()
                )
                for system in SIDES
            },
        )

    def call(self, kind: CallKind, reference: str = "", amount: int = 0, **more: Any) -> Call:
        """One callback about the player; amounts in minor units."""
        said = {"stake": 0, "payout": 0, "original": "", **more}
        return Call(
            side=self.side,
            kind=kind,
            player=self._player.player,
            handle=self._player.handles[self.side],
            currency=CURRENCY,
            reference=reference,
            amount=amount,
            **said,
        )

    def play(self, *calls: Call) -> tuple[HistoryLine, ...]:
        """Send every callback twice at once; each is answered as expected.

        Returns:
            What an honest provider tells of the rounds that began with these calls.
        """
        played, began = len(self._steps), _CLOCK.now()
        for place, call in enumerate(calls, start=played):
            expected = self._book.answer(call)
            numbered = replace(call, attempt=place)
            self._steps += (ScriptStep(lane=0, call=numbered, copies=2, expected=expected),)
        tally = asyncio.run(
            drive(
                self._plan(self._steps[played:]),
                self._target,
                _PACE,
                journal=None,
                progress=lambda _: None,
            )
        )
        assert tally.mismatches == []
        self._span = RunSpan(began, _CLOCK.now(), len(self._steps))
        lines = history_of(self._plan(self._steps))
        return tuple(line for line in lines if line.place >= played)

    def tell(self, lines: Sequence[HistoryLine]) -> None:
        """Let the provider tell this history in its own way, and wait until it is taken in."""
        if self.side.push is not None:
            self._push(lines)
        elif self.side is XIGS:
            self._pull(lines)
        else:
            self._import(lines)

    def reconcile(self, *, code: int = 0) -> Any:
        """Everything since the game began, however young."""
        # Providers tell instants in milliseconds, so the window begins with a whole second.
        since = self.began.replace(microsecond=0).isoformat()
        words = ("--from", since, "--to", _CLOCK.now().isoformat(), "--maturity", "0s")
        return self._launching.of(self.side, "reconcile", *words, code=code)

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
        self._launching.running.until(_UNREAD)

    def _pull(self, lines: Sequence[HistoryLine]) -> None:
        self._launching.served.remember(lines, self._span)
        rounds, _ = self._launching.of(self.side, "feed", "pull")["feeds"]
        # What was pulled before is asked for again, but only the new is stored.
        assert (rounds["error"], rounds["unreadable"]["count"]) == (None, 0)
        assert rounds["stored"] == len(lines)

    def _import(self, lines: Sequence[HistoryLine]) -> None:
        assert self.side.statement is not None
        path = self._launching.running.folder / f"history{self.side.statement.suffix}"
        written = write_statement(path, self.side, lines, self._span)
        taken = self._launching.of(self.side, "feed", "import", str(path))
        assert (taken["received"], taken["stored"], taken["unreadable"]) == (
            written,
            written,
            [],
        )


@contextlib.contextmanager
def launching(folder: Path) -> Iterator[Launching]:
    """Everything running, with a funded player for each provider."""
    with apis_served(SIDES, SEED) as served:
        running = Running(folder, settings=_settings(served.urls))
        try:
            found = Launching(running, served)
            lines = [f"{player},{CURRENCY},100.00" for player in PLAYERS.values()]
            file = folder / "players.csv"
            file.write_text("\n".join(["player,currency,balance", *lines]))
            imported = found.tieout("players", "import", str(file))
            assert imported == {"opened": len(PLAYERS), "known": 0}
            yield found
        finally:
            running.stop()


@contextlib.contextmanager
def apis_served(sides: Sequence[System], seed: int) -> Iterator[RunningApis]:
    """The simulated APIs in a thread of their own, so that commands can be waited for."""
    ready: Future[tuple[RunningApis, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def keep() -> None:
        stop = asyncio.Event()
        async with serve(sides, 0, seed) as served:
            ready.set_result((served, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(keep()))
    thread.start()
    served, loop, stop = ready.result(PATIENCE_S)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)


def secret_of(side: Side) -> str:
    """What a simulated API, and the callbacks of its provider, are signed with."""
    return f"demo-{side.name}-secret"


def named_in(url: str, name: str) -> str:
    """One value of a URL's query."""
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
