"""The way out: one connection pool per provider, a deadline for every call, typed errors.

A call that changes something at the provider is sent once. Only calls marked repeatable are
sent again, after a pause with jitter, and only when the failure may pass: no connection, no
reply in time, a server's error, or 429. Whatever ``Retry-After`` says holds for every call to
that provider. Redirects are not followed, replies are read up to a size, and neither errors
nor logs carry a body, a header or a token: only the provider, the endpoint as documented, the
status, a documented code and the number of attempts.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import structlog

from providers.outbound_json import decode_reply
from providers.wire import Json
from vocabulary.clock import Clock
from vocabulary.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable, Malformed

#: Longest reply read, in bytes, after decompression; a catalogue of ten thousand games fits.
REPLY_BYTES_MAX = 8 * 1024 * 1024
#: Most connections to one provider at a time.
CONNECTIONS_MAX = 16
#: First pause before a repeat, in milliseconds; it doubles, and each is drawn below its limit.
PAUSE_MS = 250
#: Longest wait that ``Retry-After`` can impose on us.
RETRY_AFTER_MAX = timedelta(minutes=15)

OK = frozenset({200})

_CHUNK_BYTES = 65_536
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What an error reply says: a documented code, and what we make of it."""

    code: str | None
    advice: str | None = None


def _no_fault(_document: Json) -> ErrorReply:
    return ErrorReply(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One request.

    Attributes:
        endpoint: method and path as documented, e.g. ``"GET /v1/webhook/{webhookId}"``.
        path: the path really asked for; None where it is the documented one.
        query: sent in this order.
        body: sent byte for byte.
        good: the statuses whose body is a result.
        repeatable: whether sending it twice does no more than sending it once.
        fault: reads an error reply; may raise Malformed.
    """

    endpoint: str
    path: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    good: frozenset[int] = OK
    repeatable: bool = False
    fault: Callable[[Json], ErrorReply] = field(default=_no_fault, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What the last reply showed about the way there.

    Attributes:
        latency: from the first byte sent to the last byte read.
        skew: their clock minus ours, to the second; None where the reply has no date.
    """

    endpoint: str
    status: int
    latency: timedelta
    skew: timedelta | None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes | None = field(repr=False)  # None: too long to be read


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A failure that may pass."""

    reason: str
    status: int | None = None


class Outbound:
    """The transport to one provider's API; use it as ``async with``.

    Args:
        slug: the provider, as errors name it.
        base_url: what every path is appended to.
        deadline: longest time for one call, repeats and pauses included.
        attempts: most requests for one repeatable call.
        random: draws the pauses.
    """

    def __init__(
        self,
        *,
        slug: str,
        base_url: str,
        deadline: timedelta,
        attempts: int,
        random: Random,
        clock: Clock,
    ) -> None:
        self.slug = slug
        self.latest: Exchange | None = None
        self._base_url = base_url.rstrip("/")
        self._deadline = deadline
        self._attempts = attempts
        self._random = random
        self._clock = clock
        self._not_before: float = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_once,),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": "tieout", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def due(self) -> float:
        """The loop's time at which a call that begins now must have ended."""
        return self._now() + self._deadline.total_seconds()

    async def ask(
        self, call: ApiCall, read: Callable[[Json], T], *, due: float | None = None
    ) -> T:
        """Send a call and read its reply.

        Args:
            call: what is asked.
            read: makes the result; may raise Malformed.
            due: when it must have ended, where it is one of several requests of one call.

        Raises:
            ApiUnavailable: no usable reply in time.
            ApiRefused: the API said no.
            ApiUnreadable: the reply is not as documented.
        """
        began = self._now()
        found, attempts = await self._insist(call, self.due() if due is None else due)
        result = self._judged(call, found, attempts, read)
        log.info(
            "api_called",
            provider=self.slug,
            endpoint=call.endpoint,
            status=found.status,
            attempts=attempts,
            elapsed_ms=round((self._now() - began) * 1000),
            outcome=type(result).__name__ if isinstance(result, ApiError) else "done",
        )
        if isinstance(result, ApiError):
            raise result
        return result

    async def _insist(self, call: ApiCall, due: float) -> tuple[_Reply | _Trouble, int]:
        """The first reply that stands, or the last trouble; and how often it was sent."""
        limit = self._attempts if call.repeatable else 1
        found: _Reply | _Trouble = _Trouble("no time was left to send it")
        for attempt in range(1, limit + 1):
            wait = self._not_before - self._now()
            if self._now() + max(wait, 0) >= due:
                return self._too_late(found, wait), attempt - 1
            await asyncio.sleep(max(wait, 0))
            found = await self._attempt(call, due, limit - attempt + 1)
            if isinstance(found, _Reply) or attempt == limit:
                return found, attempt
            pause = self._random.uniform(0, PAUSE_MS * 2**attempt) / 1000
            if self._now() + pause >= due:
                return found, attempt
            await asyncio.sleep(pause)
        return found, limit

    def _too_late(self, found: _Reply | _Trouble, wait: float) -> _Reply | _Trouble:
        if wait <= 0 or found.status is not None:
            return found
        return _Trouble("it asked us to come back later than the deadline", 429)

    async def _attempt(
        self, call: ApiCall, due: float, attempts_left: int
    ) -> _Reply | _Trouble:
        """One request, within its share of the time left."""
        began = self._now()
        try:
            async with asyncio.timeout_at(began + (due - began) / attempts_left):
                return await self._send(call)
        except TimeoutError:
            return _Trouble("no reply in time")
        except (aiohttp.ClientError, OSError) as error:
            return _Trouble(_reason(error))

    async def _send(self, call: ApiCall) -> _Reply | _Trouble:
        assert self._session is not None, "use it as `async with`"
        method, path = call.endpoint.split(" ", 1)
        query = f"?{urlencode(call.query)}" if call.query else ""
        url = f"{self._base_url}{call.path or path}{query}"
        began = self._now()
        async with self._session.request(
            method, url, data=call.body, headers=call.headers, allow_redirects=False
        ) as reply:
            body = await _bounded(reply)
            self._note(call, reply, began)
            if reply.status == 429 or reply.status >= 500:
                self._heed(reply.headers.get("Retry-After", ""))
                return _Trouble(f"answered {reply.status}", reply.status)
            return _Reply(reply.status, body)

    def _judged(
        self, call: ApiCall, found: _Reply | _Trouble, attempts: int, read: Callable[[Json], T]
    ) -> T | ApiError:
        """The result, or the error to raise."""
        where = {"provider": self.slug, "endpoint": call.endpoint}
        status = found.status
        if isinstance(found, _Trouble):
            return ApiUnavailable(found.reason, **where, attempts=attempts, status=status)
        if found.status in call.good:
            try:
                return read(_decoded(found.body))
            except Malformed as error:
                reason = f"the reply is not as documented: {error}"
        elif 400 <= found.status < 500:
            fault = _fault_of(call, found)
            said = "".join(f", {word}" for word in (fault.code, fault.advice) if word)
            reason = f"answered {status}{said}"
            return ApiRefused(
                reason, **where, attempts=attempts, status=status, code=fault.code
            )
        else:
            reason = f"answered {status}, which is not documented"
        return ApiUnreadable(reason, **where, attempts=attempts, status=status)

    def _note(self, call: ApiCall, reply: aiohttp.ClientResponse, began: float) -> None:
        latency = timedelta(seconds=self._now() - began)
        dated = _date(reply.headers.get("Date", ""))
        middle = self._clock.now() - latency / 2
        self.latest = Exchange(
            endpoint=call.endpoint,
            status=reply.status,
            latency=latency,
            skew=None if dated is None else dated - middle.replace(microsecond=0),
        )

    def _heed(self, retry_after: str) -> None:
        """Send nothing more to this provider before the time it named."""
        named = _date(retry_after)
        if _SECONDS.fullmatch(retry_after):
            wait = timedelta(seconds=int(retry_after))
        elif named is not None:
            wait = named - self._clock.now()
        else:
            return
        seconds = min(wait, RETRY_AFTER_MAX).total_seconds()
        self._not_before = max(self._not_before, self._now() + seconds)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Dropped(aiohttp.ClientError):
    """The connection ended before the answer."""


#: Narrow kinds first: some are kinds of those below them.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientSSLError, "no trusted TLS connection"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ClientPayloadError, "the reply broke off"),
    (_Dropped, "the connection broke off"),
    (aiohttp.ClientConnectionError, "the connection broke off"),
    (OSError, "the connection broke off"),
)


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a request once.

    By itself the library sends a GET, PUT or DELETE again, uncounted, when a kept connection
    turns out to be closed. It does so for these two errors, so it is told another.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _Dropped from None


def _fault_of(call: ApiCall, reply: _Reply) -> ErrorReply:
    try:
        return call.fault(_decoded(reply.body))
    except Malformed:
        return ErrorReply(None)


def _reason(error: Exception) -> str:
    """What happened on the way, in our words: the library's may name headers or addresses."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "no reply that is HTTP"


async def _bounded(reply: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is longer than we read."""
    body = bytearray()
    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > REPLY_BYTES_MAX:
            return None
    return bytes(body)


def _decoded(body: bytes | None) -> Json:
    if body is None:
        raise Malformed("body", f"at most {REPLY_BYTES_MAX} bytes are expected")
    return decode_reply(body)


def _date(text: str) -> datetime | None:
    """The instant of an HTTP date, or None for whatever else it is."""
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else None
