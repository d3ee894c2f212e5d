"""Sending a request once, whatever it is, and returning whatever comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from simulator.protocol.json_text import WireRequest
from simulator.protocol.responses import Reply
from vocabulary.errors import Unavailable

#: Seconds after which a request counts as unanswered; no documented peer waits longer.
ANSWER_WITHIN_S = 10.0


class HttpClient:
    """Sends requests to one receiver."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base.rstrip("/")

    async def send(self, slug: str, request: WireRequest) -> Reply | None:
        """Send once; None where the connection was closed, or stayed silent.

        Raises:
            Unavailable: nobody listens there.
        """
        url = f"{self._base}/callbacks/{slug}{request.route}"
        try:
            async with self._session.post(
                url, data=request.body, headers=request.headers, allow_redirects=False
            ) as response:
                return Reply(response.status, await response.read())
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"no receiver listens at {self._base}") from error
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


@asynccontextmanager
async def http_client(base: str) -> AsyncIterator[HttpClient]:
    """A client with connections of its own."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield HttpClient(session, base)
