"""Sending one request until it is answered: the same bytes again, for a bounded time."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

import aiohttp

from simulator.protocol.json_text import WireRequest
from simulator.protocol.responses import Reply, is_retryable
from simulator.protocol.system import ReplyFormat
from vocabulary.errors import Unavailable
from vocabulary.plurals import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long a provider tries. All in seconds.

    Attributes:
        deadline: from the first send of a callback until it is given up.
        one_send: after which a single send counts as unanswered.
        pause: before the first retry; doubled each time, up to ``pause_max``.
    """

    deadline: float
    one_send: float
    pause: float
    pause_max: float


#: The tightest documented peer waits 2 s; most wait 3 to 10.
PATIENCE = RetryPolicy(deadline=60.0, one_send=5.0, pause=0.05, pause_max=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """A final reply.

    Attributes:
        sends: how often the bytes were sent until it came.
        seconds: how long the send that was answered took.
    """

    reply: Reply
    sends: int
    seconds: float


class Sender:
    """Sends signed requests to a receiver over kept connections."""

    def __init__(
        self, session: aiohttp.ClientSession, base: str, patience: RetryPolicy
    ) -> None:
        self._session = session
        self._base = base.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=patience.one_send)
        self._patience = patience

    async def deliver(
        self, slug: str, request: WireRequest, replies: ReplyFormat
    ) -> DeliveryResult:
        """Send until there is a final reply.

        Raises:
            Unavailable: there was none within the deadline.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience.deadline
        url = f"{self._base}/callbacks/{slug}{request.route}"
        pause = self._patience.pause
        sends = 0
        while True:
            began = perf_counter()  # finer than a loop's clock
            reply = await self._send(url, request)
            sends += 1
            if reply is not None and not is_retryable(reply, replies):
                return DeliveryResult(reply=reply, sends=sends, seconds=perf_counter() - began)
            if loop.time() + pause > give_up:
                raise Unavailable(f"{url} gave no answer in {counted(sends, 'send')}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._patience.pause_max)

    async def _send(self, url: str, request: WireRequest) -> Reply | None:
        try:
            async with self._session.post(
                url, data=request.body, headers=request.headers, timeout=self._timeout
            ) as response:
                return Reply(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None  # only the same bytes again can show whether it was booked


def open_session() -> aiohttp.ClientSession:
    """A client without a limit of its own: the lanes bound what is in flight."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
