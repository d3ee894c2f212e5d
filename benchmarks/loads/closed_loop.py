"""A load generator that costs little: one process, raw HTTP/1.1, requests built beforehand.

``python -m benchmarks.loads.closed_loop PORT DIALECT CONNECTIONS SECONDS FIRST [WHO [RATE]]``
prints one JSON line. It sends only to loopback, stops by itself after SECONDS (0: after each
player's first bet and win) and counts every answer that is no success. WHO plays: everyone, the
lower or the upper half of the players, one hot player of the upper half, or the upper half in
one hot round. RATE bounds the requests built beforehand, per second.
``benchmarks.loads.open_loop`` sends at a rate of its own instead of as fast as it is answered.
"""

import asyncio
import hmac
import json
import sys
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

#: Players the load is spread over; each belongs to one connection.
PLAYERS = 10_000
#: Requests built beforehand for each second of load; a faster receiver ends the load early.
RATE_MAX = 30_000
#: Bound of a load that runs until every player was seen, in seconds.
PASS_SECONDS_MAX = 60.0
SECRETS = {
    "agent_platform": b"bench-agent-platform-token",
    "aggregator": b"bench-aggregator-secret",
    "sportsbook": b"bench-sportsbook-secret",
    "xigs": b"bench-xigs-signature-token",
}


def player(number: int) -> str:
    return f"bench-{number}"


#: Who plays, as (first player, end, the round they share).
CROWDS: dict[str, tuple[int, int, str | None]] = {
    "everyone": (0, PLAYERS, None),
    "lower": (0, PLAYERS // 2, None),
    "upper": (PLAYERS // 2, PLAYERS, None),
    "hot-player": (PLAYERS - 1, PLAYERS, None),
    "hot-round": (PLAYERS // 2, PLAYERS, "hot"),
}


def requests_of(
    dialect: str, number: int, identity: str, shared: str | None
) -> tuple[bytes, bytes]:
    """A bet and its win for one player, unique by identity; maybe in a round all share."""
    name = player(number)
    match dialect:
        case "aggregator":
            bet = f'{{"balance":1.25,"bet_id":"{identity}","user_agent":"{name}"'
            win = f'{{"balance":1.5,"bet":1.25,"bet_id":"{identity}","user_agent":"{name}"'
            return _aggregator("/bet", bet), _aggregator("/settle-bet", win)
        case "agent_platform":
            return (
                _agent_platform(f"M{identity}", name, shared),
                _agent_platform(f"N{identity}", name, shared),
            )
        case "xigs":
            return _xigs("open-round", identity, name), _xigs("close-round", identity, name)
        case _:
            return (
                _sportsbook(f"B{identity}", "bet", name, "1.25"),
                _sportsbook(f"R{identity}", "result", name, "1.50"),
            )


def _signature(dialect: str, message: str, algorithm: str = "sha256") -> str:
    return hmac.digest(SECRETS[dialect], message.encode(), algorithm).hex()


def _aggregator(route: str, opened: str) -> bytes:
    digest = _signature("aggregator", opened + "}")
    return _http(f"/callbacks/aggregator{route}", f'{opened},"hmac":"{digest}"}}', "")


def _sportsbook(identity: str, action: str, name: str, amount: str) -> bytes:
    body = (
        f'{{"transaction_id":"{identity}","action":"{action}","user_id":"{name}",'
        f'"currency":"USD","amount":"{amount}"}}'
    )
    header = f"X-Security-Hash: {_signature('sportsbook', body)}\r\n"
    return _http("/callbacks/sportsbook/transaction", body, header)


def _agent_platform(identity: str, name: str, shared: str | None) -> bytes:
    ends = "true" if shared is None else "false"
    named = "" if shared is None else f'"round_id":"{shared}",'
    body = (
        f'{{"agent_id":1,"bet":1.25,"currency":"USD","game_id":7,"language":"en",'
        f'"player_id":"{name}","player_username":"{name}","round_finished":{ends},{named}'
        f'"session_id":"5f0c6f9e-2f0b-4a51-9d0e-000000000000",'
        f'"transaction_id":"{identity}","type":"makeBet","win":1.5}}'
    )
    header = f"X-Signature: {_signature('agent_platform', body)}\r\n"
    return _http("/callbacks/agent_platform", body, header)


def _xigs(event: str, identity: str, name: str) -> bytes:
    body = (
        f'{{"amount":1.25,"currency":"USD","eventType":"{event}","gameId":"g7",'
        f'"roundId":"{identity}","sessionId":"s7","userId":"{name}"}}'
    )
    header = f"x-signed-request: {_signature('xigs', body, 'sha512')}\r\n"
    return _http("/callbacks/xigs", body, header)


def _http(path: str, body: str, header: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{header}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def script_of(
    dialect: str, numbers: range, lane: str, most: int, shared: str | None
) -> list[bytes]:
    """The requests of one lane, in reverse: its players in turn, a bet and a win each."""
    script: list[bytes] = []
    for position in range(most // 2):
        number = numbers[position % len(numbers)]
        script += requests_of(dialect, number, f"{lane}-{position}", shared)
    return script[::-1]


class Lane(asyncio.Protocol):
    """One connection: sends its next request when the answer to the last one is complete."""

    def __init__(self, script: list[bytes]) -> None:
        self._script, self._until = script, 0.0
        self._buffer = b""
        self._due_at = 0.0
        self.latencies: list[float] = []
        self.failures = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def start(self, until: float) -> None:
        self._until = until
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self.latencies.append(perf_counter() - self._due_at)
        refused = b'"error":null' not in rest and b'"balance"' not in rest
        self.failures += refused or not head.startswith(b"HTTP/1.1 200")
        self._next()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        if not self._script or perf_counter() >= self._until:
            self._transport.close()
            return
        self.send(perf_counter())

    def send(self, due_at: float) -> None:
        """Send the next request, whose answer is late from ``due_at`` on."""
        self._due_at = due_at
        self._transport.write(self._script.pop())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A load as it is asked for on the command line."""

    port: int
    dialect: str
    connections: int
    seconds: float
    first: int
    who: str
    rate: int


def wanted(words: list[str]) -> Wanted:
    port, dialect, connections, seconds, first, *rest = words
    players, rate = [*rest, *("everyone", str(RATE_MAX))[len(rest) :]]
    return Wanted(
        int(port), dialect, int(connections), float(seconds), int(first), players, int(rate)
    )


def scripts_of(load: Wanted) -> list[list[bytes]]:
    """The scripts of all lanes: each has players of its own, unless there are too few."""
    start, end, shared = CROWDS[load.who]
    share = (end - start) // load.connections
    built = int(load.rate * load.seconds) // load.connections
    return [
        script_of(
            load.dialect,
            range(start + lane * share, start + (lane + 1) * share) or range(start, end),
            f"{load.first}-{lane}",
            built if load.seconds else 2 * share,
            None if shared is None else f"{shared}-{load.first}",
        )
        for lane in range(load.connections)
    ]


async def run(load: Wanted) -> dict[str, float]:
    """Run the load; returns callbacks per second and latencies in milliseconds."""
    loop = asyncio.get_running_loop()
    scripts = scripts_of(load)
    lanes = []
    for script in scripts:
        _, lane = await loop.create_connection(partial(Lane, script), "127.0.0.1", load.port)
        lanes.append(lane)
    started = perf_counter()
    for lane in lanes:
        lane.start(started + (load.seconds or PASS_SECONDS_MAX))
    await asyncio.gather(*(lane.done for lane in lanes))
    elapsed = perf_counter() - started
    latencies = sorted(value for lane in lanes for value in lane.latencies)
    return {
        "rate": len(latencies) / elapsed,
        "answers": len(latencies),
        "failures": sum(lane.failures for lane in lanes),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(wanted(sys.argv[1:])))))
