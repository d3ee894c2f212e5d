"""A history that does not name the rounds of the callbacks: its records have ids of their own.

Nothing in such an id says which round it is. Whoever receives it can recognise the round only
by the contents of the record, and names a round that nobody else reports after the record.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

from simulator.history.faults import InjectedFault
from simulator.history.operational_faults import OperationalFaultKind
from simulator.protocol.fault_kinds import FaultKind
from simulator.protocol.history_lines import HistoryLine
from simulator.protocol.messages import Side

#: How the receiver's documents call the round of a record that names none.
_ROUND_NAME = "history:{record_id}"


def with_own_ids(
    lines: Sequence[HistoryLine], sides: Collection[Side]
) -> tuple[HistoryLine, ...]:
    """The same history, the records of these sides under ids of their own."""
    return tuple(
        replace(line, record_id=_own_id(line.record_id)) if line.side in sides else line
        for line in lines
    )


def as_found(
    faults: Sequence[InjectedFault], lines: Sequence[HistoryLine], sides: Collection[Side]
) -> tuple[InjectedFault, ...]:
    """The breaks that faults in ``lines`` become where these sides have ids of their own.

    An invented round has no other name than its record's. A round reported of another player
    becomes two breaks: a round that nobody reported, and one that never was.
    """
    own = {(line.side, line.round_id): line for line in lines if line.side in sides}
    expected = (
        broken
        for fault in faults
        for broken in _as_found(fault, own.get((fault.side, fault.round_id)))
    )
    return tuple(sorted(expected, key=_order))


def _order(fault: InjectedFault) -> tuple[str, str, str]:
    return fault.side.name, fault.kind, fault.round_id


def _as_found(fault: InjectedFault, line: HistoryLine | None) -> Iterator[InjectedFault]:
    if line is None or isinstance(fault.kind, OperationalFaultKind):
        yield fault
        return
    named = _ROUND_NAME.format(record_id=_own_id(line.record_id))
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
