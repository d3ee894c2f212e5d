"""What the simulated provider says, before it is bytes: players, calls, expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ProviderSystem(StrEnum):
    """The provider systems that can be simulated; the value is the dialect's name."""

    AGENT_PLATFORM = "agent_platform"
    AGGREGATOR = "aggregator"
    SPORTSBOOK = "sportsbook"
    XIGS = "xigs"


class CallKind(StrEnum):
    """What a call asks for; the value is written to the journal."""

    BALANCE = "balance"
    BET = "bet"
    WIN = "win"
    BET_AND_WIN = "bet_and_win"
    ROUND_END = "round_end"
    ROLLBACK = "rollback"


class ReplyKind(StrEnum):
    """How a call was, or must be, answered, in the words of a provider."""

    SUCCESS = "success"
    DECLINED = "declined"
    CONFLICT = "conflict"
    REFUSED = "refused"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """One simulated player.

    Attributes:
        opening: the balance imported before the run, in minor units.
        handles: what each side calls the player.
    """

    player: str
    currency: str
    opening: int
    handles: Mapping[ProviderSystem, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One callback: equal calls say the same, so a repeat is the same value again.

    Attributes:
        player: our name of the player, or None for one that was never imported.
        reference: the bet id or the transaction id; empty for a balance query.
        amount: minor units: stake of a bet, credit of a win, stake of a round end, and of a
            rollback what the original took or, where it only gave, gave.
        stake: the original stake repeated with an aggregator's win, in minor units; else 0.
        payout: minor units: the total payout of a round end, the win that comes with its bet,
            and of that one's rollback the same; else 0.
        original: the transaction a rollback undoes; else empty.
        attempt: which delivery this is, for protocols that number deliveries. No two steps of a
            run have the same; it says nothing, so it does not make calls differ.
    """

    side: ProviderSystem
    kind: CallKind
    player: str | None
    handle: str
    currency: str
    reference: str
    amount: int
    stake: int
    payout: int
    original: str
    attempt: int = field(default=0, compare=False)

    @property
    def key(self) -> str | None:
        """The operation key: unique per provider; None for a balance query."""
        if self.kind is CallKind.BALANCE:
            return None
        operation = _OPERATIONS.get((self.side, self.kind))
        return f"{operation}:{self.reference}" if operation else self.reference


#: Where one id names a whole round, what happened in it is part of the key.
_OPERATIONS = {
    (ProviderSystem.AGGREGATOR, CallKind.BET): "bet",
    (ProviderSystem.AGGREGATOR, CallKind.WIN): "settle-bet",
    (ProviderSystem.AGGREGATOR, CallKind.ROUND_END): "bet-end",
    (ProviderSystem.XIGS, CallKind.BET): "open",
    (ProviderSystem.XIGS, CallKind.WIN): "close",
}

#: The sides that ask what a player has.
ASKING = frozenset({ProviderSystem.AGENT_PLATFORM, ProviderSystem.AGGREGATOR})
#: The sides whose ids name single transactions, which a rollback may undo.
BY_TRANSACTION = frozenset({ProviderSystem.AGENT_PLATFORM, ProviderSystem.SPORTSBOOK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a call must be answered.

    Attributes:
        balance: the balance the reply must name where the protocol names one (minor units), or
            None where the reply must not name one.
        repeated: the call was answered before, so the reply must be the first one again.
    """

    seen: ReplyKind
    balance: int | None
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """One place in the script: a call, sent ``copies`` times at once.

    Attributes:
        lane: whose turn it is: the number of the player; steps of one lane keep their order.
    """

    lane: int
    call: Call
    copies: int
    expected: Expectation
