"""The log of pulls: the windows they asked for and the findings they made.

Consecutive pulls of a feed should touch; time that none of them asked for is a gap. An
unreadable item is a finding about the pull's window, until a pull of all of that window does
not meet it. So is a record of the window that a whole pull no longer lists; see
``feeds.statements.restatement``.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, text

from feeds.changes import Changes
from feeds.day_close import record_restatements
from feeds.finding_kinds import FindingKind
from feeds.findings import KEPT_MAX, NewFinding, record_findings, resolve_scopes
from feeds.gaps import gaps_between
from feeds.pull.staging import UnreadableItems
from feeds.pull.watermarks import watermark_of
from feeds.records import FeedCount
from feeds.statements.restatement import WithdrawalResult, withdraw_unlisted
from vocabulary.clock import iso
from vocabulary.plurals import counted
from vocabulary.window import Window

#: The source of pulled records.
PULL_SOURCE = "pull"
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


def record_pull(
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
    """Record a pull and its findings, in the transaction that stores it."""
    params = {
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
    connection.execute(text(_PULLED), params)
    record = partial(record_findings, connection, provider, feed, now=now)
    record(scope=ITEMS, findings=_unreadable(unreadable, window), checked=window)
    record(scope=WINDOWS, findings=_gaps(connection, provider, feed))
    record(scope=LATE, findings=_late(count.late_ids))
    record(scope=f"changes {iso(now)}", findings=_changed(count.changes, window))
    resolve_scopes(connection, provider, feed, scopes=(PAGES, PULLS), now=now)
    withdrawn = WithdrawalResult()
    if count.has_delivered_keys and unreadable.count == 0:
        withdrawn = withdraw_unlisted(
            connection, provider, feed, source=PULL_SOURCE, window=window, now=now
        )
    created = (count.first, count.last, withdrawn.first, withdrawn.last)
    record_restatements(connection, provider, created, now=now)


def record_failed_pull(
    connection: Connection, provider: str, feed: str, *, window: Window, why: str, now: datetime
) -> None:
    """Record that a feed could not be read: its history after the watermark is unknown."""
    watermark = watermark_of(connection, provider, feed)
    start = window.start if watermark is None else max(window.start, watermark)
    if start >= window.end:
        return  # all of the window was read before
    finding = NewFinding(
        kind=FindingKind.PULL_FAILED,
        detail=f"the pull failed and nothing from {iso(start)} on was stored: {why}",
        covers=Window(start=start, end=window.end),
    )
    record_findings(connection, provider, feed, scope=PULLS, findings=[finding], now=now)


def record_repeated_page(
    connection: Connection, provider: str, feed: str, *, window: Window, now: datetime
) -> None:
    """Record that a list repeated a page: nothing of it was stored, some of it is missing."""
    finding = NewFinding(
        kind=FindingKind.DUPLICATE_PAGE,
        detail="two pages have the same content; nothing of the list from"
        f" {iso(window.start)} on was stored",
        covers=window,
    )
    record_findings(connection, provider, feed, scope=PAGES, findings=[finding], now=now)


def _unreadable(unreadable: UnreadableItems, window: Window) -> Iterator[NewFinding]:
    # One finding is left for the count of the rest.
    first = unreadable.first[: KEPT_MAX - 1]
    for item in first:
        yield NewFinding(
            kind=FindingKind.UNPARSABLE_RECORD,
            detail=f"{item.place}: {item.reason}",
            covers=window,
        )
    rest = unreadable.count - len(first)
    if rest > 0:
        yield NewFinding(
            kind=FindingKind.UNPARSABLE_RECORD,
            detail=f"and {rest} more of this kind",
            covers=window,
            evidence={"more": rest},
        )


def _gaps(connection: Connection, provider: str, feed: str) -> Iterator[NewFinding]:
    rows = connection.execute(text(_WINDOWS), {"provider": provider, "feed": feed})
    windows = (Window(start=row.window_from, end=row.window_to) for row in rows)
    for gap in gaps_between(windows):
        yield NewFinding(
            kind=FindingKind.FEED_GAP,
            detail=f"no pull asked for {iso(gap.start)} to {iso(gap.end)}",
            covers=gap,
        )


def _changed(changes: Changes, window: Window) -> Iterator[NewFinding]:
    """The finding that the pull contradicts stored records; a person resolves it."""
    if changes.count:
        yield NewFinding(
            kind=FindingKind.CHANGED_RECORD,
            detail="the pull brought other figures for "
            f"{counted(changes.count, 'known record')} without a"
            " newer updated_at; they are stored; ask the provider why",
            covers=window,
            evidence={
                "records": [change.evidence() for change in changes.first],
                "count": changes.count,
            },
        )


def _late(ids: Iterable[str]) -> Iterator[NewFinding]:
    for record_id in ids:
        yield NewFinding(
            kind=FindingKind.LATE_RECORD,
            detail="reported for the first time after its time had been read",
            record_id=record_id,
            is_resolved=True,
        )
