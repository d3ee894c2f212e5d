"""What is examined: one provider as the receiver was configured for it."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.protocol.configuration import Configuration
from simulator.protocol.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceTarget(Configuration):
    """One configured provider and the system that calls as it.

    Attributes:
        orphan_win_credits: a win whose bet was never seen is credited.
        rollback_of_rollback_accepts: such a rollback is answered as success.
    """

    system: System
    orphan_win_credits: bool
    rollback_of_rollback_accepts: bool

    @property
    def wins_need_bets(self) -> bool:
        """Whether a win is accepted only if its bet is known."""
        carried = self.system.bets_carry_wins
        named = self.system.messages.wins_name_bets(self) and not carried
        return named and not self.orphan_win_credits


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformancePlayer:
    """A player the receiver knows, with the balance of the wallet in minor units."""

    player: str
    handle: str
    opening: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHooks:
    """What can be done and read behind the receiver; None where its ledger is not ours.

    Attributes:
        balance: the player's balance in minor units.
        block: refuses the player's bets from now on.
    """

    balance: Callable[[str], int] | None
    block: Callable[[str], None] | None


NO_HOOKS = LedgerHooks(balance=None, block=None)
