"""Where a break stands in its life, and which step may follow which.

::

    open ──► assigned ──► explained ──────────────────────────► closed
                     └──► adjustment_proposed ► approved ► posted ─┘

A run closes what it no longer finds and reopens what came back. The database holds the same
table of steps and refuses any other.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from vocabulary.errors import Refused


class BreakState(StrEnum):
    """Where a break stands; a closed set."""

    OPEN = "open"
    ASSIGNED = "assigned"
    EXPLAINED = "explained"
    PROPOSED = "adjustment_proposed"
    APPROVED = "approved"
    POSTED = "posted"
    CLOSED = "closed"


_S = BreakState
_WAITING = frozenset({_S.EXPLAINED, _S.PROPOSED, _S.CLOSED})

#: The states that may follow each state.
STEPS: Mapping[BreakState, frozenset[BreakState]] = MappingProxyType(
    {
        _S.OPEN: _WAITING | {_S.ASSIGNED},
        _S.ASSIGNED: _WAITING | {_S.OPEN},
        _S.EXPLAINED: frozenset({_S.OPEN, _S.ASSIGNED, _S.PROPOSED, _S.CLOSED}),
        _S.PROPOSED: frozenset({_S.OPEN, _S.ASSIGNED, _S.APPROVED, _S.CLOSED}),
        _S.APPROVED: frozenset({_S.POSTED}),
        _S.POSTED: frozenset({_S.OPEN, _S.CLOSED}),
        _S.CLOSED: frozenset({_S.OPEN}),
    }
)
#: Nobody has to do anything about these; an SLA no longer counts.
SETTLED = frozenset({_S.EXPLAINED, _S.POSTED, _S.CLOSED})


class ActionRefused(Refused):
    """A step, a note or a decision that the rules do not allow; nothing was changed."""


def check_step(break_id: str, before: BreakState, after: BreakState) -> None:
    """Make sure that a step exists.

    Raises:
        LifeRefused: it does not; names both states and what may follow.
    """
    if after not in STEPS[before]:
        allowed = ", ".join(sorted(STEPS[before]))
        raise ActionRefused(f"{break_id} cannot go from {before} to {after}, only to {allowed}")
