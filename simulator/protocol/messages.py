"""What a simulated provider says before it is bytes: sides, players, calls, expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.protocol.fault_kinds import FaultKind


class CallKind(StrEnum):
    """What a call asks for; the value is written to the journal."""

    BALANCE = "balance"
    BET = "bet"
    WIN = "win"
    BET_AND_WIN = "bet_and_win"
    ROUND_END = "round_end"
    ROLLBACK = "rollback"


class ReplyKind(StrEnum):
    """The reply to a call, as it was or must be, in the words of a provider."""

    SUCCESS = "success"
    DECLINED = "declined"
    CONFLICT = "conflict"
    REFUSED = "refused"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Side:
    """The facts about one provider's protocol by which its calls and its history are scripted.

    Attributes:
        name: the name of the dialect.
        kinds: the calls it makes.
        id_letter: marks its ids in a journal.
        handle_prefix: what it puts before our name of a player.
        key_prefixes: where one id names a whole round, what each operation's key begins with.
        by_transaction: its ids name single transactions, and its history lists them; else both
            speak of rounds.
        shares_rounds: calls name a round that several transactions share, and say whether they
            close it; a win has an id of its own besides the bet that it names.
        wins_name_bets: a win names the bet that it pays; else any win is owed.
        wins_repeat_stake: a win repeats the stake of its bet.
        win_ends_round: a win is the end of its round.
        rollbacks_may_lack_ids: a rollback may come without an id of its own.
        rollbacks_name_amounts: a rollback states the amount of its original.
        names_balance: a successful reply names the balance.
        names_currency: calls name the currency.
        names_session: calls name a session of the player.
        possible_faults: how its history can be wrong.
    """

    name: str
    kinds: frozenset[CallKind]
    id_letter: str
    handle_prefix: str
    key_prefixes: Mapping[CallKind, str]
    by_transaction: bool
    shares_rounds: bool
    wins_name_bets: bool
    wins_repeat_stake: bool
    win_ends_round: bool
    rollbacks_may_lack_ids: bool
    rollbacks_name_amounts: bool
    names_balance: bool
    names_currency: bool
    names_session: bool
    possible_faults: frozenset[FaultKind]

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def asks_balances(self) -> bool:
        """Whether it asks what a player has."""
        return CallKind.BALANCE in self.kinds

    @property
    def has_rollbacks(self) -> bool:
        """Whether it can undo a transaction."""
        return CallKind.ROLLBACK in self.kinds

    @property
    def has_round_ends(self) -> bool:
        """Whether it reports the end of a round in a call of its own."""
        return CallKind.ROUND_END in self.kinds

    @property
    def bets_carry_wins(self) -> bool:
        """Whether a bet always comes together with its win."""
        return CallKind.BET_AND_WIN in self.kinds


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
    handles: Mapping[Side, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One callback: equal calls say the same, so a repeat is the same value again.

    Attributes:
        player: our name of the player, or None for one that was never imported.
        reference: the bet id or the transaction id; empty for a balance query.
        amount: minor units: stake of a bet, credit of a win, stake of a round end, and of a
            rollback what the original took or, where it only gave, gave.
        stake: the original stake, where a win repeats it, in minor units; else 0.
        payout: minor units: the total payout of a round end, the win that comes with its bet,
            and of that one's rollback the same; else 0.
        original: the transaction that a rollback undoes, and the bet that a win names beside an
            id of its own; else empty.
        round: the round, where transactions share one; else empty.
        closes: it closes that round.
        attempt: which delivery this is, for protocols that number deliveries. No two steps of a
            run have the same; it says nothing, so it does not make calls differ.
    """

    side: Side
    kind: CallKind
    player: str | None
    handle: str
    currency: str
    reference: str
    amount: int
    stake: int
    payout: int
    original: str
    round: str = ""
    closes: bool = False
    attempt: int = field(default=0, compare=False)

    @property
    def key(self) -> str | None:
        """The operation key: unique per provider; None for a balance query."""
        if self.kind is CallKind.BALANCE:
            return None
        prefix = self.side.key_prefixes.get(self.kind)
        return f"{prefix}:{self.reference}" if prefix else self.reference

    @property
    def round_id(self) -> str:
        """The round it belongs to: a rollback belongs to the round of what it undoes."""
        return self.round or self.original or self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The reply that a call must get.

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
        lane: the number of the player; steps of one lane keep their order.
    """

    lane: int
    call: Call
    copies: int
    expected: Expectation
