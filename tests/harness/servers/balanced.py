"""A client in front of several receivers that follows their readiness, as a balancer does.

It keeps connections open, sends to receivers that were ready at the last check, and counts each
connection that ends before its answer as a reset.
"""

import asyncio
import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from providers.contract import Callback
from tests.harness.dialects.sportsbook import sign_sportsbook

#: Seconds between two checks of a receiver's readiness.
CHECK_EVERY_S = 0.1
#: Connections that send at the same time.
SENDERS = 16

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Traffic:
    """What became of the callbacks.

    Attributes:
        answered: by receiver's port.
        resets: connections that ended before the answer, or were refused.
        unready: callbacks that found no receiver ready.
        refused: answers that were no success.
        unannounced: answers of receivers that stop which do not say that the connection ends.
    """

    answered: Counter[int] = field(default_factory=Counter)
    resets: int = 0
    unready: int = 0
    refused: int = 0
    unannounced: int = 0


class BalancedClient(threading.Thread):
    """Sends bets of one player at a rate until ``finish``.

    Args:
        ports: of the receivers.
        player: who bets 0.01 each time.
        secret: signs the callbacks of the provider ``sport``.
        rate: callbacks per second.
    """

    def __init__(
        self, ports: Sequence[int], *, player: str, secret: bytes, rate: float
    ) -> None:
        super().__init__(name="balanced-client")
        self.traffic = Traffic()
        self._ports = tuple(ports)
        self._player = player
        self._secret = secret
        self._rate = rate
        self._numbers = itertools.count()
        self._stop_requested = threading.Event()
        self._ready: set[int] = set()
        self._idle: Mapping[int, list[_Connection]] = defaultdict(list)

    def run(self) -> None:
        """Send until ``finish``."""
        asyncio.run(self._run())

    def finish(self) -> Traffic:
        """Stop sending; returns what became of the callbacks."""
        self._stop_requested.set()
        self.join()
        return self.traffic

    def is_ready(self, port: int) -> bool:
        """Whether the receiver was ready at the last check."""
        return port in self._ready

    async def _run(self) -> None:
        checks = [asyncio.create_task(self._check(port)) for port in self._ports]
        senders = [asyncio.create_task(self._send_regularly()) for _ in range(SENDERS)]
        await asyncio.gather(*senders)
        for check in checks:
            check.cancel()
        for _, writer in itertools.chain.from_iterable(self._idle.values()):
            writer.close()

    async def _check(self, port: int) -> None:
        while True:
            try:
                status, head = await self._request(
                    port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
                )
            except (OSError, asyncio.IncompleteReadError):
                status, head = 0, b""
            if status == 200:
                self._ready.add(port)
            else:
                self._ready.discard(port)
                self.traffic.unannounced += status == 503 and not _ends(head)
                for _, writer in self._idle[port]:
                    writer.close()  # as balancers do with the connections of what is down
                self._idle[port].clear()
            await asyncio.sleep(CHECK_EVERY_S)

    async def _request(self, port: int, request: bytes) -> tuple[int, bytes]:
        """Send one request over a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            return await _answer(reader)
        finally:
            writer.close()

    async def _send_regularly(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = SENDERS / self._rate
        due = loop.time()
        while not self._stop_requested.is_set():
            due += pause_s
            await self._send()
            await asyncio.sleep(max(due - loop.time(), 0))

    async def _send(self) -> None:
        number = next(self._numbers)
        ready = sorted(self._ready)
        if not ready:
            self.traffic.unready += 1
            return
        port = ready[number % len(ready)]
        try:
            reader, writer = await self._connection(port)
            writer.write(_http(self._bet(number)))
            status, head = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            self.traffic.resets += 1
            return
        self.traffic.answered[port] += 1
        self.traffic.refused += status != 200
        if _ends(head):
            writer.close()
        else:
            self._idle[port].append((reader, writer))

    async def _connection(self, port: int) -> _Connection:
        while self._idle[port]:
            reader, writer = self._idle[port].pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
        return await asyncio.open_connection("127.0.0.1", port)

    def _bet(self, number: int) -> Callback:
        document = {
            "transaction_id": f"balanced-{number}",
            "action": "bet",
            "user_id": self._player,
            "currency": "USD",
            "amount": "0.01",
        }
        return sign_sportsbook("/transaction", json.dumps(document).encode(), self._secret)


def _http(callback: Callback) -> bytes:
    headers = {**callback.headers, "Host": "x", "Content-Length": str(len(callback.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST /callbacks/sport{callback.route} HTTP/1.1\r\n{lines}\r\n".encode()
        + callback.body
    )


def _ends(head: bytes) -> bool:
    """Whether an answer says that its connection ends."""
    return b"connection: close" in head.lower()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and head of a response that is read whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), head
