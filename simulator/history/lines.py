"""What an honest provider would tell as its history after a run.

Only what stands is told: declined and refused calls moved nothing and leave no line. The
aggregator and the scratch-card platform tell rounds, bet and win in one line. The sportsbook
and the agent platform tell transactions; a rollback is a line that names its original.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from simulator.protocol.messages import (
    BY_TRANSACTION,
    Call,
    CallKind,
    ProviderSystem,
    ReplyKind,
    ScriptStep,
)
from simulator.scenarios.plan import Plan


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
        amount: what a sportsbook line names, and the bet an agent platform's names, also for
            rollbacks; 0 for a round.
        won: the win an agent platform's line names, also for rollbacks; else 0.
        net: payout less stake as the provider computed it.
        before: the player's balance before a round; 0 for a transaction.
        closed: whether the line's round came to its end.
        place: where in the run it began, as an index into the plan's steps.
    """

    side: ProviderSystem
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

    @property
    def rolled_back(self) -> bool:
        """Whether the line undoes its round."""
        return self.kind is CallKind.ROLLBACK


def history_of(plan: Plan) -> tuple[HistoryLine, ...]:
    """Every line an honest provider would tell, in the order in which rounds began."""
    lines: dict[str, HistoryLine] = {}
    for place, step in enumerate(plan.steps):
        if step.expected.seen is not ReplyKind.SUCCESS or step.expected.repeated:
            continue
        call = step.call
        if call.side in BY_TRANSACTION:
            lines[call.reference] = _transaction(call, place)
        elif call.kind is CallKind.BET:
            lines[call.reference] = _begun(step, place)
        else:
            lines[call.reference] = _went_on(lines[call.reference], call)
    return tuple(lines.values())


def _begun(step: ScriptStep, place: int) -> HistoryLine:
    call = step.call
    after = 0 if step.expected.balance is None else step.expected.balance
    line = _line(call, place, call.reference, CallKind.ROUND_END)
    return replace(line, stake=call.amount, net=-call.amount, before=after + call.amount)


def _went_on(begun: HistoryLine, call: Call) -> HistoryLine:
    if call.kind is CallKind.ROUND_END:
        return replace(begun, closed=True)
    # A scratch card's prize is also its end; an aggregator's win is not.
    paid = replace(begun, payout=call.amount, net=begun.net + call.amount)
    return replace(paid, closed=begun.closed or call.side is ProviderSystem.XIGS)


def _transaction(call: Call, place: int) -> HistoryLine:
    if call.kind is CallKind.ROLLBACK:
        undo = _line(call, place, call.original, call.kind)
        return replace(undo, amount=call.amount, won=call.payout, closed=True)
    stake = 0 if call.kind is CallKind.WIN else call.amount
    payout = call.amount if call.kind is CallKind.WIN else call.payout
    line = _line(call, place, call.reference, call.kind)
    line = replace(line, amount=call.amount, won=call.payout, closed=True)
    return replace(line, stake=stake, payout=payout, net=payout - stake)


def _line(call: Call, place: int, round_id: str, kind: CallKind) -> HistoryLine:
    return HistoryLine(
        side=call.side,
        record_id=call.reference,
        round_id=round_id,
        kind=kind,
        player=call.player or "",
        handle=call.handle,
        currency=call.currency,
        amount=0,
        won=0,
        stake=0,
        payout=0,
        net=0,
        before=0,
        closed=False,
        place=place,
    )
