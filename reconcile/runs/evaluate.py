"""Evaluate a request: compare both sides in one snapshot, and store nothing.

A run and its later verification both evaluate a request here, so they cannot differ in how.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from breaks.kinds import BreakKind
from feeds.coverage import Unread, list_unread
from feeds.findings import FeedFinding, findings_in
from ledger.corrections.tolerance_bookings import booked_match_keys
from reconcile.findings.balance_chain import chain_breaks
from reconcile.findings.breaks import Break, breaks_from_rows
from reconcile.findings.corrections import round_corrections
from reconcile.findings.delivery_log import log_breaks
from reconcile.findings.evidence import with_evidence
from reconcile.findings.feed import feed_breaks
from reconcile.findings.journal import journal_breaks
from reconcile.findings.spelling import with_rollbacks_named
from reconcile.findings.unanswered import with_unanswered
from reconcile.matching.comparison import Comparison
from reconcile.partitions.options import RunOptions
from reconcile.partitions.scan import Scan, scan_window
from reconcile.runs.request import RunRequest
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot
from storage.archive.row_cut import RowName, require_names, rows_begin_at
from storage.archive.supplements import require_histories
from vocabulary.ids import RowKind, match_key

# Everything stored up to these numbers could be read.
_WATERMARKS = """
SELECT (SELECT max(batch_id) FROM batches WHERE posted_at IS NOT NULL) AS batches,
       (SELECT max(version_id) FROM feed_versions) AS versions,
       (SELECT max(withdrawal_id) FROM feed_withdrawals) AS withdrawals
"""
_FEEDS = """
SELECT feed, watermark, pulled_at FROM feed_watermarks WHERE provider = {provider} ORDER BY feed
"""
_OPEN = """
SELECT match_key, CASE WHEN kind = :spelling THEN alias ELSE '' END AS their_round
  FROM breaks WHERE provider = :provider AND cleared_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result of evaluating a request.

    Attributes:
        examined: the sorted match keys of open breaks that this evaluation can clear: their
            round has a row in the window, or one tied to it.
        input_watermarks: how much of the stored inputs could be read.
        whole: whether every row of the window was compared.
        unread: what the feeds could not deliver of the window.
        booked: the sorted keys of rounds in the window with a booked residual; empty unless
            ``whole``.
    """

    comparison: Comparison
    breaks: tuple[Break, ...]
    examined: Keys
    input_watermarks: Mapping[str, Any]
    whole: bool
    unread: tuple[Unread, ...] = ()
    booked: Keys = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def evaluate(
    database_url: str,
    connection: Connection,
    request: RunRequest,
    *,
    now: datetime,
    scan: Scan | None = None,
) -> Evaluation:
    """Read both sides at one instant, compare them, and run the cross-checks.

    Args:
        database_url: where both sides are read.
        connection: reads the open breaks, the booked residuals, the feed's findings and which
            rows left for archives.
        request: what to evaluate.
        now: the instant of the run.
        scan: how the window is read; None: whole.

    Raises:
        RowsAreAway: rows of the window, or of a round or operation that it names, left for
            archives.
        Unavailable: the database cannot be reached.
        Contradiction: the comparison does not conserve its rows.
    """
    provider, window = request.provider, request.window
    open_keys = _open_keys(connection, provider)
    with open_snapshot(database_url, provider, window, request.context(now)) as snapshot:
        scanned = (scan or scan_window(RunOptions()))(snapshot, open_keys)
        comparison = scanned.comparison
        breaks = tuple(breaks_of(snapshot, connection, request, comparison))
        _require_named_rows(connection, provider, breaks)
        booked = booked_match_keys(connection, provider) if scanned.whole else []
        booked_keys = np.array(booked, dtype=np.int64)
        return Evaluation(
            comparison=comparison,
            breaks=breaks,
            examined=_examined(snapshot, comparison, open_keys),
            input_watermarks={
                **snapshot.query(_WATERMARKS)[0],
                "feeds": snapshot.query(_FEEDS),
            },
            whole=scanned.whole,
            unread=list_unread(
                connection, provider, window, now, stale_after=request.stale_after
            ),
            booked=_examined(snapshot, comparison, booked_keys),
        )


def _open_keys(connection: Connection, provider: str) -> Keys:
    """Return the keys of all rounds with an open break, sorted.

    A break of two spellings of a round has a key of either.
    """
    params = {"provider": provider, "spelling": str(BreakKind.ID_SPELLING)}
    rows = connection.execute(text(_OPEN), params).all()
    spellings = [match_key(provider, row.their_round) for row in rows if row.their_round]
    return np.unique(np.array([*(row.match_key for row in rows), *spellings], dtype=np.int64))


def _examined(snapshot: Snapshot, comparison: Comparison, keys: Keys) -> Keys:
    """Return the keys whose round has a row in the window, or an edge row tied to it."""
    edge_keys = [
        match_key(snapshot.provider, round_of(name)) for name in comparison.edge_rounds
    ]
    across_edge = np.intersect1d(keys, np.array(edge_keys, dtype=np.int64))
    return np.union1d(snapshot.keys_in_window(keys), across_edge)


def _require_named_rows(connection: Connection, provider: str, breaks: Iterable[Break]) -> None:
    """Check that nothing that a break misses is in an archive: then it would be none."""
    if rows_begin_at(connection) is None:
        return
    rounds = {b.round_id: b.match_key for b in breaks if b.round_id}
    operations = {b.subject for b in breaks if b.subject}
    names = [
        *(
            RowName(kind=RowKind.ROUND, name=name, match_key=key)
            for name, key in rounds.items()
        ),
        *(RowName(kind=RowKind.OPERATION, name=name) for name in sorted(operations)),
    ]
    require_names(connection, provider, names, "the window names")
    played = [name for name in names if name.kind == "round"]
    require_histories(connection, provider, played, "the window names")


def breaks_of(
    snapshot: Snapshot, connection: Connection, request: RunRequest, comparison: Comparison
) -> list[Break]:
    """Return the breaks of rounds, then those of cross-checks that no round explains.

    Args:
        snapshot: what was compared.
        connection: reads the feed's findings.
        request: of the run.
        comparison: of the snapshot.
    """
    findings = findings_in(connection, snapshot.provider, snapshot.window)
    differences = _differences(snapshot, request, comparison.break_rows)
    breaks = with_rollbacks_named(snapshot, with_evidence(snapshot, differences))
    return [*breaks, *_cross_checks(snapshot, findings, request, breaks)]


def breaks_without_evidence(
    snapshot: Snapshot,
    findings: Sequence[FeedFinding],
    request: RunRequest,
    break_rows: Columns,
) -> list[Break]:
    """Return the same breaks as ``breaks_of``, those of rounds without their sources.

    Args:
        snapshot: what was compared.
        findings: of the snapshot's feeds and window, see ``findings_in``.
        request: of the run.
        break_rows: of the comparison.
    """
    breaks = _differences(snapshot, request, break_rows)
    return [*breaks, *_cross_checks(snapshot, findings, request, breaks)]


def _differences(
    snapshot: Snapshot, request: RunRequest, break_rows: Columns
) -> tuple[Break, ...]:
    return breaks_from_rows(
        with_unanswered(snapshot, break_rows),
        provider=request.provider,
        exponents=request.exponents,
        now=snapshot.context.now,
    )


def _cross_checks(
    snapshot: Snapshot,
    findings: Sequence[FeedFinding],
    request: RunRequest,
    breaks: Sequence[Break],
) -> list[Break]:
    exponents, corrections = request.exponents, round_corrections(snapshot)
    cross_checks = journal_breaks(snapshot, exponents, breaks, corrections)
    if not request.rules.attributes:
        # Matching by attributes has already used the balances.
        cross_checks += chain_breaks(snapshot, exponents, breaks, corrections)
    if request.read_logged is not None:
        cross_checks += log_breaks(
            snapshot, exponents, breaks, request.read_logged, corrections
        )
    cross_checks += feed_breaks(findings, snapshot, breaks, corrections)
    return sorted(cross_checks, key=lambda b: (b.round_id, b.kind, b.id))
