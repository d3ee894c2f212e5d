"""A window in parts of bounded size, wherever they run, taken up again where they stopped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconcile.matching.compare import Comparison, Judging, PartResult, merge
from reconcile.partitions.checkpoint import Checkpoint
from reconcile.partitions.executors import Executor, InProcess
from reconcile.partitions.tasks import (
    PlayersTask,
    Question,
    RangeTask,
    compare_part,
    judge_part,
)
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_ranges import KeyRange, key_ranges
from reconcile.snapshot.scatter import RANGES_MAX, into_files, key_files
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.errors import Contradiction

#: Rows of one side in one part: two of them and their join stay far below a gigabyte.
ROWS_PER_PART = 1_000_000
#: The same where most rows are looked at in full, because names do not tie them.
FULL_ROWS_PER_PART = 50_000

#: Called with how many parts ended, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """In which parts a run works, and where; none of it changes a byte of the result.

    Attributes:
        parts: how many ranges of keys; None: as many as the rows need.
        rows_per_part: what None above aims at; None: by what the rules look at.
        progress: told whenever a part ended.
    """

    parts: int | None = None
    rows_per_part: int | None = None
    executor: Executor = field(default_factory=InProcess)
    progress: Progress = lambda _done, _all: None

    def parts_for(self, rows: int, judging: Judging) -> int:
        """How many parts so many rows of the larger side make."""
        if self.parts is not None:
            return self.parts
        return max(1, -(-rows // self.rows_in_one(judging)))

    def rows_in_one(self, judging: Judging) -> int:
        """The most rows of either side that one part is meant to hold."""
        usual = FULL_ROWS_PER_PART if judging.rules.attributes else ROWS_PER_PART
        return self.rows_per_part or usual


def compare_in_parts(
    books: Snapshot,
    question: Question,
    spool: Checkpoint,
    how: How,
    *,
    parts: int,
    margin: Keys,
) -> Comparison:
    """Every part that did not end before, then all of them as one.

    The ``books`` are those whose snapshot is named by ``question``; ``margin`` are keys of rows
    beyond the window that take part.

    Raises:
        Unavailable: the database or the workers cannot be reached.
        Contradiction: the parts do not add up.
    """
    ranges = key_ranges(parts)
    todo = [number for number in range(parts) if spool.part("range", number) is None]
    groups = [
        number
        for number in range(question.groups)
        if todo or spool.part("players", number) is None
    ]
    steps = parts + question.groups
    done = steps - len(todo) - len(groups)
    how.progress(done, steps)
    laid = how.executor.shares_disk and len(todo) > 1 and parts <= RANGES_MAX
    if laid:
        _lay_apart(books, spool, ranges)
    tasks = _range_tasks(question, ranges, todo, margin, spool.folder if laid else None)
    for task, parcel in how.executor.run(compare_part, tasks):
        spool.keep("range", task.number, parcel)
        done += 1
        how.progress(done, steps)
    left = _players_tasks(question, spool, groups, parts)
    for task, parcel in how.executor.run(judge_part, left):
        spool.keep("players", task.number, parcel)
        done += 1
        how.progress(done, steps)
    return merge([_whole(spool, *name) for name in _names(parts, question.groups)])


def _lay_apart(books: Snapshot, spool: Checkpoint, ranges: tuple[KeyRange, ...]) -> None:
    names = [key_files(spool.folder, number) for number in range(len(ranges))]
    ours, theirs = zip(*names, strict=True)
    books.pour_keys(into_files(ours, ranges), into_files(theirs, ranges))


def _range_tasks(
    question: Question,
    ranges: tuple[KeyRange, ...],
    todo: list[int],
    margin: Keys,
    folder: Path | None,
) -> Iterator[Any]:
    for number in todo:
        within = ranges[number]
        yield RangeTask(
            question=question,
            number=number,
            within=within,
            margin=margin[(margin >= within.first) & (margin <= within.last)],
            laid=None if folder is None else key_files(folder, number),
        )


def _players_tasks(
    question: Question, spool: Checkpoint, groups: list[int], parts: int
) -> Iterator[Any]:
    for number in groups:
        left = spool.left(number, parts)
        yield PlayersTask(judging=question.judging, number=number, left=left)


def _names(parts: int, groups: int) -> Iterator[tuple[str, int]]:
    yield from (("range", number) for number in range(parts))
    yield from (("players", number) for number in range(groups))


def _whole(spool: Checkpoint, step: str, number: int) -> PartResult:
    part = spool.part(step, number)
    if part is None:
        raise Contradiction(f"part {number} of step {step!r} ended and cannot be read again")
    return part
