"""Which parts of a window runs compared, and which nobody did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.window import Window

# The newest run of every window that touches that of its provider. A run that read only what
# had changed rests on one that read everything.
_RUNS = """
SELECT DISTINCT ON (r.provider, r.window_from, r.window_to) r.provider, r.run_id, r.window_from,
       r.window_to, r.started_at, (r.result -> 'ours' ->> 'rows')::bigint AS ours,
       (r.result -> 'theirs' ->> 'rows')::bigint AS theirs,
       (r.result ->> 'matched')::bigint AS matched
  FROM unnest(CAST(:providers AS text[]), CAST(:starts AS timestamptz[]),
              CAST(:ends AS timestamptz[])) AS w (provider, start_at, end_at)
  JOIN runs r ON r.provider = w.provider AND r.whole
                 AND r.window_from < w.end_at AND r.window_to > w.start_at
 ORDER BY r.provider, r.window_from, r.window_to, r.finished_at DESC, r.run_id DESC
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
    return comparisons_of(connection, {provider: window})[provider]


def comparisons_of(
    connection: Connection, windows: Mapping[str, Window]
) -> dict[str, tuple[ComparedWindow, ...]]:
    """``comparisons`` of the window of each provider, read together."""
    params = {
        "providers": list(windows),
        "starts": [window.start for window in windows.values()],
        "ends": [window.end for window in windows.values()],
    }
    compared: dict[str, list[ComparedWindow]] = {provider: [] for provider in windows}
    rows = connection.execute(text(_RUNS), params)
    for provider, run_id, start, end, started_at, ours, theirs, matched in rows:
        compared[provider].append(
            ComparedWindow(
                run_id=run_id,
                window=Window(start=start, end=end),
                started_at=started_at,
                ours=ours,
                theirs=theirs,
                matched=matched,
            )
        )
    return {provider: tuple(parts) for provider, parts in compared.items()}


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


def unfinished(window: Window, compared: Iterable[ComparedWindow]) -> tuple[Window, ...]:
    """The parts of a window that runs compared, but only before they were over, in order."""
    runs = list(compared)
    never = gaps(window, [run.window for run in runs])
    over = [
        Window(start=run.window.start, end=min(run.window.end, run.started_at))
        for run in runs
        if run.started_at > run.window.start
    ]
    return gaps(window, [*over, *never])
