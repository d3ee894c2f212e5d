"""Asking one provider about one bet; imported only where something is asked."""

import json
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp

from breaks.provider_inquiries import InquiryAnswer
from ops.providers.apis import outbound_of
from ops.settings.api import ApiSettings
from ops.settings.model import ProviderSettings
from providers.aggregator import client as aggregator
from providers.outbound import Outbound
from providers.xigs import client as xigs
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import ApiRefused

#: Longest page that is captured, in bytes.
PAGE_BYTES_MAX = 1024 * 1024
PAGE_TIMEOUT_S = 10


async def ask_one(
    entry: ProviderSettings, key: str, began: datetime | None, hosts: frozenset[str]
) -> InquiryAnswer:
    """What the provider says about a bet; pages of these ``hosts`` are captured.

    Raises:
        ApiError: it did not answer, or not as documented.
        SettingsInvalid: its API is not configured.
    """
    clock = SystemClock()
    api, out = outbound_of(entry, clock)
    async with out:
        if entry.dialect == "aggregator":
            return await _of_aggregator(api, out, key, hosts)
        return await _of_xigs(api, out, clock, key, began)


async def _of_aggregator(
    api: ApiSettings, out: Outbound, key: str, hosts: frozenset[str]
) -> InquiryAnswer:
    given = aggregator.Credentials(
        api_key=_key(api), prefix=api.prefix, form_bodies=api.form_bodies
    )
    client = aggregator.AggregatorClient(out, given)
    try:
        link = (await client.bet_detail(key)).url
    except ApiRefused as refused:
        if refused.status != 404:
            raise
        return InquiryAnswer(verdict="unknown", reason="it knows no such bet")
    page = await _captured(link, hosts)
    return InquiryAnswer(verdict="confirmed", reason="it shows the bet", link=link, page=page)


async def _of_xigs(
    api: ApiSettings, out: Outbound, clock: Clock, key: str, began: datetime | None
) -> InquiryAnswer:
    client = xigs.XigsClient(out, api_key=_key(api), clock=clock)
    # Their days may end elsewhere than ours.
    since = None if began is None else (began - timedelta(days=1)).date()
    until = None if began is None else (began + timedelta(days=1)).date()
    try:
        told = [
            item.document
            async for item in client.transactions(since=since, until=until)
            if item.document.get("roundId") == key
        ]
    finally:
        await client.close()
    if not told:
        return InquiryAnswer(
            verdict="unknown", reason="its list has no transaction of the round"
        )
    page = json.dumps(told, sort_keys=True, default=str).encode()
    return InquiryAnswer(
        verdict="confirmed", reason=f"its list has {len(told)} transactions", page=page
    )


async def _captured(link: str, hosts: frozenset[str]) -> bytes | None:
    """The bytes behind a link, from a host that the settings name; None where it gives none."""
    if urlsplit(link).hostname not in hosts:
        return None
    patience = aiohttp.ClientTimeout(total=PAGE_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.get(link, allow_redirects=False) as reply,
        ):
            content = await reply.content.read(PAGE_BYTES_MAX + 1)
            while len(content) <= PAGE_BYTES_MAX and not reply.content.at_eof():
                content += await reply.content.read(PAGE_BYTES_MAX + 1 - len(content))
    except (aiohttp.ClientError, TimeoutError):
        return None
    fits = reply.status == 200 and len(content) <= PAGE_BYTES_MAX
    return content if fits else None


def _key(api: ApiSettings) -> str:
    assert api.key is not None  # the settings were checked for this dialect
    return api.key.value.decode()
