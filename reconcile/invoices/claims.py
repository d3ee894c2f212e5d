"""What a provider claims. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One line: the claimed GGR, in minor units of its currency.

    Attributes:
        game: None: all games of the currency.
    """

    game: str | None
    currency: str
    ggr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What a provider claims.

    Attributes:
        fee: minor units of ``currency``.
    """

    name: str
    currency: str
    claims: tuple[Claim, ...]
    fee: int
