"""A comparison in parts: each reads its own range of keys, and nothing else of the window.

``compare_part`` and ``judge_part`` are plain functions of values that can travel: they run in
this process, in a pool, or on a cluster, and answer bytes. What they cannot see - the order in
which parts end, the number of workers, an attempt that died - cannot change the result.

A part reads the snapshot that the run holds open, so that all of them see the same instant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from reconcile.matching.compare import (
    Fetch,
    Judging,
    compare_range,
    judge_players,
    split_players,
)
from reconcile.partitions.codec import open_frame, pack, seal_frame
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_ranges import KeyRange
from reconcile.snapshot.snapshot import Snapshot, open_books
from vocabulary.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every part of one run is asked.

    Attributes:
        snapshot: the instant, by the name that the run's own books have while they are open.
        overdue: our rounds that began before and never ended are marked; None: none are.
        groups: in how many parts rows that may still be tied are handed on.
    """

    database_url: str
    snapshot: str
    provider: str
    window: Window
    overdue: datetime | None
    judging: Judging
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTask:
    """The part of a run that looks at one range of keys.

    Attributes:
        margin: keys of the range whose rows beyond the window take part.
        laid: files that hold the range's key rows of either side; None: the database does.
    """

    question: Question
    number: int
    within: KeyRange
    margin: Keys
    laid: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayersTask:
    """The part of a run that looks at what some players' rows were left with.

    Attributes:
        left: sealed PAIRS frames, one of every range.
    """

    judging: Judging
    number: int
    left: tuple[bytes, ...]


def compare_part(task: RangeTask) -> bytes:
    """One range of keys, read, matched by name and judged; a packed part.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: the full rows do not add up to the key rows they belong to.
    """
    asked = task.question
    with open_books(
        asked.database_url,
        asked.provider,
        asked.window,
        overdue=asked.overdue,
        balances=asked.judging.rules.attributes,
        young=asked.judging.young,
        snapshot=asked.snapshot,
    ) as books:
        laid = task.laid
        sides = books.keys(task.within) if laid is None else books.keys_from(*laid)
        part = compare_range(
            sides.ours,
            sides.theirs,
            suspect=books.straddling(task.within),
            fetch=fetch_from(books),
            judging=asked.judging,
            margin=task.margin,
        )
    return pack(part, _handed_on(part.open, asked.groups))


def judge_part(task: PlayersTask) -> bytes:
    """The passes by attributes over some players; a packed part.

    Raises:
        Contradiction: a pass does not conserve its rows.
    """
    rows = pd.concat([open_frame(each) for each in task.left])
    return pack(judge_players(rows, task.judging), ())


def fetch_from(books: Snapshot) -> Fetch:
    """Gives full rows out of open books."""

    def fetch(keys: Keys) -> tuple[pd.DataFrame, pd.DataFrame]:
        full = books.records(keys)
        return full.ours, full.theirs

    return fetch


def _handed_on(rows: pd.DataFrame, groups: int) -> Sequence[bytes]:
    """The rows of each group of players, sealed; nothing where no row may be tied."""
    return [seal_frame(each) for each in split_players(rows, groups)] if groups else ()
