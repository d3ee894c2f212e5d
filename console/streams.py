"""Server-sent events: open pages learn of changes, without a page thread for each of them.

A stream waits in the event loop. Every few seconds one of its own few threads checks that the
session still holds, then reads what changed. So any number of open pages needs two threads, and
signing out, disabling the person or taking the role away ends the stream within seconds.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import structlog
from aiohttp import web
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from console.accounts.sessions import BrowserSession, holder_of
from console.config import Console
from console.gate import Route, failed
from console.replies import EventStream, RequestRefused, StreamEvent
from vocabulary.errors import Unavailable

#: Threads that read for all streams together.
STREAM_THREADS = 2
#: Streams of one session: a browser has six connections to a host, and pages need some.
SESSION_STREAMS_MAX = 4
#: Streams of all sessions.
STREAMS_MAX = 64
#: Longest silence before a comment keeps proxies from closing the connection, in seconds.
HEARTBEAT_S = 15.0
#: Shortest time between two readings of a stream, in seconds.
_READ_EVERY_MIN_S = 0.05
#: Longest wait for a browser that does not read, in seconds.
_WRITE_S = 10.0
#: When a browser connects again after the console was away, in milliseconds.
_RETRY_MS = 5_000
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
_HEARTBEAT = b": still here\n\n"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream:
    """A stream that a page function returned, with who may read it."""

    stream: EventStream
    session: BrowserSession
    route: Route


class Streams:
    """The open streams of the process."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._threads = ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix="stream")
        self._open: Counter[str] = Counter()
        self._stopping = asyncio.Event()

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def stop(self) -> None:
        """End every stream: browsers connect again when the console is back."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for the last readings."""
        self._threads.shutdown(wait=True)

    def require_room(self, opened: OpenStream) -> None:
        """Refuse one stream too many.

        Raises:
            RequestRefused: the session, or the console, has as many as it may.
        """
        if self._open[opened.session.token] >= SESSION_STREAMS_MAX:
            raise _too_many(
                f"{SESSION_STREAMS_MAX} live pages of this session are open. Close one."
            )
        if self.count >= STREAMS_MAX:
            raise _too_many(f"{STREAMS_MAX} live pages are open. Reload to see new figures.")

    async def send(self, request: web.Request, opened: OpenStream) -> web.StreamResponse:
        """Send events until the browser leaves, the session or source ends, or the stop."""
        token = opened.session.token
        response = web.StreamResponse(headers=_HEADERS)
        self._open[token] += 1
        try:
            await response.prepare(request)
            await self._send_events(request, response, opened)
        except (ConnectionError, TimeoutError) as error:
            log.debug("stream_left", route=opened.route.path, error=type(error).__name__)
        finally:
            self._open[token] -= 1
            if not self._open[token]:
                del self._open[token]
        return response

    async def _send_events(
        self, request: web.Request, response: web.StreamResponse, opened: OpenStream
    ) -> None:
        loop = asyncio.get_running_loop()
        last_id = _last_id(request.headers.get("Last-Event-ID", ""))
        every_s = max(opened.stream.every_s, _READ_EVERY_MIN_S)
        await _write(response, f"retry: {_RETRY_MS}\n\n".encode())
        written_at = loop.time()
        while not self._stopping.is_set() and request.transport is not None:
            read = partial(self._read, opened, last_id)
            events = await loop.run_in_executor(self._threads, read)
            last_id = next((event.id for event in reversed(events) if event.id), last_id)
            is_silent = loop.time() - written_at >= HEARTBEAT_S
            if content := encoded(events) or (_HEARTBEAT if is_silent else b""):
                await _write(response, content)
                written_at = loop.time()
            if events and events[-1].name == "end":
                return
            await self._pause(every_s)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not for a console that stops."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _read(self, opened: OpenStream, last_id: str) -> Sequence[StreamEvent]:
        """What changed; the end if the session is over or the source fails."""
        try:
            if not self._is_allowed(opened):
                return [StreamEvent.end("You are signed out, or may no longer see this.")]
            return opened.stream.read(last_id)
        except (Unavailable, OperationalError, PoolTimeout):
            return [StreamEvent(name="away", data={"why": "the database is away"})]
        except Exception as error:  # noqa: BLE001 - the edge: a failure is logged and told
            outcome = failed(error, opened.route, opened.session)
            return [StreamEvent.end(f"A fault of ours; the log has {outcome.error_id}.")]

    def _is_allowed(self, opened: OpenStream) -> bool:
        """Whether the session holds, and its person still has the right."""
        console = self._console
        with console.writers.connect() as connection:
            person = holder_of(
                connection,
                opened.session.token,
                now=console.clock.now(),
                idle=console.config.session_idle,
            )
        right = opened.route.right
        return person is not None and right is not None and person.may(right)


def encoded(events: Iterable[StreamEvent]) -> bytes:
    """Events as they go over the wire: JSON has no line breaks, so one line of data each."""
    lines = []
    for event in events:
        if event.id:
            lines.append(f"id: {event.id}\n")
        lines.append(f"event: {event.name}\ndata: {json.dumps(event.data)}\n\n")
    return "".join(lines).encode()


def _last_id(header: str) -> str:
    """The last event that a browser has; nothing if it is no id of ours."""
    return header if _ID.fullmatch(header) else ""


async def _write(response: web.StreamResponse, content: bytes) -> None:
    await asyncio.wait_for(response.write(content), _WRITE_S)


def _too_many(why: str) -> RequestRefused:
    return RequestRefused(
        status=HTTPStatus.TOO_MANY_REQUESTS, title="Too many live pages", why=why
    )
