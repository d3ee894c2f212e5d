"""What stands before the HTTP server: ordinary callbacks are taken here, all else is passed on.

A connection begins here. As long as each of its requests is a plain callback, one at a time, it
is read and answered without the server's objects for requests, responses and tasks. The first
one that is anything else takes the connection over to the HTTP server, for good.
"""

import asyncio
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from http import HTTPStatus
from typing import cast

from vocabulary.clock import Clock
from vocabulary.outcomes import Answer
from webhooks.fast_parser import read_plain
from webhooks.handler import OnAnswer

#: Takes one request: headers (names in lower case), body, the peer's address, who hears.
Take = Callable[[Mapping[str, str], bytes, str | None, OnAnswer], None]


class FastPath:
    """The connections of one receiver that have not been passed on.

    Args:
        doors: by request line, e.g. ``"POST /callbacks/sport/transaction HTTP/1.1"``.
        server: makes the HTTP server's protocol for a connection that is passed on.
        idle_timeout_s: how long a connection may go without a whole request.
        read_timeout_s: how long the second part of a request may take; then, and when there is
            a third, the HTTP server goes on with it, and has a time of its own.
        body_bytes_max: longer bodies are left to the HTTP server, which refuses them unread.
    """

    def __init__(
        self,
        doors: Mapping[str, Take],
        *,
        server: Callable[[], asyncio.Protocol],
        idle_timeout_s: float,
        read_timeout_s: float,
        body_bytes_max: int,
        clock: Clock,
    ) -> None:
        self.doors = doors
        self.server = server
        self.idle_timeout_s = idle_timeout_s
        self.read_timeout_s = read_timeout_s
        self.body_bytes_max = body_bytes_max
        self.is_stopping = False
        self._clock = clock
        self._open: set[FastConnection] = set()
        self._gone = asyncio.Event()
        self._date = (-1, b"")

    def __call__(self) -> "FastConnection":
        """The protocol of a new connection."""
        return FastConnection(self)

    def came(self, front: "FastConnection") -> None:
        """Remember a connection."""
        self._open.add(front)

    def went(self, front: "FastConnection") -> None:
        """Forget a connection that was closed or passed on."""
        self._open.discard(front)
        if not self._open:
            self._gone.set()

    async def stop(self, timeout_s: float) -> None:
        """Close every connection: those that are owed an answer, after it."""
        self.is_stopping = True
        for front in list(self._open):
            front.stop()
        if self._open:
            self._gone.clear()
            try:
                await asyncio.wait_for(self._gone.wait(), timeout_s)
            except TimeoutError:
                for front in list(self._open):
                    front.abort()

    def bytes_of(self, answer: Answer, now: float) -> bytes:
        """An answer as it goes over the wire, at an instant of the loop's clock."""
        second, date = self._date
        if second != int(now):
            date = format_datetime(self._clock.now(), usegmt=True).encode("ascii")
            self._date = (int(now), date)
        return b"%bContent-Length: %d\r\nDate: %b\r\n%b\r\n%b" % (
            _START[answer.status],
            len(answer.body),
            date,
            b"Connection: close\r\n" if self.is_stopping else b"",
            answer.body,
        )


class FastConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, fronts: FastPath) -> None:
        self._fronts = fronts
        self._loop = asyncio.get_running_loop()
        self._is_busy = False
        self._rest = b""  # came before it could be taken: half a request, or one too early
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else None
        self._due = self._loop.time() + self._fronts.idle_timeout_s
        self._idle = self._loop.call_at(self._due, self._look)
        self._fronts.came(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Whatever is being decided goes on; there is nobody to answer."""
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Take a plain callback, pass everything else on."""
        if self._is_busy:
            self._rest += data
            self._transport.pause_reading()
            return
        begun, self._rest = self._rest, b""
        data = begun + data
        plain = read_plain(data)
        take = None if plain is None else self._fronts.doors.get(plain.line)
        if plain is None or take is None:
            self._pass_on(data)
        elif plain.missing:
            self._wait_or_pass_on(data, len(plain.body) + plain.missing, is_second=bool(begun))
        else:
            self._wait_no_more()
            self._is_busy = True
            take(plain.headers, plain.body, self._peer, self._say)

    def eof_received(self) -> bool | None:
        """Nothing more comes; what was begun is the HTTP server's to answer."""
        if self._is_busy or not self._rest:
            return None
        return self._pass_on(self._rest).eof_received()

    def pause_writing(self) -> None:
        """Who does not read their answers is not read from."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """They do again."""
        self._transport.resume_reading()

    def stop(self) -> None:
        """Close, now or after the answer that is owed."""
        if not self._is_busy:
            self._transport.close()

    def abort(self) -> None:
        """Close, whatever is owed."""
        self._transport.abort()

    def _say(self, answer: Answer) -> None:
        self._is_busy = False
        if self._transport.is_closing():
            return
        now = self._loop.time()
        self._due = now + self._fronts.idle_timeout_s
        self._transport.write(self._fronts.bytes_of(answer, now))
        if self._fronts.is_stopping:
            self._transport.close()
        elif self._rest:
            early, self._rest = self._rest, b""
            self._transport.resume_reading()
            self.data_received(early)

    def _wait_or_pass_on(self, data: bytes, length: int, *, is_second: bool) -> None:
        if is_second or length > self._fronts.body_bytes_max:
            self._pass_on(data)
            return
        self._rest = data
        wait_s = self._fronts.read_timeout_s
        self._late = self._loop.call_later(wait_s, lambda: self._pass_on(self._rest))

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _pass_on(self, data: bytes) -> asyncio.Protocol:
        self._forget()
        server = self._fronts.server()
        self._transport.set_protocol(server)
        server.connection_made(self._transport)
        server.data_received(data)
        return server

    def _look(self) -> None:
        """Close a connection that was idle for too long."""
        now = self._loop.time()
        if self._is_busy:
            self._due = now + self._fronts.idle_timeout_s
        if now < self._due:
            self._idle = self._loop.call_at(self._due, self._look)
        else:
            self._transport.close()

    def _forget(self) -> None:
        self._wait_no_more()
        self._idle.cancel()
        self._fronts.went(self)


_START = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
    ).encode("ascii")
    for status in HTTPStatus
}
