"""How a run looks at its books: whole, in parts of bounded size, or only at what changed.

However it looks, it finds the same breaks of the window. The way is a function of the open
books, how to judge, and the keys of breaks that are open; see ``Look``.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from reconcile.matching.compare import Comparison, Judging, compare
from reconcile.partitions.checkpoint import Checkpoint
from reconcile.partitions.plan import ROWS_PER_PART, How, compare_in_parts
from reconcile.partitions.tasks import Question, fetch_from
from reconcile.partitions.watermark import Watermark, ripened_since, same_handles, written_since
from reconcile.snapshot.edge_keys import digest_of, margin_of
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.snapshot import Sides, Snapshot
from vocabulary.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run is about, as far as looking at the books depends on it."""

    database_url: str
    provider: str
    window: Window
    overdue: datetime | None
    judging: Judging


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What looking came to.

    Attributes:
        whole: whether every row of the window was looked at.
    """

    comparison: Comparison
    whole: bool


#: Compares the open books; the keys are those of the breaks that are open, sorted.
Look = Callable[[Snapshot, Scope, Keys], Looked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run that can be taken up again.

    Attributes:
        spool: where its parts are kept.
        told: what says that another run asks the same; noted with the number of parts.
        began: the mark of the run that left the parts; None: begin anew.
    """

    spool: Checkpoint
    told: Mapping[str, Any]
    began: Watermark | None


def look_at_all(how: How, job: Job | None = None) -> Look:
    """Look at the whole window, in as many parts as it needs.

    With a ``job``, parts that ended are kept, and those of a job that began before are taken
    as they are, but for parts that anything was written to since.
    """

    def look(books: Snapshot, scope: Scope, _asked: Keys) -> Looked:
        fresh = job is None or job.began is None
        margin = margin_of(books.near, scope.window, scope.judging.rules)
        sides = _at_once(books, scope, how) if fresh else None
        if sides is not None:
            return Looked(comparison=_straight(books, scope, sides, margin), whole=True)
        parts = how.parts or how.parts_for(max(books.sizes()) + len(margin), scope.judging)
        groups = parts if scope.judging.rules.attributes else 0
        with _spool(job, books, scope, parts, margin) as spool:
            asked = _question(books, scope, groups)
            found = compare_in_parts(books, asked, spool, how, parts=parts, margin=margin)
        return Looked(comparison=found, whole=True)

    return look


def look_at_changes(
    mark: Watermark | None, how: How, *, terms: str, open_after: timedelta | None
) -> Look:
    """Look only at rounds that may be judged otherwise than when the mark was set.

    At everything instead, where there is no mark, where it was set under other terms or other
    handles, where names do not tie (the rows of a player are judged together), and where most
    of the window changed.
    """
    everything = look_at_all(how)

    def look(books: Snapshot, scope: Scope, asked: Keys) -> Looked:
        rules = scope.judging.rules
        if mark is None or mark.terms != terms or rules.attributes:
            return everything(books, scope, asked)
        if not same_handles(books, mark):
            return everything(books, scope, asked)
        keys = _changed(books, scope, mark, open_after, asked)
        if len(keys) > (how.rows_per_part or ROWS_PER_PART):
            return everything(books, scope, asked)
        sides = books.keys_among(keys)
        found = compare(
            sides.ours,
            sides.theirs,
            suspect=books.straddling_among(keys),
            fetch=fetch_from(books),
            judging=scope.judging,
        )
        return Looked(comparison=found, whole=False)

    return look


def _changed(
    books: Snapshot, scope: Scope, mark: Watermark, open_after: timedelta | None, asked: Keys
) -> Keys:
    """Written to since, ripened since, or open: whatever may be judged otherwise."""
    ripe = ripened_since(books, mark, now=scope.judging.now, open_after=open_after)
    written = written_since(books, scope.provider, mark)
    return np.unique(np.concatenate([asked, ripe, written]))


@contextmanager
def _spool(
    job: Job | None, books: Snapshot, scope: Scope, parts: int, margin: Keys
) -> Iterator[Checkpoint]:
    """Where parts are kept, with those in it that still hold."""
    told = {"parts": parts, "margin": digest_of(margin)}
    if job is None:
        with tempfile.TemporaryDirectory(prefix="tieout-run-") as folder:
            yield Checkpoint(Path(folder))
    elif job.began is None or not _holds(job, job.began, books, told):
        job.spool.begin({**job.told, **told})
        yield job.spool
    else:
        changed = written_since(books, scope.provider, job.began)
        _forget(job.spool, changed, parts)
        yield job.spool


def _holds(job: Job, began: Watermark, books: Snapshot, told: Mapping[str, Any]) -> bool:
    """Whether parts that ended may still hold: not where others take part in all of them."""
    return job.told.get("margin") == told["margin"] and same_handles(books, began)


def _forget(spool: Checkpoint, changed: Keys, parts: int) -> None:
    """Drop the parts that hold any of these keys, and what was judged from them together."""
    for number, within in enumerate(key_ranges(parts)):
        first, after = np.searchsorted(changed, [within.first, within.last])
        if first < after or (first < len(changed) and changed[first] == within.last):
            spool.drop("range", number)
    if len(changed):
        for number in range(parts):
            spool.drop("players", number)


def _question(books: Snapshot, scope: Scope, groups: int) -> Question:
    return Question(
        database_url=scope.database_url,
        snapshot=books.snapshot,
        provider=scope.provider,
        window=scope.window,
        overdue=scope.overdue,
        judging=scope.judging,
        groups=groups,
    )


def _at_once(books: Snapshot, scope: Scope, how: How) -> Sides | None:
    """The window's key rows, where they make one part; nothing is counted first."""
    if how.parts is not None:
        return books.keys() if how.parts == 1 else None
    rows = how.rows_in_one(scope.judging)
    return None if books.expected() > 2 * rows else books.keys_up_to(rows)


def _straight(books: Snapshot, scope: Scope, sides: Sides, margin: Keys) -> Comparison:
    return compare(
        sides.ours,
        sides.theirs,
        suspect=books.straddling(),
        fetch=fetch_from(books),
        judging=scope.judging,
        margin=margin,
    )
