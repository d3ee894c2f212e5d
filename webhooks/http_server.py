"""Connections of the HTTP server behind the fast path.

aiohttp's own connection quotes bytes that are no HTTP in its answer, and drops the answer to a
client that closed its sending side after the request, although the operation was committed.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

#: No client gives up earlier than after this time, in seconds.
PATIENCE_S = 1.0


def http_connections(runner: web.AppRunner, **options: Any) -> Callable[[], asyncio.Protocol]:
    """A factory of connections to the server of a runner that was set up.

    Args:
        runner: whose application answers.
        options: keyword arguments of ``aiohttp.web.RequestHandler``.
    """
    server = runner.server
    assert server is not None
    loop = asyncio.get_running_loop()
    # No decompression: a signature covers the bytes on the wire.
    options |= {"access_log": None, "auto_decompress": False}
    return lambda: _HttpConnection(server, loop=loop, **options)


def is_client_gone(request: web.Request, waited_s: float) -> bool:
    """Whether the client of a request closed its connection rather than wait for the answer.

    Args:
        request: answered by a connection of ``http_connections``.
        waited_s: how long it has waited for its answer, in seconds.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        return True
    protocol = request.protocol
    return isinstance(protocol, _HttpConnection) and protocol.is_ended and gave_up(waited_s)


def gave_up(waited_s: float) -> bool:
    """Whether a client that ended its sending side waited long enough to have given up.

    One that ends it with its request, to read the answer and no more, is answered in
    milliseconds; one that gives up has waited for seconds.
    """
    return waited_s >= PATIENCE_S


async def hide_server(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the header ``Server``: it only helps whoever looks for a known weakness."""
    response.headers.popall("Server", None)


class _HttpConnection(web.RequestHandler):
    """One connection that the HTTP server answers."""

    _is_ended = False  # the client has closed its sending side

    @property
    def is_ended(self) -> bool:
        """Whether the client has closed its sending side."""
        return self._is_ended

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp narrows asyncio
        """Answer the complete requests of a client that will send nothing more, then close."""
        self._is_ended = self.transport is not None and self._is_answering()
        return self._is_ended

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; close the connection after the last one of a client that ended."""
        finished = await super().finish_response(request, resp, start_time)
        if self._is_ended and not self._messages:
            self.close()
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with the status alone, whatever was received."""
        super().handle_error(request, status, exc, message)  # logs
        response = _StatusOnly(text=HTTPStatus(status).phrase, status=status)
        response.force_close()
        return response

    def _is_answering(self) -> bool:
        """Whether an answer is due, to a request that came whole."""
        if self._messages:
            return bool(self._messages[-1][1].is_eof())
        if self._current_request is not None:
            return bool(self._current_request.content.is_eof())
        # Between taking a request and handling it, the server neither waits nor has a current
        # request.
        return self._request_count > 0 and self._waiter is None


class _StatusOnly(web.Response):
    """A response without the header ``Server``, to what no application is asked about."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class LastResponse(web.Response):
    """A response that closes the connection, whose request will not arrive any more."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send what is left, and close."""
        transport = None if self._req is None else self._req.transport
        await super().write_eof(data)
        if transport is not None:
            transport.close()
