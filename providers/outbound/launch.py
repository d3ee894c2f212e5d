"""Launching games: what can be asked of any provider's API, in one shape for all of them."""

from dataclasses import dataclass, field
from typing import Protocol

from vocabulary.errors import TieoutError


class NotOffered(TieoutError):
    """The provider's document has no such call, or the call needs a value that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameProvider:
    """One house of games, where a provider has several.

    Attributes:
        name: what its games are asked for by.
        title: what a player reads.
    """

    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One game that can be opened.

    Attributes:
        game_id: what it is opened by; text also where the provider counts them.
        provider: the house it comes from.
        kind: the provider's word for what it is; empty where it has none.
        is_active: whether it can be played now.
        has_demo: whether it can be played without money.
    """

    game_id: str
    title: str
    provider: str
    kind: str
    is_active: bool
    has_demo: bool


@dataclass(frozen=True, slots=True)
class Launch:
    """Where to send the player. Whoever holds the link can play, so no repr shows it."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisteredPlayer:
    """The name under which the provider will call back about a player."""

    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """A game that a player wants to open.

    Attributes:
        player: our name of the player.
        handle: the provider's name of the player, where one is stored.
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


class GamesApi(Protocol):
    """One provider's API. Every method raises ApiError, or NotOffered."""

    async def check(self) -> None:
        """Make the cheapest call that proves the credentials."""
        ...

    async def games(self, game_provider: str | None, /) -> tuple[Game, ...]:
        """List the games that can be opened, of one house or of all."""
        ...

    async def open_game(self, request: LaunchRequest, /) -> Launch:
        """Get a link for the player."""
        ...

    async def register(self, player: str, /) -> RegisteredPlayer:
        """Make the player known there, and return the name that callbacks will use."""
        ...

    async def close(self) -> None:
        """Cancel requests that are still running."""
        ...


def required(value: str | None, name: str) -> str:
    """A value without which this provider cannot be asked.

    Raises:
        NotOffered: it is missing.
    """
    if value is None:
        raise NotOffered(f"{name} is needed here")
    return value
