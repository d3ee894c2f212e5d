"""An inquiry about one bet to one provider over HTTP."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from ops.providers.api_access import access_to, transport_of
from ops.settings.model import ProviderSettings
from providers.outbound.inquiry import InquiryAnswer
from providers.registry import DIALECTS
from vocabulary.clock import SystemClock

#: Longest page that is captured, in bytes.
PAGE_BYTES_MAX = 1024 * 1024
PAGE_TIMEOUT_S = 10


async def inquire(
    entry: ProviderSettings, key: str, began: datetime | None, hosts: frozenset[str]
) -> InquiryAnswer:
    """Ask a provider whose dialect offers inquiries; linked pages on ``hosts`` are captured.

    Raises:
        ApiError: it did not answer, or not as documented.
        SettingsInvalid: its API is not configured.
    """
    ask = DIALECTS[entry.dialect].api().inquire
    assert ask is not None, entry.dialect
    clock = SystemClock()
    async with transport_of(entry, clock) as transport:
        answer = await ask(access_to(entry, transport, clock), key, began)
    if answer.link is None:
        return answer
    return replace(answer, page=await _captured(answer.link, hosts))


async def _captured(link: str, hosts: frozenset[str]) -> bytes | None:
    """The bytes behind a link to one of these hosts; None where there are none."""
    if urlsplit(link).hostname not in hosts:
        return None
    timeout = aiohttp.ClientTimeout(total=PAGE_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(link, allow_redirects=False) as reply,
        ):
            content = await reply.content.read(PAGE_BYTES_MAX + 1)
            while len(content) <= PAGE_BYTES_MAX and not reply.content.at_eof():
                content += await reply.content.read(PAGE_BYTES_MAX + 1 - len(content))
    except (aiohttp.ClientError, TimeoutError):
        return None
    fits = reply.status == 200 and len(content) <= PAGE_BYTES_MAX
    return content if fits else None
