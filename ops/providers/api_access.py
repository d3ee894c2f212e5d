"""Access to the API of a configured provider of any dialect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from random import Random

from ops.providers.configured import configured_provider
from ops.settings.model import ProviderSettings
from ops.settings.sections.api import ApiSettings
from ops.settings.values import unset_secrets_of
from providers.outbound.access import ApiAccess, ApiAccount
from providers.outbound.http_transport import HttpTransport
from providers.outbound.launch import GamesApi, NotOffered
from providers.registry import DIALECTS
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import SettingsInvalid


@asynccontextmanager
async def open_api(
    entry: ProviderSettings,
) -> AsyncIterator[tuple[GamesApi, HttpTransport]]:
    """Connect to a provider's API; the transport records the latest exchange.

    Raises:
        SettingsInvalid: its API is not configured, or a secret of it is not there.
        NotOffered: its dialect has no calls to launch games.
    """
    connect = DIALECTS[entry.dialect].api().launch
    if connect is None:
        raise NotOffered(f"{entry.slug}: no client for the dialect {entry.dialect}")
    clock = SystemClock()
    async with transport_of(entry, clock) as transport:
        api = connect(access_to(entry, transport, clock))
        try:
            yield api, transport
        finally:
            await api.close()


def transport_of(entry: ProviderSettings, clock: Clock) -> HttpTransport:
    """The transport to a provider's API, not yet open.

    Raises:
        SettingsInvalid: its API is not configured, or a secret of it is not there.
    """
    settings = _api_settings(entry)
    return HttpTransport(
        slug=entry.slug,
        base_url=settings.base_url,
        deadline=settings.deadline,
        attempts=settings.attempts,
        random=Random(),  # noqa: S311 - spreads repeats, keeps no secret
        clock=clock,
    )


def access_to(entry: ProviderSettings, transport: HttpTransport, clock: Clock) -> ApiAccess:
    """The access with which a dialect calls the API of a configured provider.

    Raises:
        SettingsInvalid: its API is not configured, or a secret of it is not there.
    """
    settings = _api_settings(entry)
    account = {field.name: getattr(settings, field.name) for field in fields(ApiAccount)}
    return ApiAccess(
        provider=configured_provider(entry).provider,
        account=ApiAccount(**account),
        transport=transport,
        clock=clock,
    )


def _api_settings(entry: ProviderSettings) -> ApiSettings:
    if entry.api is None:
        raise SettingsInvalid([f"providers.{entry.slug}.api: expected a table, to be called"])
    if problems := list(unset_secrets_of(entry.api, f"providers.{entry.slug}.api")):
        raise SettingsInvalid(problems)
    return entry.api
