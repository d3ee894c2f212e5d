"""What arrives as callbacks: pushed history, and deliveries that cannot be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from feeds.day_close import record_restatements
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, evidence_of, record_findings, resolve_scopes
from feeds.records import FeedCount, store_records
from vocabulary.errors import TieoutError
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

#: The feed and the source of pushed records.
PUSHED = "push"
#: Most deliveries that one finding names; it always has their count.
DELIVERIES_MAX = 20


def store_pushed(
    connection: Connection,
    provider: str,
    records: Iterable[HistoryRecord],
    *,
    deliveries: Sequence[int],
    now: datetime,
) -> FeedCount:
    """Store the records of these deliveries and resolve findings that they were unreadable."""
    count = store_records(connection, provider, records, source=PUSHED, received_at=now)
    scopes = [_scope(delivery) for delivery in deliveries]
    resolve_scopes(connection, provider, PUSHED, scopes=scopes, now=now)
    record_restatements(connection, provider, (count.first, count.last), now=now)
    return count


def record_unreadable(
    connection: Connection, provider: str, delivery: int, error: Exception, *, now: datetime
) -> None:
    """Record that a delivery of history cannot be read; it may be about any time."""
    # Only the texts of our own errors are sure to hold nothing of the payload.
    reason = str(error) if isinstance(error, TieoutError) else type(error).__name__
    finding = NewFinding(
        kind=FindingKind.UNPARSABLE_RECORD, detail=f"{_scope(delivery)}: {reason}"
    )
    record_findings(
        connection, provider, PUSHED, scope=_scope(delivery), findings=[finding], now=now
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableCallback:
    """An authentic callback that was refused as malformed and moved nothing.

    Attributes:
        reason: what was expected; never the content.
    """

    delivery: int
    route: str
    reason: str
    received_at: datetime


def record_unreadable_callbacks(
    connection: Connection,
    provider: str,
    callbacks: Iterable[UnreadableCallback],
    *,
    now: datetime,
) -> None:
    """Record refused callbacks: one finding for each day, route and reason."""
    by_reason: dict[tuple[date, str, str], list[UnreadableCallback]] = {}
    for callback in callbacks:
        day = callback.received_at.astimezone(UTC).date()
        by_reason.setdefault((day, callback.route, callback.reason), []).append(callback)
    for (day, route, reason), refused in by_reason.items():
        scope = f"callbacks of {day}, {route or '/'}: {reason}"
        earlier = evidence_of(connection, provider, PUSHED, scope=scope)
        deliveries = [
            *earlier.get("deliveries", []),
            *(callback.delivery for callback in refused),
        ]
        start = datetime.combine(day, time(), UTC)
        finding = NewFinding(
            kind=FindingKind.UNREADABLE_CALLBACK,
            detail=f"{scope}; these callbacks are authentic but were refused and moved nothing,"
            " so a player may be unpaid",
            covers=Window(start=start, end=start + timedelta(days=1)),
            evidence={
                "count": earlier.get("count", 0) + len(refused),
                "deliveries": deliveries[:DELIVERIES_MAX],
            },
        )
        record_findings(connection, provider, PUSHED, scope=scope, findings=[finding], now=now)


def _scope(delivery: int) -> str:
    return f"delivery {delivery}"
