"""Faults of delivery that a reconciliation must report although both books agree.

A run's stories contain callbacks that come again with other content, originals that come after
their rollback or never, and wallets that a rollback leaves below zero. Each becomes one break;
this module derives them from the script.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from simulator.protocol.messages import Call, CallKind, Expectation, ReplyKind, Side
from simulator.scenarios.plan import Plan


class OperationalFaultKind(StrEnum):
    """The break that each mishap must be found as."""

    CONFLICT = "idempotency_conflict"
    LATE = "late_original"
    ORPHAN = "orphan_rollback"
    BELOW_ZERO = "negative_balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalFault:
    """One of them; ``difference`` in minor units, as owed to the player."""

    side: Side
    kind: OperationalFaultKind
    round_id: str
    player: str
    currency: str
    difference: int


_Key = tuple[Side, str]


def mishaps_of(plan: Plan) -> tuple[OperationalFault, ...]:
    """Every mishap of a run, sorted."""
    mishaps = [*_conflicts(plan), *_out_of_order(plan), *_below_zero(plan)]
    return tuple(sorted(mishaps, key=_order))


def _order(fault: OperationalFault) -> tuple[str, str, str]:
    return fault.side.name, fault.kind.value, fault.round_id


def _conflicts(plan: Plan) -> Iterator[OperationalFault]:
    first: dict[_Key, Call] = {}
    conflicting: set[_Key] = set()
    for call, expected in _steps(plan):
        at = _key(call)
        if expected.seen is not ReplyKind.CONFLICT:
            first.setdefault(at, call)
        elif at not in conflicting:
            conflicting.add(at)
            yield _mishap(OperationalFaultKind.CONFLICT, first[at], 0)


def _out_of_order(plan: Plan) -> Iterator[OperationalFault]:
    decided: set[_Key] = set()
    early: dict[_Key, Call] = {}
    late: set[_Key] = set()
    for call, expected in _steps(plan):
        at = _key(call)
        if at in early:
            late.add(at)
        elif expected.seen in {ReplyKind.SUCCESS, ReplyKind.DECLINED} and not expected.repeated:
            decided.add(at)
            original = (call.side, call.original)
            if call.kind is CallKind.ROLLBACK and original not in decided:
                early.setdefault(original, call)
    for at, undo in early.items():
        yield _mishap(
            OperationalFaultKind.LATE if at in late else OperationalFaultKind.ORPHAN, undo, 0
        )


def _below_zero(plan: Plan) -> Iterator[OperationalFault]:
    crossed: dict[str, Call] = {}
    for call, expected in _steps(plan):
        if expected.balance is None or expected.repeated:
            continue
        if expected.balance >= 0:
            crossed.pop(call.player or "", None)
        else:
            crossed.setdefault(call.player or "", call)
    for player, call in crossed.items():
        yield _mishap(OperationalFaultKind.BELOW_ZERO, call, plan.balances[player])


def _steps(plan: Plan) -> Iterator[tuple[Call, Expectation]]:
    """Calls that name an operation of a known player, with what they were answered."""
    for step in plan.steps:
        if step.call.player is not None and step.call.key is not None:
            yield step.call, step.expected


def _key(call: Call) -> _Key:
    return call.side, call.key or ""


def _mishap(kind: OperationalFaultKind, call: Call, difference: int) -> OperationalFault:
    return OperationalFault(
        side=call.side,
        kind=kind,
        round_id=call.round_id,
        player=call.player or "",
        currency=call.currency,
        difference=difference,
    )
