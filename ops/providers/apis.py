"""Every provider's own API behind one desk, for commands that ask for the same of each.

Where a provider's document has no such call, the desk says so by ``NotOffered``.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Protocol

from ops.settings.api import ApiSettings
from ops.settings.model import ProviderSettings
from ops.settings.secrets import Secret
from providers.agent_platform import client as agent_platform
from providers.aggregator import client as aggregator
from providers.outbound import Outbound
from providers.outbound_results import Game, Launch, RegisteredPlayer
from providers.sportsbook import client as sportsbook
from providers.xigs import client as xigs
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import Contradiction, SettingsInvalid, TieoutError


class NotOffered(TieoutError):
    """The provider's document has no such call, or the call needs what was not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """What somebody wants to play.

    Attributes:
        player: our name.
        handle: the provider's name, where one is stored.
    """

    player: str
    handle: str | None
    game_id: str | None
    game_provider: str | None
    currency: str
    language: str
    home_url: str | None
    ip: str | None
    mobile: bool
    demo: bool


class ProviderApi(Protocol):
    """What can be asked of a provider, in one shape. Each raises ApiError or NotOffered."""

    async def check(self) -> None:
        """The cheapest call that proves the credentials."""
        ...

    async def games(self, game_provider: str | None, /) -> tuple[Game, ...]:
        """Games that can be opened, of one house or of all."""
        ...

    async def open_game(self, wish: LaunchRequest) -> Launch:
        """A link for the player."""
        ...

    async def register(self, player: str, /) -> RegisteredPlayer:
        """Make the player known there; the name that callbacks will use."""
        ...

    async def close(self) -> None:
        """End what is still under way."""
        ...


def outbound_of(entry: ProviderSettings, clock: Clock) -> tuple[ApiSettings, Outbound]:
    """How a configured provider's API is called, and the way to it, not yet open.

    Raises:
        SettingsInvalid: its API is not configured.
    """
    api = entry.api
    if api is None:
        raise SettingsInvalid([f"providers.{entry.slug}.api: expected a table, to be called"])
    return api, Outbound(
        slug=entry.slug,
        base_url=api.base_url,
        deadline=api.deadline,
        attempts=api.attempts,
        random=Random(),  # noqa: S311 - spreads repeats, keeps no secret
        clock=clock,
    )


@asynccontextmanager
async def desk(entry: ProviderSettings) -> AsyncIterator[tuple[ProviderApi, Outbound]]:
    """The desk of a configured provider, and the way to it.

    Raises:
        SettingsInvalid: its API is not configured.
    """
    clock = SystemClock()
    api, out = outbound_of(entry, clock)
    async with out:
        found = _desk_of(entry, api, out, clock)
        try:
            yield found, out
        finally:
            await found.close()


def _desk_of(
    entry: ProviderSettings, api: ApiSettings, out: Outbound, clock: Clock
) -> ProviderApi:
    match entry.dialect:
        case "aggregator":
            return _Aggregator(api, out)
        case "sportsbook":
            return _Sportsbook(api, out, clock)
        case "agent_platform":
            return _AgentPlatform(api, entry.secrets[0], out, clock)
        case "xigs":
            return _Xigs(api, out, clock)
        case _:
            raise NotOffered(f"{entry.slug}: no client for the dialect {entry.dialect}")


class _Aggregator:
    def __init__(self, api: ApiSettings, out: Outbound) -> None:
        given = aggregator.Credentials(
            api_key=_text(api.key), prefix=api.prefix, form_bodies=api.form_bodies
        )
        self._client = aggregator.AggregatorClient(out, given)

    async def check(self) -> None:
        await self._client.game_providers()

    async def games(self, game_provider: str | None) -> tuple[Game, ...]:
        if game_provider is not None:
            return await self._client.games(game_provider)
        houses = [house.name for house in await self._client.game_providers()]
        return tuple([game for name in houses for game in await self._client.games(name)])

    async def open_game(self, wish: LaunchRequest) -> Launch:
        if wish.demo:
            raise NotOffered("the aggregator has no demo games")
        if wish.handle is None:
            raise NotOffered(f"{wish.player} has no handle there yet: register the player")
        return await self._client.open_game(
            handle=wish.handle,
            game_provider=_needed(wish.game_provider, "--game-provider"),
            game_id=wish.game_id or aggregator.LOBBY,
            redirect_url=wish.home_url,
            mobile=wish.mobile or None,
            ip=wish.ip,
        )

    async def register(self, player: str) -> RegisteredPlayer:
        return await self._client.create_user(player)

    async def close(self) -> None:
        """Nothing is ever under way."""


class _Sportsbook:
    def __init__(self, api: ApiSettings, out: Outbound, clock: Clock) -> None:
        given = sportsbook.Credentials(
            version=api.version or "",
            username=_text(api.username),
            password=_text(api.password),
        )
        self._client = sportsbook.SportsbookClient(out, given, clock=clock)

    async def check(self) -> None:
        await self._client.auth()

    async def games(self, _game_provider: str | None) -> tuple[Game, ...]:
        raise NotOffered("the sportsbook has no games to list: open it without one")

    async def open_game(self, wish: LaunchRequest) -> Launch:
        if wish.demo or wish.game_id is not None:
            raise NotOffered("the sportsbook has no games and no demo: open it without either")
        return await self._client.start_session(
            user_id=wish.handle or wish.player, currency=wish.currency, lang=wish.language
        )

    async def register(self, _player: str) -> RegisteredPlayer:
        raise NotOffered("the sportsbook takes our own names: nothing is to be registered")

    async def close(self) -> None:
        await self._client.close()


class _AgentPlatform:
    def __init__(self, api: ApiSettings, secret: Secret, out: Outbound, clock: Clock) -> None:
        token = api.key or secret
        given = agent_platform.Credentials(agent_id=api.agent_id or 0, api_token=token.value)
        self._client = agent_platform.AgentPlatformClient(out, given, clock=clock)

    async def check(self) -> None:
        await self._client.games_now()

    async def games(self, game_provider: str | None) -> tuple[Game, ...]:
        games = await self._client.games()
        return tuple([game for game in games if game_provider in {None, game.provider}])

    async def open_game(self, wish: LaunchRequest) -> Launch:
        game_id = _needed(wish.game_id, "--game")
        if not (game_id.isascii() and game_id.isdigit()):
            raise NotOffered("the agent platform's games have whole numbers")
        sitting = agent_platform.GameSession(
            game_id=int(game_id),
            player_id=wish.handle or wish.player,
            player_username=wish.player,
            language=wish.language,
            currency=wish.currency,
            home_url=_needed(wish.home_url, "--home-url"),
            ip=_needed(wish.ip, "--ip"),
        )
        if wish.demo:
            return await self._client.get_game_link_demo(sitting)
        return await self._client.get_game_link(sitting, agent_session_id=str(uuid.uuid4()))

    async def register(self, _player: str) -> RegisteredPlayer:
        raise NotOffered("the agent platform takes our own names: nothing is to be registered")

    async def close(self) -> None:
        await self._client.close()


class _Xigs:
    def __init__(self, api: ApiSettings, out: Outbound, clock: Clock) -> None:
        self._profile = api.profile
        self._client = xigs.XigsClient(out, api_key=_text(api.key), clock=clock)

    async def check(self) -> None:
        await self._client.login()

    async def games(self, _game_provider: str | None) -> tuple[Game, ...]:
        raise NotOffered("the scratch-card platform documents no list of games")

    async def open_game(self, wish: LaunchRequest) -> Launch:
        """Callbacks name the user id, so nobody plays under one that we do not know."""
        if wish.demo:
            raise NotOffered("the scratch-card platform has demo profiles, not demo games")
        game_id = _needed(wish.game_id, "--game")
        if wish.handle is None:
            raise NotOffered(f"{wish.player} has no handle there yet: register the player")
        user = await self._user(wish.player)
        if user.user_id != wish.handle:
            raise Contradiction(
                f"{wish.player} is stored as {wish.handle}, and they say {user.user_id}"
            )
        session = await self._client.create_session(user_token=user.token, game_id=game_id)
        return Launch(session.url)

    async def register(self, player: str) -> RegisteredPlayer:
        return RegisteredPlayer((await self._user(player)).user_id)

    async def close(self) -> None:
        await self._client.close()

    async def _user(self, player: str) -> xigs.User:
        profile = _needed(self._profile, "the setting profile of its API")
        return await self._client.authenticate_user(
            profile_id=profile, credential=player, credential_type="username"
        )


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise NotOffered(f"{name} is needed here")
    return value


def _text(secret: Secret | None) -> str:
    """A checked setting as it goes into a header or a body."""
    assert secret is not None  # the settings were checked for this dialect
    try:
        return secret.value.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsInvalid([f"{secret.reference}: expected text"]) from None
