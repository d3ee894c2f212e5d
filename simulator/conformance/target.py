"""Who is examined: one provider as the receiver was configured to hear it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.protocol.messages import ASKING, BY_TRANSACTION, ProviderSystem
from vocabulary.money import text_from_minor

#: A dialect's option: text, number, flag or a list of texts.
TargetOption = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceTarget:
    """One configured provider, in the simulator's words.

    Attributes:
        exponent: decimal digits of the currency.
        secrets: the current one first, then those that still hold.
        orphan_win_credits: a win whose bet was never seen is credited.
        rollback_of_rollback_accepts: such a rollback is answered as success.
        options: the dialect's options, complete.
    """

    side: ProviderSystem
    slug: str
    currency: str
    exponent: int
    secrets: tuple[bytes, ...] = field(repr=False)
    orphan_win_credits: bool
    rollback_of_rollback_accepts: bool
    options: Mapping[str, TargetOption]

    @property
    def asks_balances(self) -> bool:
        """Whether the protocol has a balance query."""
        return self.side in ASKING

    @property
    def has_rollbacks(self) -> bool:
        """Whether the protocol can undo a transaction."""
        return self.side in BY_TRANSACTION

    @property
    def is_one_unit(self) -> bool:
        """Whether a bet always comes with its win."""
        return self.side is ProviderSystem.AGENT_PLATFORM

    def units(self, whole: int) -> int:
        """A whole amount in minor units."""
        return whole * int(10**self.exponent)

    def text(self, minor: int) -> str:
        """Minor units as a decimal text."""
        return text_from_minor(minor, self.exponent)

    def option(self, name: str, default: str) -> str:
        """A text option, or what the document says where there is none."""
        value = self.options.get(name, default)
        return value if isinstance(value, str) else default

    def first_of(self, name: str, default: str) -> str:
        """The first text of an option that lists texts."""
        value = self.options.get(name)
        return value[0] if isinstance(value, tuple) and value else default

    def number(self, name: str, default: int) -> int:
        """A whole-number option."""
        value = self.options.get(name)
        return value if isinstance(value, int) else default


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformancePlayer:
    """A player the receiver knows, with what is in the wallet (minor units)."""

    player: str
    handle: str
    opening: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHooks:
    """What can be done and seen behind the receiver; None where its books are not ours.

    Attributes:
        balance: the player's balance in minor units.
        block: refuses the player's bets from now on.
    """

    balance: Callable[[str], int] | None
    block: Callable[[str], None] | None


NO_HOOKS = LedgerHooks(balance=None, block=None)
