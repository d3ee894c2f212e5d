"""A history that does not name the rounds of the callbacks: its records have ids of their own.

Nothing in such an id says which round it is. Whoever receives it can tell the round only by
what the record holds, and calls what nobody else tells after the record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

from simulator.history.faults import FaultKind, InjectedFault
from simulator.history.lines import HistoryLine
from simulator.history.operational_faults import OperationalFaultKind
from simulator.protocol.messages import ProviderSystem

#: How the receiver's documents call the round of a record that names none.
_CALLED = "history:{record_id}"


def with_own_ids(lines: Sequence[HistoryLine]) -> tuple[HistoryLine, ...]:
    """The same history, the aggregator's records under ids of their own."""
    return tuple(
        replace(line, record_id=_own_id(line.record_id))
        if line.side is ProviderSystem.AGGREGATOR
        else line
        for line in lines
    )


def as_found(
    faults: Sequence[InjectedFault], lines: Sequence[HistoryLine]
) -> tuple[InjectedFault, ...]:
    """The breaks that faults put into ``lines`` become where the ids are the aggregator's own.

    An invented round has no other name than its record's. A round told of another player is
    two: one that nobody told, and one that never was.
    """
    told = {line.round_id: line for line in lines if line.side is ProviderSystem.AGGREGATOR}
    found = (each for fault in faults for each in _as_found(fault, told.get(fault.round_id)))
    return tuple(sorted(found, key=lambda one: (one.side, one.kind, one.round_id)))


def _as_found(fault: InjectedFault, line: HistoryLine | None) -> Iterator[InjectedFault]:
    if (
        fault.side is not ProviderSystem.AGGREGATOR
        or line is None
        or isinstance(fault.kind, OperationalFaultKind)
    ):
        yield fault
        return
    named = _CALLED.format(record_id=_own_id(line.record_id))
    if fault.kind is FaultKind.PHANTOM:
        yield replace(fault, round_id=named)
    elif fault.kind is FaultKind.PLAYER:
        net = line.payout - line.stake
        yield replace(fault, kind=FaultKind.DROPPED, difference=-net)
        yield replace(fault, kind=FaultKind.PHANTOM, round_id=named, difference=net)
    else:
        yield fault


def _own_id(record_id: str) -> str:
    return blake2b(record_id.encode(), digest_size=12).hexdigest()
