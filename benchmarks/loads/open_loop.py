"""A load that does not wait for its answers: callbacks arrive at a rate, at random instants.

``python -m benchmarks.loads.open_loop PORT DIALECT CONNECTIONS SECONDS FIRST RATE`` prints one
JSON line. Latencies count from the instant at which a callback was due, so one that waits
behind a slow answer counts in full. ``late_p99_ms`` is how late the generator itself was, and
``generator_us`` its own processor time a callback, in microseconds.
"""

import asyncio
import json
import random
import selectors
import sys
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import perf_counter, process_time

from benchmarks.loads.closed_loop import PLAYERS, Lane, script_of

#: How often, and after how many seconds each, the last answers are looked for.
ANSWERS_POLLS, ANSWERS_POLL_S = 1000, 0.01


class PacedLane(Lane):
    """One connection: its requests are due at instants that do not depend on answers."""

    def __init__(self, script: list[bytes]) -> None:
        super().__init__(script)
        self._overdue: deque[float] = deque()
        self.is_waiting = False

    def request_due(self, due_at: float) -> None:
        """Send a request, or let it wait for the answer to the one before."""
        if self.is_waiting:
            self._overdue.append(due_at)
        else:
            self.is_waiting = True
            self.send(due_at)

    def _next(self) -> None:
        self.is_waiting = bool(self._overdue)
        if self._overdue:
            self.send(self._overdue.popleft())

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


class Pacer:
    """Gives the lanes their requests in turn, each at its instant.

    Args:
        lanes: the connections.
        due: the instants, the last one first; emptied.
    """

    def __init__(self, lanes: Sequence[PacedLane], due: list[float]) -> None:
        self._lanes, self._due = lanes, due
        self._sent = 0
        self.lateness: list[float] = []

    async def run(self) -> None:
        """Return when all were sent and answered, or the last answers took too long."""
        while self._due:
            await asyncio.sleep(max(0.0, self._due[-1] - perf_counter()))
            self._send_due(perf_counter())
        for _ in range(ANSWERS_POLLS):
            if not any(lane.is_waiting for lane in self._lanes):
                return
            await asyncio.sleep(ANSWERS_POLL_S)

    def _send_due(self, now: float) -> None:
        while self._due and self._due[-1] <= now:
            due_at = self._due.pop()
            self.lateness.append(now - due_at)
            self._lanes[self._sent % len(self._lanes)].request_due(due_at)
            self._sent += 1


def instants(rate: float, seconds: float) -> list[float]:
    """Independent arrivals: seconds from the start, in order; the same ones each time."""
    chance = random.Random(1)  # reproducible
    instant, arrivals = 0.0, []
    while (instant := instant + chance.expovariate(rate)) < seconds:
        arrivals.append(instant)
    return arrivals


async def run(
    port: int, dialect: str, *, connections: int, seconds: float, first: int, rate: float
) -> dict[str, float]:
    """Run the load; returns callbacks per second and latencies in milliseconds."""
    loop = asyncio.get_running_loop()
    arrivals = instants(rate, seconds)
    share = PLAYERS // connections
    lanes = []
    for number in range(connections):
        players = range(number * share, (number + 1) * share)
        most = 2 * (len(arrivals) // connections // 2 + 1)
        script = script_of(dialect, players, f"{first}-{number}", most, None)
        _, lane = await loop.create_connection(partial(PacedLane, script), "127.0.0.1", port)
        lanes.append(lane)
    started, used = perf_counter() + 0.1, process_time()
    pacer = Pacer(lanes, [started + instant for instant in reversed(arrivals)])
    await pacer.run()
    elapsed = perf_counter() - started
    unanswered = sum(lane.is_waiting for lane in lanes)
    for lane in lanes:
        lane.close()
    latencies = sorted(value for lane in lanes for value in lane.latencies)
    return {
        "rate": len(latencies) / elapsed,
        "answers": len(latencies),
        "failures": unanswered + sum(lane.failures for lane in lanes),
        **waits_ms(latencies),
        "late_p99_ms": _quantile(sorted(pacer.lateness), 0.99),
        "generator_us": (process_time() - used) / max(1, len(latencies)) * 1e6,
    }


def waits_ms(ordered: Sequence[float]) -> dict[str, float]:
    """Sorted waits in seconds as quantiles in milliseconds, the longest one among them."""
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
    return {name: _quantile(ordered, share) for name, share in shares.items()}


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def main(words: Sequence[str]) -> None:
    port, dialect, connections, seconds, first, rate = words
    # Timers of uvloop and epoll are whole milliseconds; those of select are not.
    selector = selectors.SelectSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        load = run(
            int(port),
            dialect,
            connections=int(connections),
            seconds=float(seconds),
            first=int(first),
            rate=float(rate),
        )
        print(json.dumps(runner.run(load)))


if __name__ == "__main__":
    main(sys.argv[1:])
