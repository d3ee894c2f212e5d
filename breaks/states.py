"""The workflow states of a break, and which state may follow which.

::

    open ──► assigned ──► explained, waiting ─────────────────► closed
                     ├──► adjustment_proposed ► approved ► posted ─┤
                     └──► write_off_proposed ► written_off ────────┘

A run closes breaks that it no longer finds and reopens those that return. The database has the
same table of steps and refuses any other step.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from vocabulary.errors import NotAllowed


class BreakState(StrEnum):
    """The workflow state of a break; a closed set."""

    OPEN = "open"
    ASSIGNED = "assigned"
    EXPLAINED = "explained"
    WAITING = "waiting"  # for the provider: an answer, a file, a restatement
    PROPOSED = "adjustment_proposed"
    APPROVED = "approved"
    POSTED = "posted"
    WRITE_OFF_PROPOSED = "write_off_proposed"
    WRITTEN_OFF = "written_off"
    CLOSED = "closed"


_S = BreakState
_DECIDED = frozenset({_S.EXPLAINED, _S.WAITING, _S.PROPOSED, _S.WRITE_OFF_PROPOSED, _S.CLOSED})
_TAKEN_BACK = frozenset({_S.OPEN, _S.ASSIGNED})

#: The states that may follow each state.
STEPS: Mapping[BreakState, frozenset[BreakState]] = MappingProxyType(
    {
        _S.OPEN: _DECIDED | {_S.ASSIGNED},
        _S.ASSIGNED: _DECIDED | {_S.OPEN},
        _S.EXPLAINED: _TAKEN_BACK | (_DECIDED - {_S.EXPLAINED}),
        _S.WAITING: _TAKEN_BACK | (_DECIDED - {_S.WAITING}),
        _S.PROPOSED: _TAKEN_BACK | {_S.APPROVED, _S.CLOSED},
        _S.APPROVED: frozenset({_S.POSTED}),
        _S.POSTED: frozenset({_S.OPEN, _S.CLOSED}),
        _S.WRITE_OFF_PROPOSED: _TAKEN_BACK | {_S.WRITTEN_OFF, _S.CLOSED},
        _S.WRITTEN_OFF: frozenset({_S.OPEN, _S.CLOSED}),
        _S.CLOSED: frozenset({_S.OPEN}),
    }
)
#: States in which nobody has to act and no due date counts.
SETTLED = frozenset({_S.EXPLAINED, _S.POSTED, _S.WRITTEN_OFF, _S.CLOSED})


def settled_states() -> list[str]:
    """``SETTLED`` as the database has them, for an array of a query."""
    return [str(state) for state in SETTLED]


class ActionRefused(NotAllowed):
    """The rules do not allow a step, a note or a decision; nothing was changed."""


class BreakChanged(ActionRefused):
    """Somebody, or a run, changed the break after the person saw it; nothing was changed."""


def check_step(break_id: str, before: BreakState, after: BreakState) -> None:
    """Check that one state may follow another.

    Raises:
        ActionRefused: it may not; names both states and those that may follow.
    """
    if after not in STEPS[before]:
        allowed = ", ".join(sorted(STEPS[before]))
        raise ActionRefused(f"{break_id} cannot go from {before} to {after}, only to {allowed}")
