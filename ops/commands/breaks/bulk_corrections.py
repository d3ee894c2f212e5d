"""``tieout breaks bulk propose|write-off|approve|reject``: corrections of many breaks.

Each break is a transaction of its own, because approving books money: what is refused is named
and keeps no other break waiting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import typer
from sqlalchemy import Engine

from breaks.actions import require_count
from breaks.bulk import STATES, BulkAction, BulkOrder, correct
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.store import TrackedBreak, read_break
from ledger.corrections.adjustments import NotBookedYet
from ops.commands.progress import progress_of_steps
from reports.find.short_ids import short_id
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction, NotAllowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What became of the breaks.

    Attributes:
        breaks: as they are afterwards.
        refused: by break, why nothing was done to it.
    """

    breaks: list[TrackedBreak]
    refused: Mapping[str, str]


def states_for(action: BulkAction, break_filter: BreakFilter) -> BreakFilter:
    """The filter, with the states that the action is about unless it names some."""
    return break_filter if break_filter.states else replace(break_filter, states=STATES[action])


def correct_all(
    engine: Engine, break_filter: BreakFilter, order: BulkOrder, *, expected: int | None = None
) -> Corrected:
    """Do the same to every break of a filter; what one is refused, the others are not.

    ``expected``: only if there are so many; None: however many there are.

    Raises:
        ActionRefused: there are more or fewer than expected; nothing was done.
        Unavailable: the database is out of reach.
    """
    breaks, clock = list_breaks(engine, break_filter), SystemClock()
    if expected is not None:
        require_count(len(breaks), expected)
    done: list[TrackedBreak] = []
    refused: dict[str, str] = {}
    with progress_of_steps(len(breaks)) as begin:
        for break_ in breaks:
            begin(f"{order.action} {short_id(break_.break_id, [])}")
            try:
                correct(engine, break_, order, clock)
                done.append(read_break(engine, break_.break_id))
            except (NotAllowed, Contradiction, NotBookedYet) as error:
                refused[break_.break_id] = str(error)
    return Corrected(breaks=done, refused=refused)


def print_refused(refused: Mapping[str, str], names: Sequence[str]) -> None:
    """Say of which breaks something was refused, and why."""
    for break_id, why in refused.items():
        text = why if break_id in why else f"{short_id(break_id, list(names))}: {why}"
        typer.echo(f"refused: {text}", err=True)
