"""What an honest provider reports as its history after a run.

Only what stands is reported: declined and refused calls moved nothing and leave no line. Some
sides report rounds, bet and win in one line; others report transactions, where a rollback is a
line that names its original or, where transactions share a round, reverses it.
"""

from dataclasses import replace

from simulator.protocol.history_lines import HistoryLine
from simulator.protocol.messages import Call, CallKind, ReplyKind, ScriptStep
from simulator.scenarios.plan import Plan


def history_of(plan: Plan) -> tuple[HistoryLine, ...]:
    """Every line an honest provider reports, in the order in which rounds began."""
    lines: dict[str, HistoryLine] = {}
    undone: set[str] = set()
    for place, step in enumerate(plan.steps):
        if step.expected.seen is not ReplyKind.SUCCESS or step.expected.repeated:
            continue
        call = step.call
        if call.side.shares_rounds and call.kind is CallKind.ROLLBACK:
            standing = None if call.original in undone else lines.get(call.original)
            lines[call.reference] = _reversal(call, place, standing)
            undone.add(call.original)
        elif call.side.by_transaction:
            lines[call.reference] = _transaction(call, place)
        elif call.kind is CallKind.BET:
            lines[call.reference] = _begun(step, place)
        else:
            lines[call.reference] = _continued(lines[call.reference], call)
    return tuple(lines.values())


def _begun(step: ScriptStep, place: int) -> HistoryLine:
    call = step.call
    after = 0 if step.expected.balance is None else step.expected.balance
    line = _line(call, place, call.reference, CallKind.ROUND_END)
    return replace(line, stake=call.amount, net=-call.amount, before=after + call.amount)


def _continued(begun: HistoryLine, call: Call) -> HistoryLine:
    if call.kind is CallKind.ROUND_END:
        return replace(begun, closed=True)
    paid = replace(begun, payout=call.amount, net=begun.net + call.amount)
    return replace(paid, closed=begun.closed or call.side.win_ends_round)


def _transaction(call: Call, place: int) -> HistoryLine:
    if call.kind is CallKind.ROLLBACK:
        undo = _line(call, place, call.original, call.kind)
        return replace(undo, amount=call.amount, won=call.payout, closed=True)
    stake = 0 if call.kind is CallKind.WIN else call.amount
    payout = call.amount if call.kind is CallKind.WIN else call.payout
    round_id = call.round or call.reference
    line = _line(call, place, round_id, call.kind)
    line = replace(line, amount=call.amount, won=call.payout, closed=True)
    return replace(line, stake=stake, payout=payout, net=payout - stake)


def _reversal(call: Call, place: int, original: HistoryLine | None) -> HistoryLine:
    """A line that takes back another one of its round; nothing, where that does not stand."""
    line = replace(_line(call, place, call.round_id, CallKind.ROLLBACK), closed=True)
    if original is None:
        return line
    stake, payout = -original.stake, -original.payout
    return replace(line, amount=original.amount, stake=stake, payout=payout, net=payout - stake)


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
        original=call.original,
    )
