"""Which parts of a window runs compared, and which nobody did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.window import Window

# The newest run of every window that touches the reported one. A run that read only what had
# changed rests on one that read everything.
_RUNS = """
SELECT DISTINCT ON (window_from, window_to) run_id, window_from, window_to, started_at,
       (result -> 'ours' ->> 'rows')::bigint AS ours,
       (result -> 'theirs' ->> 'rows')::bigint AS theirs,
       (result ->> 'matched')::bigint AS matched
  FROM runs
 WHERE provider = :provider AND whole AND window_from < :end AND window_to > :start
 ORDER BY window_from, window_to, finished_at DESC, run_id DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedWindow:
    """A stored run over a window, with its counts of rounds.

    Attributes:
        ours, theirs: rounds of either side.
        matched: rounds that agree.
    """

    run_id: str
    window: Window
    started_at: datetime
    ours: int
    theirs: int
    matched: int

    @property
    def rounds(self) -> int:
        """Rounds that either side has, each once."""
        return max(self.ours + self.theirs - self.matched, self.matched)


def comparisons(
    connection: Connection, provider: str, window: Window
) -> tuple[ComparedWindow, ...]:
    """The newest run of every window that touches this one, by window."""
    params = {"provider": provider, "start": window.start, "end": window.end}
    return tuple(
        ComparedWindow(
            run_id=row.run_id,
            window=Window(start=row.window_from, end=row.window_to),
            started_at=row.started_at,
            ours=row.ours,
            theirs=row.theirs,
            matched=row.matched,
        )
        for row in connection.execute(text(_RUNS), params).all()
    )


def gaps(window: Window, covered: Iterable[Window]) -> tuple[Window, ...]:
    """The parts of a window that no other window covers, in order."""
    missing = []
    reached = window.start
    for part in sorted(covered, key=lambda part: part.start):
        if part.start >= window.end:
            break
        if part.start > reached:
            missing.append(Window(start=reached, end=part.start))
        reached = max(reached, part.end)
    if reached < window.end:
        missing.append(Window(start=reached, end=window.end))
    return tuple(missing)
