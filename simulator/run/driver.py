"""Driving a receiver through a plan over HTTP, and checking every reply.

A lane sends one player's steps strictly in order; lanes run side by side. Copies of a step go
out at once on connections of their own.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.protocol.configuration import Configuration
from simulator.protocol.messages import ReplyKind, ScriptStep, Side
from simulator.protocol.responses import Reading, read
from simulator.protocol.sender import DeliveryResult, RetryPolicy, Sender, open_session
from simulator.protocol.system import System
from simulator.run.run_log import RunLog
from simulator.run.summary import Mismatch, RunSummary
from simulator.scenarios.plan import Plan
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverTarget:
    """The receiver as the providers know it.

    Attributes:
        url: the base, e.g. ``"http://127.0.0.1:8080"``.
        providers: how it is configured for each system.
    """

    url: str
    providers: Mapping[System, Configuration]

    @property
    def slugs(self) -> dict[Side, str]:
        """The path segment of each side."""
        return {side: provider.slug for side, provider in self.providers.items()}

    @property
    def own_ids(self) -> frozenset[Side]:
        """The sides whose history names its own records and not our rounds."""
        return frozenset(
            system
            for system, provider in self.providers.items()
            if system.has_own_ids(provider)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard to drive.

    Attributes:
        connections: lanes that send at once; at least 1.
        rate: callbacks per second over all lanes, or None for as fast as replies come.
    """

    connections: int
    rate: float | None
    patience: RetryPolicy


async def drive(
    plan: Plan,
    target: ReceiverTarget,
    pace: Pace,
    *,
    run_log: RunLog | None,
    progress: Callable[[int], None],
) -> RunSummary:
    """Send the whole plan.

    Args:
        plan: what to send.
        target: where to.
        pace: how fast and how patiently.
        run_log: where each final reply is written, or None.
        progress: called with the number of callbacks just answered.

    Raises:
        Unavailable: a callback had no answer within the deadline; the run stops there.
    """
    unavailable: BaseException | None = None
    async with open_session() as session:
        sender = Sender(session, target.url, pace.patience)
        run = _Run(sender, target, _Metronome(pace.rate), run_log, progress)
        try:
            async with asyncio.TaskGroup() as lanes:
                for steps in _lanes(plan, pace.connections):
                    lanes.create_task(run.lane(steps))
        except* Unavailable as group:
            # Raised below: what an ``except*`` block raises is wrapped in a group again.
            unavailable = group.exceptions[0]
    if unavailable is not None:
        raise unavailable
    return run.summary


def _lanes(plan: Plan, connections: int) -> list[list[ScriptStep]]:
    lanes: list[list[ScriptStep]] = [[] for _ in range(max(1, connections))]
    for step in plan.steps:
        lanes[step.lane % len(lanes)].append(step)
    return [steps for steps in lanes if steps]


class _Metronome:
    """Spaces callbacks evenly; without a rate it never waits."""

    def __init__(self, rate: float | None) -> None:
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._next = 0.0

    async def wait(self, callbacks: int) -> None:
        """Return when the next ``callbacks`` may go out."""
        if self._interval == 0.0:
            return
        now = asyncio.get_running_loop().time()
        slot = max(now, self._next)
        self._next = slot + self._interval * callbacks
        await asyncio.sleep(slot - now)


class _Run:
    """One run's sending state: what is shared between its lanes."""

    def __init__(
        self,
        sender: Sender,
        target: ReceiverTarget,
        metronome: _Metronome,
        run_log: RunLog | None,
        progress: Callable[[int], None],
    ) -> None:
        self.summary = RunSummary()
        self._sender = sender
        self._peers: dict[Side, tuple[System, Configuration]] = {
            system: (system, provider) for system, provider in target.providers.items()
        }
        self._metronome = metronome
        self._run_log = run_log
        self._progress = progress
        self._clock = SystemClock()
        self._first: dict[tuple[Side, str], bytes] = {}

    async def lane(self, steps: list[ScriptStep]) -> None:
        """Send one lane's steps, each when the one before is answered."""
        for step in steps:
            await self._metronome.wait(step.copies)
            await self._send(step)
            self._progress(step.copies)

    async def _send(self, step: ScriptStep) -> None:
        call = step.call
        system, provider = self._peers[call.side]
        request = system.request(call, provider, self._clock.now())
        sends = [
            self._sender.deliver(provider.slug, request, system.replies)
            for _ in range(step.copies)
        ]
        copies = [await sends[0]] if step.copies == 1 else await asyncio.gather(*sends)
        self.summary.count(call, step.expected, copies)
        for delivered in copies:
            reading = read(
                delivered.reply, system=system, kind=call.kind, configuration=provider
            )
            if self._run_log is not None:
                self._run_log.write(provider.slug, call, delivered, reading)
            self._check(step, delivered, reading)

    def _check(self, step: ScriptStep, delivered: DeliveryResult, reading: Reading) -> None:
        expected = step.expected
        call = step.call
        if reading.seen is not expected.seen:
            why = f"status {delivered.reply.status}"
        elif reading.balance is not None and reading.balance != expected.balance:
            why = f"balance {reading.balance}, expected {expected.balance} minor units"
        elif not self._is_the_first_reply(step, delivered):
            why = "the reply differs from the first one"
        else:
            return
        self.summary.note(
            Mismatch(
                side=call.side.name,
                key=call.key,
                kind=call.kind.value,
                expected=expected.seen.value,
                seen="unreadable" if reading.seen is None else reading.seen.value,
                why=why,
            )
        )

    def _is_the_first_reply(self, step: ScriptStep, delivered: DeliveryResult) -> bool:
        key = step.call.key
        if key is None or step.expected.seen not in {ReplyKind.SUCCESS, ReplyKind.DECLINED}:
            return True
        first = self._first.setdefault((step.call.side, key), delivered.reply.body)
        return first == delivered.reply.body
