"""What the simulated providers offer, decided by a seed."""

from dataclasses import dataclass
from hashlib import sha256
from random import Random
from uuid import UUID

_FIRST = ("Golden", "Ninja", "Super", "Lucky", "Wild", "Frozen", "Neon", "Royal")
_SECOND = ("Raccoon", "Golf", "Pyramid", "Dragon", "Orchard", "Comet", "Harbour", "Tiger")
_THIRD = ("Drive", "Frenzy", "Deluxe", "Nights", "Quest", "Spins")
HOUSES = ("Amber Studio", "Brightline", "Cobalt Gaming")
GAMES_PER_HOUSE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTitle:
    """One game.

    Attributes:
        has_demo: it can be played with play money.
        is_available: it can be played at all.
    """

    number: int
    house: str
    name: str
    has_demo: bool
    is_available: bool


def titles(seed: int) -> tuple[GameTitle, ...]:
    """All games; every house has one that cannot be played, and one without a demonstration."""
    rng = Random(f"catalogue {seed}")  # noqa: S311 - a script, not a secret
    return tuple(
        GameTitle(
            number=1_000_000 + house * 1_000 + place,
            house=HOUSES[house],
            name=" ".join(rng.choice(words) for words in (_FIRST, _SECOND, _THIRD)),
            has_demo=place != 1,
            is_available=place != GAMES_PER_HOUSE - 1,
        )
        for house in range(len(HOUSES))
        for place in range(GAMES_PER_HOUSE)
    )


@dataclass(slots=True, kw_only=True)
class NameMint:
    """Mints names that nobody can guess from another, yet the same for the same seed."""

    seed: int
    minted: int = 0

    def token(self) -> str:
        """A fresh token of 32 hex digits."""
        self.minted += 1
        return sha256(f"{self.seed} {self.minted}".encode()).hexdigest()[:32]

    def uuid(self) -> str:
        """A fresh UUID."""
        return str(UUID(self.token()))

    def object_id(self) -> str:
        """A fresh id of 24 hex digits."""
        return self.token()[:24]
