"""The HTTP transport to one provider's API: pooled connections, deadlines, typed errors.

A call that changes something at the provider is sent once. Only calls marked repeatable are
sent again, after a pause with jitter, and only when the failure may be temporary: no
connection, no reply in time, a server error, or 429. ``Retry-After`` delays every call to that
provider. Redirects are not followed, replies are read up to a size limit. Errors and logs never
contain a body, a header or a token: only the provider, the endpoint as documented, the status,
a documented code and the number of attempts.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import structlog

from providers.outbound.calls import ApiCall, ErrorReply
from providers.outbound.replies import decode_reply
from providers.wire.decode import Json
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

_CHUNK_BYTES = 65_536
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The last request that was answered.

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
class _Failure:
    """A failure that may be temporary."""

    reason: str
    status: int | None = None


class HttpTransport:
    """The transport to one provider's API; use it as ``async with``.

    Attributes:
        latest: the last request that was answered; None before the first.

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
        """The event loop's time at which a call that begins now must have ended."""
        return self._now() + self._deadline.total_seconds()

    async def send(
        self, call: ApiCall, read: Callable[[Json], T], *, due: float | None = None
    ) -> T:
        """Send a call and read its reply; see ``Transport.send``."""
        began = self._now()
        reply, attempts = await self._repeated(call, self.due() if due is None else due)
        result = self._result(call, reply, attempts, read)
        log.info(
            "api_called",
            provider=self.slug,
            endpoint=call.endpoint,
            status=reply.status,
            attempts=attempts,
            elapsed_ms=round((self._now() - began) * 1000),
            outcome=type(result).__name__ if isinstance(result, ApiError) else "done",
        )
        if isinstance(result, ApiError):
            raise result
        return result

    async def _repeated(self, call: ApiCall, due: float) -> tuple[_Reply | _Failure, int]:
        """The first final reply, or the last failure; and the number of requests sent."""
        limit = self._attempts if call.repeatable else 1
        reply: _Reply | _Failure = _Failure("no time was left to send it")
        for attempt in range(1, limit + 1):
            wait = self._not_before - self._now()
            if self._now() + max(wait, 0) >= due:
                return self._too_late(reply, wait), attempt - 1
            await asyncio.sleep(max(wait, 0))
            reply = await self._attempt(call, due, limit - attempt + 1)
            if isinstance(reply, _Reply) or attempt == limit:
                return reply, attempt
            pause = self._random.uniform(0, PAUSE_MS * 2**attempt) / 1000
            if self._now() + pause >= due:
                return reply, attempt
            await asyncio.sleep(pause)
        return reply, limit

    def _too_late(self, reply: _Reply | _Failure, wait: float) -> _Reply | _Failure:
        if wait <= 0 or reply.status is not None:
            return reply
        return _Failure("it asked us to come back later than the deadline", 429)

    async def _attempt(
        self, call: ApiCall, due: float, attempts_left: int
    ) -> _Reply | _Failure:
        """One request, within its share of the time left."""
        began = self._now()
        try:
            async with asyncio.timeout_at(began + (due - began) / attempts_left):
                return await self._request(call)
        except TimeoutError:
            return _Failure("no reply in time")
        except (aiohttp.ClientError, OSError) as error:
            return _Failure(_reason(error))

    async def _request(self, call: ApiCall) -> _Reply | _Failure:
        assert self._session is not None, "use it as `async with`"
        method, path = call.endpoint.split(" ", 1)
        query = f"?{urlencode(call.query)}" if call.query else ""
        url = f"{self._base_url}{call.path or path}{query}"
        began = self._now()
        async with self._session.request(
            method, url, data=call.body, headers=call.headers, allow_redirects=False
        ) as response:
            body = await _bounded(response)
            self._record(call, response, began)
            if response.status == 429 or response.status >= 500:
                self._delay(response.headers.get("Retry-After", ""))
                return _Failure(f"answered {response.status}", response.status)
            return _Reply(response.status, body)

    def _result(
        self,
        call: ApiCall,
        reply: _Reply | _Failure,
        attempts: int,
        read: Callable[[Json], T],
    ) -> T | ApiError:
        """The result, or the error to raise."""
        place = {"provider": self.slug, "endpoint": call.endpoint}
        status = reply.status
        if isinstance(reply, _Failure):
            return ApiUnavailable(reply.reason, **place, attempts=attempts, status=status)
        if reply.status in call.good:
            try:
                return read(_decoded(reply.body))
            except Malformed as error:
                reason = f"the reply is not as documented: {error}"
        elif 400 <= reply.status < 500:
            refusal = _error_reply(call, reply)
            details = "".join(f", {word}" for word in (refusal.code, refusal.advice) if word)
            reason = f"answered {status}{details}"
            return ApiRefused(
                reason, **place, attempts=attempts, status=status, code=refusal.code
            )
        else:
            reason = f"answered {status}, which is not documented"
        return ApiUnreadable(reason, **place, attempts=attempts, status=status)

    def _record(self, call: ApiCall, response: aiohttp.ClientResponse, began: float) -> None:
        latency = timedelta(seconds=self._now() - began)
        dated = _date(response.headers.get("Date", ""))
        middle = self._clock.now() - latency / 2
        self.latest = Exchange(
            endpoint=call.endpoint,
            status=response.status,
            latency=latency,
            skew=None if dated is None else dated - middle.replace(microsecond=0),
        )

    def _delay(self, retry_after: str) -> None:
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


#: Subclasses first.
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

    The library resends a GET, PUT or DELETE on its own, uncounted, when a kept connection turns
    out to be closed. It does so for these two errors, so they are replaced by another one.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _Dropped from None


def _error_reply(call: ApiCall, reply: _Reply) -> ErrorReply:
    try:
        return call.read_error(_decoded(reply.body))
    except Malformed:
        return ErrorReply(None)


def _reason(error: Exception) -> str:
    """The failure in our words: the library's message may name headers or addresses."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "no reply that is HTTP"


async def _bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is longer than the limit."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > REPLY_BYTES_MAX:
            return None
    return bytes(body)


def _decoded(body: bytes | None) -> Json:
    if body is None:
        raise Malformed("body", f"at most {REPLY_BYTES_MAX} bytes are expected")
    return decode_reply(body)


def _date(text: str) -> datetime | None:
    """The instant of an HTTP date, or None for any other text."""
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else None
