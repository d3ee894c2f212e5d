"""What the feed itself did wrong, as breaks: lines nobody could read, days told otherwise."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from breaks.kinds import OF_BOOKS, BreakKind
from feeds.findings import FeedFinding, FindingKind, findings_in
from reconcile.findings.breaks import Break
from reconcile.findings.journal import CrossCheckFinding, break_of
from vocabulary.ids import match_key
from vocabulary.window import Window

_KINDS = {
    FindingKind.UNPARSABLE_RECORD: BreakKind.UNPARSABLE,
    FindingKind.RESTATED_AFTER_CLOSE: BreakKind.RESTATED,
}


def feed_breaks(
    connection: Connection,
    provider: str,
    window: Window,
    now: datetime,
    known: Iterable[Break],
) -> list[Break]:
    """Open findings of the window's feeds that are breaks.

    A restated round that differs from the ledger now is already ``known`` by that.
    """
    told = {each.round_id for each in known if each.kind in OF_BOOKS}
    return [
        break_of(_witness(each, provider, window), provider, now)
        for each in findings_in(connection, provider, window)
        if each.kind in _KINDS and (each.round_id is None or each.round_id not in told)
    ]


def _witness(each: FeedFinding, provider: str, window: Window) -> CrossCheckFinding:
    at = window.start if each.covers is None else max(each.covers.start, window.start)
    row = {
        "round_id": each.round_id,
        "op_key": each.record_id or _where(each),
        "match_key": match_key(provider, each.round_id) if each.round_id else 0,
        "player": None,
        "currency": each.currency,
        "received_at": at,
    }
    return CrossCheckFinding(
        kind=_KINDS[each.kind],
        row=row,
        subject=each.id,
        difference=each.difference or 0,
        evidence={"finding": each.id, "file": each.file, "line": each.line, **each.evidence},
        explanation=each.detail,
    )


def _where(each: FeedFinding) -> str:
    return each.feed if each.file is None else f"{each.file}:{each.line or 0}"
