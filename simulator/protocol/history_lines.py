"""Lines of a provider's own history, and the span of time they lie in."""

from dataclasses import dataclass
from datetime import datetime

from simulator.protocol.messages import CallKind, Side


@dataclass(frozen=True, slots=True)
class RunSpan:
    """When the run took place; each line's instant lies in it by its place in the run."""

    began: datetime
    ended: datetime
    places: int

    def at(self, place: int) -> datetime:
        """The instant of a place, in UTC."""
        return self.began + (self.ended - self.began) * place / max(1, self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of a provider's history. Amounts in minor units.

    Attributes:
        record_id: the line's id: the round's or the transaction's.
        round_id: the round it speaks of, as operations name it.
        kind: the kind of a transaction; ROUND_END for a round.
        amount: what a transaction's line names, also for rollbacks: the stake of a bet, the
            payout of a win; 0 for a round.
        won: the win that a line names beside its bet, also for rollbacks; else 0.
        stake, payout: what the line moved; below zero where it reverses a line of its round.
        net: payout less stake as the provider computed it.
        before: the player's balance before a round; 0 for a transaction.
        closed: whether the line's round came to its end.
        original: the transaction that the line refers to, where transactions share a round.
        place: where in the run it began, as an index into the plan's steps.
    """

    side: Side
    record_id: str
    round_id: str
    kind: CallKind
    player: str
    handle: str
    currency: str
    amount: int
    won: int
    stake: int
    payout: int
    net: int
    before: int
    closed: bool
    place: int
    original: str = ""

    @property
    def rolled_back(self) -> bool:
        """Whether the line undoes its round; in a shared one it reverses another line."""
        return self.kind is CallKind.ROLLBACK and not self.side.shares_rounds
