"""How a break counts for people: six standings, each counted apart. Pure.

"Open" means that somebody still has to act. A break that is explained, that waits for the
provider, or whose money is settled is never counted as open.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from breaks.states import BreakState


class Standing(StrEnum):
    """How a break counts, in the order in which counts are shown."""

    OPEN = "open"
    EXPLAINED = "explained"
    WAITING = "waiting_for_provider"
    WRITTEN_OFF = "written_off"
    CORRECTED = "corrected"
    CLOSED = "closed"


_STANDINGS: Mapping[BreakState, Standing] = MappingProxyType(
    {
        BreakState.OPEN: Standing.OPEN,
        BreakState.ASSIGNED: Standing.OPEN,
        BreakState.PROPOSED: Standing.OPEN,
        BreakState.APPROVED: Standing.OPEN,
        BreakState.WRITE_OFF_PROPOSED: Standing.OPEN,
        BreakState.EXPLAINED: Standing.EXPLAINED,
        BreakState.WAITING: Standing.WAITING,
        BreakState.WRITTEN_OFF: Standing.WRITTEN_OFF,
        BreakState.POSTED: Standing.CORRECTED,
        BreakState.CLOSED: Standing.CLOSED,
    }
)


def standing_of(state: BreakState, *, corrected: bool) -> Standing:
    """How a break in a state counts; ``corrected``: a correction of it was booked."""
    if state is BreakState.CLOSED and corrected:
        return Standing.CORRECTED
    return _STANDINGS[state]


def count_standings(standings: Iterable[Standing]) -> dict[Standing, int]:
    """The number of breaks of every standing, those without any included."""
    counts = Counter(standings)
    return {standing: counts[standing] for standing in Standing}


def counts_text(counts: Mapping[Standing, int]) -> str:
    """The counts that are not zero, such as "3 open, 1 written off"."""
    parts = [
        f"{count} {standing.replace('_', ' ')}" for standing, count in counts.items() if count
    ]
    return ", ".join(parts) or "none"
