"""How a run works: in which parts, where they run, and whether it can be resumed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from reconcile.snapshot.rules import Rules
from vocabulary.executors import Executor, InProcess

#: Rows of one side per part: two sides and their join stay far below a gigabyte.
ROWS_PER_PART = 1_000_000
#: The same for matching by attributes: in the worst case, it reads every row in full.
FULL_ROWS_PER_PART = 250_000

#: Called with the number of finished parts and the number of all parts.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run works; no option changes its result.

    Attributes:
        parts: the number of key ranges; None: as many as the rows need.
        rows_per_part: the rows of one side per part, if ``parts`` is None; None: by the rules.
        executor: where the parts run.
        progress: called whenever a part has finished.
        incremental: scan only what changed since the last run of exactly this window.
        checkpoint: the folder in which a run keeps finished parts, so that it can be resumed;
            None: it cannot be.
        resume: resume an interrupted run of the same request, if the folder holds one.
        patience: the longest wait for another run of this provider and window to end.
    """

    parts: int | None = None
    rows_per_part: int | None = None
    executor: Executor = field(default_factory=InProcess)
    progress: Progress = lambda _done, _all: None
    incremental: bool = False
    checkpoint: Path | None = None
    resume: bool = False
    patience: timedelta = timedelta(minutes=10)

    def parts_for(self, rows: int, rules: Rules) -> int:
        """Return the number of parts for so many rows of the larger side."""
        return max(1, -(-rows // self.rows_in_part(rules)))

    def rows_in_part(self, rules: Rules) -> int:
        """Return how many rows of one side a part should hold."""
        by_rules = FULL_ROWS_PER_PART if rules.attributes else ROWS_PER_PART
        return self.rows_per_part or by_rules
