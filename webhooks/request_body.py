"""A body as the HTTP server hands it over: within its length, within its time."""

import asyncio

from aiohttp import web

from webhooks.config import ReceiverConfig


class TooLarge(Exception):
    """The body exceeds the limit."""


async def read_body(request: web.Request, config: ReceiverConfig) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is longer than it may be, or is said to be.
        TimeoutError: it did not come in time.
        OSError, aiohttp.web.RequestPayloadError, RuntimeError: it did not come whole.
    """
    length = request.content_length
    if length is not None and length > config.body_bytes_max:
        raise TooLarge
    if request.content.is_eof():
        body = await request.content.read()
    else:
        async with asyncio.timeout(config.read_timeout_s):
            body = await _read_bounded(request, config.body_bytes_max + 1)
    if len(body) > config.body_bytes_max:
        raise TooLarge
    return body


async def _read_bounded(request: web.Request, room: int) -> bytes:
    parts: list[bytes] = []
    while room > 0 and (part := await request.content.read(room)):
        parts.append(part)
        room -= len(part)
    return b"".join(parts)
