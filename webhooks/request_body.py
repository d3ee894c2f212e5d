"""Read a request body within its size limit and its timeout."""

import asyncio

from aiohttp import web

from webhooks.config import ReceiverConfig


class TooLarge(Exception):
    """The body exceeds ``body_bytes_max``."""


async def read_body(request: web.Request, config: ReceiverConfig) -> bytes:
    """Read the complete body.

    Raises:
        TooLarge: the body, or its declared length, exceeds the limit.
        TimeoutError: the body was not complete within ``read_timeout_s``.
        OSError, aiohttp.web.RequestPayloadError, RuntimeError: the body is incomplete.
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


async def _read_bounded(request: web.Request, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := await request.content.read(limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
