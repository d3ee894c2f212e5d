"""Pushed history: stored, held against closed days, and what of it could not be read."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from feeds.day_close import note_restatements
from feeds.findings import FindingKind, NewFinding, cured, note
from feeds.records import FeedCount, store_records
from vocabulary.errors import TieoutError
from vocabulary.facts import HistoryRecord

#: The feed, and the source, of records that came as callbacks.
PUSHED = "push"


def store_pushed(
    connection: Connection,
    provider: str,
    records: Iterable[HistoryRecord],
    *,
    deliveries: Sequence[int],
    now: datetime,
) -> FeedCount:
    """Keep what these deliveries told; a delivery that could not be read before now was."""
    count = store_records(connection, provider, records, source=PUSHED, received_at=now)
    scopes = [_scope(delivery) for delivery in deliveries]
    cured(connection, provider, PUSHED, scopes=scopes, now=now)
    if count.first is not None and count.last is not None:
        note_restatements(connection, provider, first=count.first, last=count.last, now=now)
    return count


def note_unreadable(
    connection: Connection, provider: str, delivery: int, error: Exception, *, now: datetime
) -> None:
    """A delivery of history that nobody could read; it may speak of any time."""
    # Only our own errors never carry what they failed on.
    reason = str(error) if isinstance(error, TieoutError) else type(error).__name__
    found = NewFinding(
        kind=FindingKind.UNPARSABLE_RECORD, detail=f"{_scope(delivery)}: {reason}"
    )
    note(connection, provider, PUSHED, scope=_scope(delivery), found=[found], now=now)


def _scope(delivery: int) -> str:
    return f"delivery {delivery}"
