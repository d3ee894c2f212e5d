"""How much who may write off or approve: user → role → most minor units per currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from breaks.states import ActionRefused
from vocabulary.money import Money

_NOBODY: Mapping[str, str] = MappingProxyType({})
_NOTHING: Mapping[str, Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffLimits:
    """Write-off limits. Where none are set there are none; else who has no role may nothing.

    Attributes:
        roles: user → role.
        most: role → currency → minor units.
    """

    roles: Mapping[str, str] = field(default_factory=lambda: _NOBODY)
    most: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: _NOTHING)

    def role_of(self, user: str) -> str | None:
        """A user's role."""
        return self.roles.get(user)

    def check(self, user: str, minor: int, currency: str) -> None:
        """Make sure that a user may move or write off an amount, either way.

        Raises:
            LifeRefused: it is beyond their limit; names the role, the limit and the amount.
        """
        if not self.most:
            return
        role = self.role_of(user)
        most = self.most.get(role or "", {}).get(currency, 0)
        if abs(minor) > most:
            who = f"{user}, {role}" if role else f"{user}, without a role"
            raise ActionRefused(
                f"{who}: at most {Money(most, currency).text()} {currency}, and it is about"
                f" {Money(abs(minor), currency).text()}"
            )


NO_LIMITS = WriteOffLimits()
