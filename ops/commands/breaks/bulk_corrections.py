"""``tieout breaks bulk propose|write-off|approve|reject``: corrections of many breaks.

Each break is a transaction of its own, because approving books money: what is refused is named
and keeps no other break waiting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import typer
from sqlalchemy import Engine

from breaks import corrections
from breaks.policy import WriteOffLimits
from breaks.queries import BreakFilter, list_breaks
from breaks.states import BreakState
from breaks.store import TrackedBreak, read_break
from breaks.trials import TryCorrections
from breaks.write_offs import approve_write_off, propose_write_off, reject_write_off
from ops.commands.progress import progress_of_steps
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from reports.find.short_ids import short_id
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction, NotAllowed
from vocabulary.people import Right

_UNDECIDED = (
    *(BreakState.OPEN, BreakState.ASSIGNED, BreakState.EXPLAINED, BreakState.WAITING),
)
_PROPOSED = (BreakState.PROPOSED, BreakState.WRITE_OFF_PROPOSED)
#: By what is done, the states of the breaks that it is about, unless --state names some.
STATES: Mapping[str, tuple[BreakState, ...]] = MappingProxyType(
    {
        "propose": _UNDECIDED[:2],
        "write-off": _UNDECIDED[:2],
        "approve": (*_PROPOSED, BreakState.APPROVED),
        "reject": _PROPOSED,
    }
)
#: The right that each needs.
RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        "propose": Right.PROPOSE,
        "write-off": Right.PROPOSE,
        "approve": Right.DECIDE,
        "reject": Right.DECIDE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correcting:
    """What is done to each break, by whom and why, and what tries the corrections."""

    action: str
    by: str
    reason: str
    limits: WriteOffLimits
    try_corrections: TryCorrections


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What became of the breaks.

    Attributes:
        breaks: as they are afterwards.
        refused: by break, why nothing was done to it.
    """

    breaks: list[TrackedBreak]
    refused: Mapping[str, str]


def states_for(action: str, break_filter: BreakFilter) -> BreakFilter:
    """The filter, with the states that the action is about unless it names some."""
    return break_filter if break_filter.states else replace(break_filter, states=STATES[action])


def correct_all(
    engine: Engine, settings: Settings, break_filter: BreakFilter, what: Correcting
) -> Corrected:
    """Do the same to every break of a filter; what one is refused, the others are not.

    Raises:
        Unavailable: the database is out of reach.
    """
    breaks = list_breaks(engine, break_filter)
    done: list[TrackedBreak] = []
    refused: dict[str, str] = {}
    with progress_of_steps(len(breaks)) as begin:
        for break_ in breaks:
            begin(f"{what.action} {short_id(break_.break_id, [])}")
            try:
                _act(what.action)(engine, settings, break_, what)
                done.append(read_break(engine, break_.break_id))
            except (NotAllowed, Contradiction) as error:
                refused[break_.break_id] = str(error)
    return Corrected(breaks=done, refused=refused)


def print_refused(refused: Mapping[str, str], names: Sequence[str]) -> None:
    """Say of which breaks something was refused, and why."""
    for break_id, why in refused.items():
        text = why if break_id in why else f"{short_id(break_id, list(names))}: {why}"
        typer.echo(f"refused: {text}", err=True)


_Act = Callable[[Engine, Settings, TrackedBreak, Correcting], object]


def _act(action: str) -> _Act:
    return {
        "propose": _propose,
        "write-off": _write_off,
        "approve": _approve,
        "reject": _reject,
    }[action]


def _propose(
    engine: Engine, settings: Settings, break_: TrackedBreak, what: Correcting
) -> object:
    return corrections.propose(
        engine,
        break_.break_id,
        by=what.by,
        reason=what.reason,
        now=SystemClock().now(),
        try_corrections=what.try_corrections,
        exponents=exponents_of(settings, break_.provider),
    )


def _write_off(engine: Engine, _: Settings, break_: TrackedBreak, what: Correcting) -> object:
    now = SystemClock().now()
    return propose_write_off(engine, break_.break_id, by=what.by, reason=what.reason, now=now)


def _approve(
    engine: Engine, settings: Settings, break_: TrackedBreak, what: Correcting
) -> object:
    if break_.state is BreakState.WRITE_OFF_PROPOSED:
        now = SystemClock().now()
        return approve_write_off(
            engine, break_.break_id, by=what.by, now=now, limits=what.limits
        )
    return corrections.approve(
        engine,
        break_.break_id,
        by=what.by,
        clock=SystemClock(),
        try_corrections=what.try_corrections,
        limits=what.limits,
        exponents=exponents_of(settings, break_.provider),
    )


def _reject(engine: Engine, _: Settings, break_: TrackedBreak, what: Correcting) -> object:
    is_write_off = break_.state is BreakState.WRITE_OFF_PROPOSED
    reject = reject_write_off if is_write_off else corrections.reject
    now = SystemClock().now()
    return reject(engine, break_.break_id, by=what.by, reason=what.reason, now=now)
