"""Pushed history: records that arrive as callbacks, and deliveries that cannot be read."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from feeds.day_close import record_restatements
from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, record_findings, resolve_scopes
from feeds.records import FeedCount, store_records
from vocabulary.errors import TieoutError
from vocabulary.facts import HistoryRecord

#: The feed and the source of pushed records.
PUSHED = "push"


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


def _scope(delivery: int) -> str:
    return f"delivery {delivery}"
