"""What the providers' own APIs give, in one shape for all of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GameProvider:
    """One house of games behind an aggregator.

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
    """Where to send the player. The link lets whoever holds it play: it shows in no repr."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisteredPlayer:
    """The name under which the provider will call back about a player."""

    handle: str
