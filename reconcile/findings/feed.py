"""Problems of the feed as breaks: unreadable lines, restated days, vanished originals."""

from collections.abc import Iterable, Sequence

from breaks.kinds import BreakKind
from feeds.finding_kinds import FindingKind
from feeds.findings import FeedFinding
from reconcile.findings.breaks import Break
from reconcile.findings.corrections import RoundCorrection, is_settled
from reconcile.findings.cross_check import BrokenRounds, CrossCheckFinding, break_of
from reconcile.findings.vanished import vanished_originals
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.ids import match_key

_KINDS = {
    FindingKind.UNPARSABLE_RECORD: BreakKind.UNPARSABLE,
    FindingKind.RESTATED_AFTER_CLOSE: BreakKind.RESTATED,
}


def feed_breaks(
    findings: Iterable[FeedFinding],
    snapshot: Snapshot,
    round_breaks: Iterable[Break],
    corrections: Sequence[RoundCorrection] = (),
) -> list[Break]:
    """Return the open findings of the window's feeds that are breaks, and vanished originals.

    ``findings`` are those of ``feeds.findings.findings_in``. A restated round that differs from
    the ledger is among ``round_breaks`` already, and one that was corrected since it was
    restated is settled.
    """
    provider, rounds = snapshot.provider, BrokenRounds.of(round_breaks)
    reported = [_finding(finding, provider) for finding in findings if finding.kind in _KINDS]
    return [
        break_of(finding, provider, snapshot.context.now)
        for finding in (*reported, *vanished_originals(snapshot))
        if finding.row["round_id"] is None
        or not (
            rounds.explain(finding.row["round_id"], finding.row["player"])
            or is_settled(finding.row, corrections)
        )
    ]


def _finding(finding: FeedFinding, provider: str) -> CrossCheckFinding:
    # Every window that the finding may be about has it, so its break has a day of its own.
    began = finding.first_seen if finding.covers is None else finding.covers.start
    row = {
        "round_id": finding.round_id,
        "op_key": finding.record_id or _location(finding),
        "match_key": match_key(provider, finding.round_id) if finding.round_id else 0,
        "player": None,
        "currency": finding.currency,
        "received_at": began,
        "known_at": finding.first_seen,
    }
    return CrossCheckFinding(
        kind=_KINDS[finding.kind],
        row=row,
        subject=finding.id,
        difference=finding.difference or 0,
        evidence={
            "finding": finding.id,
            "file": finding.file,
            "line": finding.line,
            **finding.evidence,
        },
        explanation=finding.detail,
    )


def _location(finding: FeedFinding) -> str:
    return finding.feed if finding.file is None else f"{finding.file}:{finding.line or 0}"
