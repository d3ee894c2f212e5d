"""A break as lists and files show it: without its documents, which take longest to read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from breaks.impact import Effects, effects_of
from breaks.kinds import BreakKind, Impact
from breaks.states import BreakState

_NAMES = (
    *("break_id", "provider", "kind", "impact", "player", "currency", "round_id", "difference"),
    *("explanation", "run_id", "began_at", "state", "assignee", "since", "opened_at"),
)
#: SQL for the game of a row ``b`` of ``breaks``; its games are in order.
GAME = "b.games[1]"
#: The columns of ``breaks b JOIN break_workflows l USING (break_id)`` for ``listed_from_row``.
LISTED_COLUMNS = ", ".join([*_NAMES, f"{GAME} AS game"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBreak:
    """A break that the last run found, with its workflow state, without both sides.

    Attributes:
        difference: signed minor units; positive means the player is owed. run_id: the run that
        saw it last. began_at: when the bet or event it is about took place; None if it is not
        known. since: when it got into its state; when it was settled, if it is. opened_at: when
        it was first seen or reopened; its age and due date count from here. game: what the
        provider's history reported for the round when a run last saw it; None if nothing.
    """

    break_id: str
    provider: str
    kind: BreakKind
    impact: Impact
    player: str | None
    currency: str
    round_id: str
    difference: int
    explanation: str
    run_id: str
    began_at: datetime | None
    state: BreakState
    assignee: str | None
    since: datetime
    opened_at: datetime
    game: str | None

    @property
    def version(self) -> str:
        """A text that changes with every step and with the difference."""
        return f"{self.state} {self.since.isoformat()} {self.difference}"

    @property
    def effects(self) -> Effects:
        """What it does between us and the player, and between us and the provider."""
        return effects_of(self.kind, self.difference)


def listed_from_row(row: tuple[Any, ...]) -> ListedBreak:
    """A break from a row of ``LISTED_COLUMNS``."""
    values = dict(zip([*_NAMES, "game"], row, strict=True))
    values["kind"] = BreakKind(values["kind"])
    values["impact"] = Impact(values["impact"])
    values["state"] = BreakState(values["state"])
    return ListedBreak(**values)
