"""Lies and losses put into a provider's history, and the record of exactly what was put there.

Each fault hits one round, no round is hit twice, and each is one kind only: a changed stake
keeps the line's own arithmetic, a wrong arithmetic keeps both amounts. ``difference`` is what
the provider says the player gained, less what the ledger says, in minor units; a missing side
is 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from simulator.history.lines import HistoryLine
from simulator.history.operational_faults import OperationalFault, OperationalFaultKind
from simulator.protocol.messages import BY_TRANSACTION, CallKind, ProviderSystem

#: Phantom and changed amounts stay within this many minor units.
FAULT_MINOR_MAX = 900


class FaultKind(StrEnum):
    """The break each fault must be found as."""

    DROPPED = "missing_at_provider"
    PHANTOM = "missing_in_ledger"
    STAKE = "stake_mismatch"
    PAYOUT = "payout_mismatch"
    DUPLICATE = "duplicate_at_provider"
    ARITHMETIC = "arithmetic_error"
    STATUS = "status_mismatch"
    PLAYER = "player_mismatch"
    BALANCE = "balance_chain_gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One injected fault, in the words of the break it must become."""

    side: ProviderSystem
    kind: FaultKind | OperationalFaultKind
    round_id: str
    player: str
    currency: str
    difference: int


_Injection = Callable[[Random, HistoryLine], tuple[tuple[HistoryLine, ...], int]]


def inject(
    lines: tuple[HistoryLine, ...],
    *,
    seed: int,
    faults: int,
    mishaps: Sequence[OperationalFault] = (),
    own_ids: bool = False,
) -> tuple[tuple[HistoryLine, ...], tuple[InjectedFault, ...]]:
    """Falsify up to ``faults`` rounds, all kinds in turn.

    Fewer are injected when a history has too few rounds that a kind can be put into. Rounds
    with a mishap are left alone: what is wrong with them is told once. With ``own_ids`` the
    aggregator's balances are what ties its records to rounds, and stay what they were.

    Returns:
        The lines as the provider will tell them, and what was injected, sorted.
    """
    rng = Random(f"faults {seed}")  # noqa: S311 - a script, not a secret
    spared = {(line.side, line.round_id) for line in lines if line.rolled_back}
    spared |= {(one.side, one.round_id) for one in mishaps}
    honest = [n for n, line in enumerate(lines) if (line.side, line.round_id) not in spared]
    rng.shuffle(honest)
    told: dict[int, tuple[HistoryLine, ...]] = {}
    injected: list[InjectedFault] = []
    sides = {line.side for line in lines}
    kinds = [one for one in _INJECTIONS if one[0] in sides]
    if own_ids:
        kinds.remove((ProviderSystem.AGGREGATOR, FaultKind.BALANCE))
    for number in range(faults if kinds else 0):
        side, kind = kinds[number % len(kinds)]
        place = _victim(lines, honest, side, kind, own_ids=own_ids)
        if place is None:
            continue
        injection = _INJECTIONS[side, kind]
        told[place], difference = injection(rng, _swapped(lines, place, kind))
        injected.append(_fault(lines[place], told[place], kind, difference))
    falsified = [each for place, line in enumerate(lines) for each in told.get(place, (line,))]
    return tuple(falsified), tuple(sorted(injected, key=_order))


def _victim(
    lines: tuple[HistoryLine, ...],
    honest: list[int],
    side: ProviderSystem,
    kind: FaultKind,
    *,
    own_ids: bool,
) -> int | None:
    for index, place in enumerate(honest):
        line = lines[place]
        if line.side is not side or not _suits(line, kind):
            continue
        # A stake above the balance would change the balance with it.
        if not own_ids or line.side is not ProviderSystem.AGGREGATOR or _may_cost_more(line):
            return honest.pop(index)
    return None


def _may_cost_more(line: HistoryLine) -> bool:
    return line.before >= line.stake + FAULT_MINOR_MAX


def _swapped(lines: tuple[HistoryLine, ...], place: int, kind: FaultKind) -> HistoryLine:
    """The line, for a wrong player with the handle of the next other player's line."""
    line = lines[place]
    if kind is not FaultKind.PLAYER:
        return line
    others = (*lines[place:], *lines[:place])
    strangers = (o for o in others if o.side is line.side and o.player != line.player)
    return replace(line, handle=next(strangers, line).handle)


def _suits(line: HistoryLine, kind: FaultKind) -> bool:
    if kind is FaultKind.STATUS and line.stake == line.payout == 0:
        return False  # a round that moved nothing stands as well as not
    if line.side is ProviderSystem.XIGS:
        # What an open round pays is not known, so nothing about it can be wrong.
        return line.closed or kind not in {FaultKind.PHANTOM, FaultKind.PAYOUT}
    if line.side is not ProviderSystem.SPORTSBOOK:
        return True
    wanted = {FaultKind.STAKE: CallKind.BET, FaultKind.PAYOUT: CallKind.WIN}
    return line.kind is wanted.get(kind, line.kind)


def _fault(
    line: HistoryLine, told: tuple[HistoryLine, ...], kind: FaultKind, difference: int
) -> InjectedFault:
    round_id = told[-1].round_id if kind is FaultKind.PHANTOM else line.round_id
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
            side=one.side,
            kind=one.kind,
            round_id=one.round_id,
            player=one.player,
            currency=one.currency,
            difference=one.difference,
        )
        for one in mishaps
    )


def _order(fault: InjectedFault) -> tuple[str, str, str]:
    return (fault.side.value, fault.kind.value, fault.round_id)


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
    """The line with the amounts that a statement names as its stake and payout are now."""
    if line.side is ProviderSystem.SPORTSBOOK:
        return replace(line, amount=line.stake + line.payout)
    if line.side is ProviderSystem.AGENT_PLATFORM:
        return replace(line, amount=line.stake, won=line.payout)
    return line


def _duplicate(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (line, line), line.payout - line.stake


def _miscalculate(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (replace(line, net=line.net + rng.randint(1, FAULT_MINOR_MAX)),), 0


def _take_back(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    """Told as rolled back by a line of its own, though nobody ever did."""
    undo = replace(
        line, record_id=f"{line.record_id}-U", kind=CallKind.ROLLBACK, stake=0, payout=0, net=0
    )
    return (line, undo), line.stake - line.payout


def _as_another(_: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    return (line,), 0


def _misremember(rng: Random, line: HistoryLine) -> tuple[tuple[HistoryLine, ...], int]:
    more = rng.randint(1, FAULT_MINOR_MAX)
    return (replace(line, before=line.before + more),), more


_BY_KIND: dict[FaultKind, _Injection] = {
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


def possible(side: ProviderSystem, kind: FaultKind) -> bool:
    """Whether a side's history can be wrong in this way.

    The aggregator's record id is its round, so it cannot tell a round twice; only its records
    carry a sum of their own and a balance that could be wrong. Only transactions are taken back
    by a line of their own.
    """
    if kind is FaultKind.DUPLICATE:
        return side is not ProviderSystem.AGGREGATOR
    if kind is FaultKind.STATUS:
        return side in BY_TRANSACTION
    return (
        kind not in {FaultKind.ARITHMETIC, FaultKind.BALANCE}
        or side is ProviderSystem.AGGREGATOR
    )


_INJECTIONS = {
    (side, kind): injection
    for kind, injection in _BY_KIND.items()
    for side in ProviderSystem
    if possible(side, kind)
}
