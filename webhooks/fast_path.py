"""HTTP fast path: answers plain callbacks directly and hands other connections to aiohttp.

Every connection starts here. While its requests are plain callbacks, one at a time, they are
read and answered without aiohttp's request, response and task objects. The first request that
is anything else moves the connection to the HTTP server for good.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from typing import Protocol, cast

from vocabulary.clock import Clock
from vocabulary.outcomes import CallbackReply
from webhooks.fast_parser import PlainRequest, parse_plain
from webhooks.handler import OnReply
from webhooks.http_server import gave_up


class Handler(Protocol):
    """Answers the plain requests of one route; headers have names in lower case."""

    def handle_plain(
        self, headers: Mapping[str, str], body: bytes, peer: str | None, on_reply: OnReply, /
    ) -> None:
        """Answer one complete request, now or later."""

    def refuse_slow(self, headers: Mapping[str, str], peer: str | None, /) -> CallbackReply:
        """The answer to a request whose body did not arrive in time."""


class FastPath:
    """The connections of one receiver that are not handed to the HTTP server.

    Args:
        handlers: by request line, e.g. ``"POST /callbacks/sport/transaction HTTP/1.1"``.
        server: makes the HTTP server's protocol for a connection that is handed over.
        idle_timeout_s: how long a connection may stay open without a complete head.
        read_timeout_s: how long a body may take, in however many parts. A request whose head
            comes in parts goes to the HTTP server, which has the same limit.
        body_bytes_max: longer bodies go to the HTTP server, which refuses them unread.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        server: Callable[[], asyncio.Protocol],
        idle_timeout_s: float,
        read_timeout_s: float,
        body_bytes_max: int,
        clock: Clock,
    ) -> None:
        self.handlers = handlers
        self.server = server
        self.idle_timeout_s = idle_timeout_s
        self.read_timeout_s = read_timeout_s
        self.body_bytes_max = body_bytes_max
        self.is_draining = False
        self._clock = clock
        self._open: set[FastConnection] = set()
        self._all_closed = asyncio.Event()
        self._date = (-1, b"")

    def __call__(self) -> "FastConnection":
        """The protocol of a new connection."""
        return FastConnection(self)

    def add(self, connection: "FastConnection") -> None:
        """Track an open connection."""
        self._open.add(connection)

    def remove(self, connection: "FastConnection") -> None:
        """Stop tracking a connection that was closed or handed over."""
        self._open.discard(connection)
        if not self._open:
            self._all_closed.set()

    def drain(self) -> None:
        """From now on close each connection after its next answer, which says so."""
        self.is_draining = True

    async def stop(self, timeout_s: float) -> None:
        """Close every connection: idle ones now, the others after their pending answer."""
        self.drain()
        for connection in list(self._open):
            connection.stop()
        if self._open:
            self._all_closed.clear()
            try:
                await asyncio.wait_for(self._all_closed.wait(), timeout_s)
            except TimeoutError:
                for connection in list(self._open):
                    connection.abort()

    def encode(self, reply: CallbackReply, now: float, *, is_last: bool = False) -> bytes:
        """The HTTP response for a reply; ``now`` is the event loop's time."""
        second, date = self._date
        if second != int(now):
            date = format_datetime(self._clock.now(), usegmt=True).encode("ascii")
            self._date = (int(now), date)
        return b"%bContent-Length: %d\r\nDate: %b\r\n%b\r\n%b" % (
            _RESPONSE_START[reply.status],
            len(reply.body),
            date,
            b"Connection: close\r\n" if self.is_draining or is_last else b"",
            reply.body,
        )


@dataclass(slots=True)
class _Unfinished:
    """A request whose body has not arrived in full.

    Attributes:
        request: its head, and the body as far as it came with the head.
        parts: all bytes received so far, the head included.
        missing: how many bytes of the body are still to come.
        timer: refuses the request when its time is over.
    """

    request: PlainRequest
    handler: Handler
    parts: list[bytes]
    missing: int
    timer: asyncio.TimerHandle


class FastConnection(asyncio.Protocol):
    """One connection on the fast path."""

    def __init__(self, fast_path: FastPath) -> None:
        self._fast_path = fast_path
        self._loop = asyncio.get_running_loop()
        self._is_busy = False
        self._is_ended = False  # the client has closed its sending side
        self._busy_since = 0.0
        self._pending = b""  # what came before the previous reply
        self._unfinished: _Unfinished | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start waiting for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else None
        self._deadline = self._loop.time() + self._fast_path.idle_timeout_s
        self._idle_timer = self._loop.call_at(self._deadline, self._close_if_idle)
        self._fast_path.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Stop tracking the connection; a decision in progress still commits."""
        self._detach()

    def data_received(self, data: bytes) -> None:
        """Handle a plain callback; hand the connection over on anything else."""
        if self._is_busy:
            self._pending += data
            self._transport.pause_reading()
        elif self._unfinished is not None:
            self._add_to(self._unfinished, data)
        else:
            self._begin(data)

    def eof_received(self) -> bool | None:
        """Answer what is pending before closing; drop a request that ends half way."""
        if not self._is_busy:
            return None
        self._is_ended = True
        return True

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read its replies."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again once the client reads."""
        self._transport.resume_reading()

    def stop(self) -> None:
        """Close now, or after the reply to a request that is decided or still arrives."""
        if not self._is_busy and self._unfinished is None:
            self._transport.close()

    def abort(self) -> None:
        """Close now, dropping any pending reply."""
        self._transport.abort()

    def _begin(self, data: bytes) -> None:
        """Handle the start of a request, which is nearly always all of it."""
        request = parse_plain(data)
        handler = None if request is None else self._fast_path.handlers.get(request.line)
        if request is None or handler is None:
            self._hand_over(data)
        elif request.missing:
            self._await_rest(data, request, handler)
        else:
            self._handle(handler, request.headers, request.body)

    def _handle(self, handler: Handler, headers: Mapping[str, str], body: bytes) -> None:
        self._is_busy = True
        self._busy_since = self._loop.time()
        handler.handle_plain(headers, body, self._peer, self._send)

    def _send(self, reply: CallbackReply) -> bool:
        self._is_busy = False
        if self._transport.is_closing():
            return False
        now = self._loop.time()
        is_awaited = not (self._is_ended and gave_up(now - self._busy_since))
        self._deadline = now + self._fast_path.idle_timeout_s
        self._transport.write(self._fast_path.encode(reply, now))
        if self._fast_path.is_draining:
            self._transport.close()
        elif self._pending:
            pending, self._pending = self._pending, b""
            self._transport.resume_reading()
            self.data_received(pending)
        elif self._is_ended:
            self._transport.close()
        return is_awaited

    def _await_rest(self, data: bytes, request: PlainRequest, handler: Handler) -> None:
        length = len(request.body) + request.missing
        if length > self._fast_path.body_bytes_max or self._is_ended:
            self._hand_over(data)
            return
        timer = self._loop.call_later(self._fast_path.read_timeout_s, self._refuse_slow)
        self._unfinished = _Unfinished(request, handler, [data], request.missing, timer)

    def _add_to(self, unfinished: "_Unfinished", part: bytes) -> None:
        unfinished.parts.append(part)
        unfinished.missing -= len(part)
        if unfinished.missing > 0:
            return
        self._forget_unfinished()
        whole = b"".join(unfinished.parts)
        if unfinished.missing < 0:
            self._hand_over(whole)  # the next request has begun
            return
        request = unfinished.request
        body = whole[-(len(request.body) + request.missing) :]
        self._handle(unfinished.handler, request.headers, body)

    def _refuse_slow(self) -> None:
        assert self._unfinished is not None
        handler, request = self._unfinished.handler, self._unfinished.request
        reply = handler.refuse_slow(request.headers, self._peer)
        self._forget_unfinished()
        now = self._loop.time()
        self._transport.write(self._fast_path.encode(reply, now, is_last=True))
        self._transport.close()

    def _forget_unfinished(self) -> None:
        if self._unfinished is not None:
            self._unfinished.timer.cancel()
            self._unfinished = None

    def _hand_over(self, data: bytes) -> None:
        self._detach()
        server = self._fast_path.server()
        self._transport.set_protocol(server)
        server.connection_made(self._transport)
        server.data_received(data)
        if self._is_ended and not server.eof_received():
            self._transport.close()

    def _close_if_idle(self) -> None:
        now = self._loop.time()
        if self._is_busy or self._unfinished is not None:  # a body has a time limit of its own
            self._deadline = now + self._fast_path.idle_timeout_s
        if now < self._deadline:
            self._idle_timer = self._loop.call_at(self._deadline, self._close_if_idle)
        else:
            self._transport.close()

    def _detach(self) -> None:
        self._forget_unfinished()
        self._idle_timer.cancel()
        self._fast_path.remove(self)


_RESPONSE_START = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
    ).encode("ascii")
    for status in HTTPStatus
}
