"""How a run reads its window: whole, in parts of bounded size, or only what changed.

Every kind of scan finds the same breaks of the window.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from reconcile.matching.compare import compare
from reconcile.matching.comparison import Comparison
from reconcile.partitions.checkpoint import Checkpoint
from reconcile.partitions.codec import PART_FORMAT
from reconcile.partitions.compare_parts import compare_in_parts
from reconcile.partitions.options import ROWS_PER_PART, RunOptions
from reconcile.partitions.watermark import (
    Watermark,
    closed_since,
    matured_since,
    same_handles,
    written_since,
)
from reconcile.snapshot.edge_keys import edge_digest, find_edge_keys
from reconcile.snapshot.frames import Keys, Sides
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.single_lookups import SnapshotReader
from reconcile.snapshot.snapshot import Snapshot
from reconcile.snapshot.timed_keys import timed_key_rows, timed_key_rows_up_to


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What a scan found.

    Attributes:
        whole: whether every row of the window was compared.
    """

    comparison: Comparison
    whole: bool


#: Compares the rows of a snapshot; the keys are those of all open breaks, sorted.
Scan = Callable[[Snapshot, Keys], ScanResult]


def scan_window(options: RunOptions, checkpoint: Checkpoint | None = None) -> Scan:
    """Return a scan of the whole window, in as many parts as it needs.

    With a ``checkpoint``, finished parts are kept. A resumed run uses the parts of the
    interrupted one, except those that anything was written to since.
    """

    def scan(snapshot: Snapshot, _open_keys: Keys) -> ScanResult:
        rules = snapshot.context.rules
        edge_keys = find_edge_keys(snapshot.timed_rows, snapshot.window, rules)
        resuming = checkpoint is not None and checkpoint.resumed is not None
        sides = None if resuming else _read_at_once(snapshot, options)
        if sides is not None:
            comparison = _compare_at_once(snapshot, sides, edge_keys)
            return ScanResult(comparison=comparison, whole=True)
        rows = None if options.parts else max(snapshot.row_counts())
        parts = options.parts or options.parts_for((rows or 0) + len(edge_keys), rules)
        with _prepared(checkpoint, snapshot, parts, edge_keys) as prepared:
            comparison = compare_in_parts(
                snapshot, prepared, options, parts=parts, rows=rows, edge_keys=edge_keys
            )
        return ScanResult(comparison=comparison, whole=True)

    return scan


def scan_changes(
    watermark: Watermark | None,
    options: RunOptions,
    *,
    terms: str,
    open_after: timedelta | None,
) -> Scan:
    """Return a scan of only those rounds whose verdict may differ from the last run's.

    The whole window is scanned instead if there is no watermark, if it was taken under other
    terms or other handles, if rows are matched by attributes (the rows of a player are matched
    together), or if most of the window changed.

    Args:
        watermark: of the last run of this window.
        options: of this run.
        terms: the digest of this run's request.
        open_after: the age from which an open round of ours is overdue; None: never.
    """
    whole_scan = scan_window(options)

    def scan(snapshot: Snapshot, open_keys: Keys) -> ScanResult:
        by_attributes = snapshot.context.rules.attributes
        if watermark is None or watermark.terms != terms or by_attributes:
            return whole_scan(snapshot, open_keys)
        if not same_handles(snapshot, watermark):
            return whole_scan(snapshot, open_keys)
        matured = matured_since(snapshot, watermark, open_after=open_after)
        written, closed = written_since(snapshot, watermark), closed_since(snapshot, watermark)
        keys = np.unique(np.concatenate([open_keys, matured, written, closed]))
        if len(keys) > (options.rows_per_part or ROWS_PER_PART):
            return whole_scan(snapshot, open_keys)
        comparison = compare(
            snapshot.key_rows_of(keys),
            suspect=snapshot.straddling_among(keys),
            fetch=snapshot.records,
            context=snapshot.context,
        )
        return ScanResult(comparison=comparison, whole=False)

    return scan


@contextmanager
def _prepared(
    checkpoint: Checkpoint | None, snapshot: Snapshot, parts: int, edge_keys: Keys
) -> Iterator[Checkpoint]:
    """Provide a checkpoint that holds only parts that are still valid."""
    plan = {"parts": parts, "margin": edge_digest(edge_keys), "format": PART_FORMAT}
    if checkpoint is None:
        with tempfile.TemporaryDirectory(prefix="tieout-run-") as folder:
            yield Checkpoint(Path(folder), {})
        return
    resumed = checkpoint.resumed
    # Other edge rows or other handles may change the result of any part.
    same_plan = all(checkpoint.job.get(name) == plan[name] for name in ("margin", "format"))
    if resumed is not None and same_plan and same_handles(snapshot, resumed):
        _drop_changed(checkpoint, written_since(snapshot, resumed), parts)
    else:
        checkpoint.begin(plan)
    yield checkpoint


def _drop_changed(checkpoint: Checkpoint, changed: Keys, parts: int) -> None:
    """Drop the parts that hold any of these keys, and then all groups of players."""
    for number, key_range in enumerate(key_ranges(parts)):
        start = np.searchsorted(changed, key_range.first, side="left")
        end = np.searchsorted(changed, key_range.last, side="right")
        if start < end:
            checkpoint.drop_part("range", number)
    if len(changed):
        for number in range(parts):
            checkpoint.drop_part("players", number)


def _read_at_once(snapshot: Snapshot, options: RunOptions) -> Sides | None:
    """Read the window's key rows if they make one part; None if they do not.

    This counts no rows first: most windows are small.
    """
    rules = snapshot.context.rules
    if options.parts is not None:
        if options.parts > 1:
            return None
        return timed_key_rows(snapshot) if rules.attributes else snapshot.key_rows()
    limit = options.rows_in_part(rules)
    if snapshot.estimated_rows() > 2 * limit:
        return None
    if rules.attributes:
        return timed_key_rows_up_to(snapshot, limit)
    return snapshot.key_rows_up_to(limit)


def _compare_at_once(snapshot: Snapshot, sides: Sides, edge_keys: Keys) -> Comparison:
    by_attributes = snapshot.context.rules.attributes
    return compare(
        sides,
        suspect=snapshot.straddling_keys(),
        fetch=snapshot.records,
        context=snapshot.context,
        edge_keys=edge_keys,
        reader=SnapshotReader(snapshot) if by_attributes else None,
    )
