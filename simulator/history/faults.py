"""Faults injected into a provider's history, and the record of exactly what was injected.

Each fault hits one round, no round is hit twice, and each is one kind only: a changed stake
keeps the line's own arithmetic, a wrong arithmetic keeps both amounts. ``difference`` is what
the player gained according to the provider, less what the ledger says, in minor units; a
missing side is 0.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from random import Random

from simulator.history.operational_faults import OperationalFault, OperationalFaultKind
from simulator.protocol.fault_kinds import FaultKind
from simulator.protocol.history_lines import HistoryLine
from simulator.protocol.messages import CallKind, Side

#: Phantom and changed amounts stay within this many minor units.
FAULT_MINOR_MAX = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One injected fault, in the words of the break it must become."""

    side: Side
    kind: FaultKind | OperationalFaultKind
    round_id: str
    player: str
    currency: str
    difference: int


#: Faults of every record of a round; where transactions share one, it must have one record.
_OF_WHOLE_ROUNDS = frozenset({FaultKind.DROPPED, FaultKind.PLAYER})

_Injection = Callable[[Random, HistoryLine], tuple[tuple[HistoryLine, ...], int]]


def inject(
    lines: tuple[HistoryLine, ...],
    *,
    seed: int,
    faults: int,
    mishaps: Sequence[OperationalFault] = (),
    own_ids: Collection[Side] = (),
) -> tuple[tuple[HistoryLine, ...], tuple[InjectedFault, ...]]:
    """Falsify up to ``faults`` rounds, all kinds in turn.

    Fewer are injected when a history has too few rounds that a kind can be put into. Rounds
    with a mishap are left alone: they have one fault already. The records of sides with
    ``own_ids`` are tied to rounds by their balances, which are therefore never falsified.

    Returns:
        The lines as the provider will report them, and what was injected, sorted.
    """
    rng = Random(f"faults {seed}")  # noqa: S311 - a script, not a secret
    rolled_back = [line for line in lines if line.kind is CallKind.ROLLBACK]
    spared = {(line.side, line.round_id) for line in rolled_back}
    spared |= {(mishap.side, mishap.round_id) for mishap in mishaps}
    honest = [n for n, line in enumerate(lines) if (line.side, line.round_id) not in spared]
    rng.shuffle(honest)
    replaced: dict[int, tuple[HistoryLine, ...]] = {}
    injected: list[InjectedFault] = []
    possible = _possible(lines, own_ids)
    records = Counter((line.side, line.round_id) for line in lines)
    shared = {place for place in honest if records[_round(lines[place])] > 1}
    for number in range(faults if possible else 0):
        side, kind = possible[number % len(possible)]
        place = _victim(lines, honest, side, kind, own_ids=own_ids, shared=shared)
        if place is None:
            continue
        injection = _INJECTIONS[kind]
        replaced[place], difference = injection(rng, _swapped(lines, place, kind))
        injected.append(_fault(lines[place], replaced[place], kind, difference))
    falsified = [
        reported
        for place, line in enumerate(lines)
        for reported in replaced.get(place, (line,))
    ]
    return tuple(falsified), tuple(sorted(injected, key=_order))


def _possible(
    lines: Sequence[HistoryLine], own_ids: Collection[Side]
) -> list[tuple[Side, FaultKind]]:
    """What can be injected, kind by kind, each into every side in turn."""
    sides = sorted({line.side for line in lines}, key=attrgetter("name"))
    return [
        (side, kind)
        for kind in _INJECTIONS
        for side in sides
        if kind in side.possible_faults and not (kind is FaultKind.BALANCE and side in own_ids)
    ]


def _victim(
    lines: tuple[HistoryLine, ...],
    honest: list[int],
    side: Side,
    kind: FaultKind,
    *,
    own_ids: Collection[Side],
    shared: Collection[int],
) -> int | None:
    """The place of a line that the kind can be put into; its round is honest no more."""
    for place in honest:
        line = lines[place]
        if line.side is not side or not _suits(line, kind):
            continue
        if kind in _OF_WHOLE_ROUNDS and place in shared:
            continue
        # A stake above the balance would change the balance with it.
        if side not in own_ids or _may_cost_more(line):
            honest[:] = [other for other in honest if _round(lines[other]) != _round(line)]
            return place
    return None


def _round(line: HistoryLine) -> tuple[Side, str]:
    return line.side, line.round_id


def _may_cost_more(line: HistoryLine) -> bool:
    return line.before >= line.stake + FAULT_MINOR_MAX


def _swapped(lines: tuple[HistoryLine, ...], place: int, kind: FaultKind) -> HistoryLine:
    """The line, for a wrong player with the handle of the next other player's line."""
    line = lines[place]
    if kind is not FaultKind.PLAYER:
        return line
    rotated = (*lines[place:], *lines[:place])
    strangers = (
        other for other in rotated if other.side is line.side and other.player != line.player
    )
    return replace(line, handle=next(strangers, line).handle)


def _suits(line: HistoryLine, kind: FaultKind) -> bool:
    if kind is not FaultKind.PAYOUT and line.stake == line.payout == 0:
        return False  # what moved nothing changes nothing, left out, reported twice or undone
    if line.side.win_ends_round and not line.closed:
        # What an open round pays is not known yet, so it cannot be wrong.
        return kind not in {FaultKind.PHANTOM, FaultKind.PAYOUT}
    if line.kind is CallKind.BET:
        return kind is not FaultKind.PAYOUT
    return line.kind is not CallKind.WIN or kind is not FaultKind.STAKE


def _fault(
    line: HistoryLine, reported: tuple[HistoryLine, ...], kind: FaultKind, difference: int
) -> InjectedFault:
    round_id = reported[-1].round_id if kind is FaultKind.PHANTOM else line.round_id
    return InjectedFault(
        side=line.side,
        kind=kind,
        round_id=round_id,
        player=line.player,
        currency=line.currency,
        difference=difference,
    )


def mishap_faults(mishaps: Sequence[OperationalFault]) -> tuple[InjectedFault, ...]:
    """Mishaps of the callbacks, in the words of faults."""
    return tuple(
        InjectedFault(
            side=mishap.side,
            kind=mishap.kind,
            round_id=mishap.round_id,
            player=mishap.player,
            currency=mishap.currency,
            difference=mishap.difference,
        )
        for mishap in mishaps
    )


def _order(fault: InjectedFault) -> tuple[str, str, str]:
    return (fault.side.name, fault.kind.value, fault.round_id)


def _drop(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (), line.stake - line.payout


def _phantom(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    stake = line.stake and rng.randint(1, FAULT_MINOR_MAX)
    # An invented round may be won or lost; an invented transaction is like the line beside it.
    won = line.kind is CallKind.ROUND_END or line.payout
    payout = rng.randint(1, FAULT_MINOR_MAX) if won else 0
    invented = replace(
        line,
        record_id=f"{line.record_id}-X",
        round_id=f"{line.round_id}-X",
        stake=stake,
        payout=payout,
        net=payout - stake,
        before=max(line.before, stake),
    )
    return (line, _restated(invented)), payout - stake


def _change_stake(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    delta = rng.randint(1, FAULT_MINOR_MAX)
    if line.stake > delta and rng.randrange(2):
        delta = -delta
    stake = line.stake + delta
    before = max(line.before, stake)
    changed = replace(line, stake=stake, net=line.net - delta, before=before)
    return (_restated(changed),), -delta


def _change_payout(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    delta = rng.randint(1, FAULT_MINOR_MAX)
    if line.payout > delta and rng.randrange(2):
        delta = -delta
    changed = replace(line, payout=line.payout + delta, net=line.net + delta)
    return (_restated(changed),), delta


def _restated(line: HistoryLine) -> HistoryLine:
    """The line with the amounts of a transaction made to agree with its stake and payout."""
    if line.kind in {CallKind.BET, CallKind.WIN}:
        return replace(line, amount=line.stake + line.payout)
    if line.kind is CallKind.BET_AND_WIN:
        return replace(line, amount=line.stake, won=line.payout)
    return line


def _duplicate(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (line, line), line.payout - line.stake


def _miscalculate(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (replace(line, net=line.net + rng.randint(1, FAULT_MINOR_MAX)),), 0


def _take_back(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    """Report a round as rolled back by a line of its own, though nobody did."""
    undo = replace(
        line, record_id=f"{line.record_id}-U", kind=CallKind.ROLLBACK, stake=0, payout=0, net=0
    )
    return (line, undo), line.stake - line.payout


def _as_another(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (line,), 0


def _misremember(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    more = rng.randint(1, FAULT_MINOR_MAX)
    return (replace(line, before=line.before + more),), more


#: In the order in which kinds take turns.
_INJECTIONS: dict[FaultKind, _Injection] = {
    FaultKind.DROPPED: _drop,
    FaultKind.PHANTOM: _phantom,
    FaultKind.STAKE: _change_stake,
    FaultKind.PAYOUT: _change_payout,
    FaultKind.DUPLICATE: _duplicate,
    FaultKind.ARITHMETIC: _miscalculate,
    FaultKind.STATUS: _take_back,
    FaultKind.PLAYER: _as_another,
    FaultKind.BALANCE: _misremember,
}
