"""What a pull leaves behind besides its records: which window it asked for, and what was wrong.

The pulls of a feed should touch each other; time between two of them that neither asked for is
a gap. An item that could not be read is a finding of the pull's window, and goes away when a
pull that looks at all of that window again does not meet it. A record of the window that a
whole pull does not list any more is one too; see ``feeds.statements.restatement``.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from feeds.day_close import note_restatements
from feeds.findings import FindingKind, NewFinding, note
from feeds.gaps import holes
from feeds.pull.staging import UnreadableItems
from feeds.records import FeedCount
from feeds.statements.restatement import OmittedRecords, left_out_by_pull
from vocabulary.clock import iso
from vocabulary.window import Window

#: The source of records that were pulled.
OF_PULLS = "pull"
ITEMS, PAGES, WINDOWS, LATE, PULLS = "items", "pages", "windows", "late", "pulls"

_PULLED = """
INSERT INTO feed_pulls (provider, feed, window_from, window_to, whole, received, stored,
                        unreadable, pulled_at)
VALUES (:provider, :feed, :since, :until, :whole, :received, :stored, :unreadable, :now)
"""
_WINDOWS = """
SELECT window_from, window_to FROM feed_pulls
 WHERE provider = :provider AND feed = :feed ORDER BY window_from, window_to
"""
_MARK = "SELECT watermark FROM feed_watermarks WHERE provider = :provider AND feed = :feed"


def read_to(connection: Connection, provider: str, feed: str) -> datetime | None:
    """Up to where a feed was read before; what is older and new to us comes late."""
    said = {"provider": provider, "feed": feed}
    mark: datetime | None = connection.execute(text(_MARK), said).scalar_one_or_none()
    return mark


def note_pull(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    window: Window,
    received: int,
    count: FeedCount,
    unreadable: UnreadableItems,
    now: datetime,
) -> None:
    """Keep what a pull was and what was wrong with it, in the transaction that stores it."""
    said = {
        "provider": provider,
        "feed": feed,
        "since": window.start,
        "until": window.end,
        "whole": unreadable.count == 0,
        "received": received,
        "stored": count.stored,
        "unreadable": unreadable.count,
        "now": now,
    }
    connection.execute(text(_PULLED), said)
    items = list(_unreadable(unreadable, window))
    note(connection, provider, feed, scope=ITEMS, found=items, now=now, looked_at=window)
    for scope in (PAGES, PULLS):
        note(connection, provider, feed, scope=scope, found=(), now=now)
    gaps = _gaps(connection, provider, feed)
    note(connection, provider, feed, scope=WINDOWS, found=gaps, now=now)
    note(connection, provider, feed, scope=LATE, found=_late(count.late_ids), now=now)
    left = OmittedRecords()
    if count.remembered and unreadable.count == 0:
        left = left_out_by_pull(
            connection, provider, feed, source=OF_PULLS, window=window, now=now
        )
    at = [each for each in (count.first, count.last, left.first, left.last) if each]
    if at:
        note_restatements(connection, provider, first=min(at), last=max(at), now=now)


def note_failed_pull(
    connection: Connection, provider: str, feed: str, *, window: Window, why: str, now: datetime
) -> None:
    """A feed was not told, or not whole: what it has told since its mark is not known."""
    mark = read_to(connection, provider, feed)
    start = window.start if mark is None else max(window.start, mark)
    if start >= window.end:
        return  # all of it was read before
    found = NewFinding(
        kind=FindingKind.PULL_FAILED,
        detail=f"nothing of it was stored: {why}",
        covers=Window(start=start, end=window.end),
    )
    note(connection, provider, feed, scope=PULLS, found=[found], now=now)


def note_repeated_page(
    connection: Connection, provider: str, feed: str, *, window: Window, now: datetime
) -> None:
    """A list told the same page twice: nothing of it was stored, something of it is missing."""
    found = NewFinding(
        kind=FindingKind.DUPLICATE_PAGE,
        detail="a page said the same as the one before it; nothing of the list was stored",
        covers=window,
    )
    note(connection, provider, feed, scope=PAGES, found=[found], now=now)


def _unreadable(unreadable: UnreadableItems, window: Window) -> Iterator[NewFinding]:
    for each in unreadable.first:
        yield NewFinding(
            kind=FindingKind.UNPARSABLE_RECORD,
            detail=f"{each.place}: {each.reason}",
            covers=window,
        )
    more = unreadable.count - len(unreadable.first)
    if more > 0:
        yield NewFinding(
            kind=FindingKind.UNPARSABLE_RECORD,
            detail=f"and {more} more of this kind",
            covers=window,
            evidence={"more": more},
        )


def _gaps(connection: Connection, provider: str, feed: str) -> Iterator[NewFinding]:
    said = {"provider": provider, "feed": feed}
    rows = connection.execute(text(_WINDOWS), said)
    for hole in holes(Window(start=row.window_from, end=row.window_to) for row in rows):
        yield NewFinding(
            kind=FindingKind.FEED_GAP,
            detail=f"nobody asked for {iso(hole.start)} to {iso(hole.end)}",
            covers=hole,
        )


def _late(ids: Iterable[str]) -> Iterator[NewFinding]:
    for record_id in ids:
        yield NewFinding(
            kind=FindingKind.LATE_RECORD,
            detail="told for the first time after its time had been read",
            record_id=record_id,
            over=True,
        )
