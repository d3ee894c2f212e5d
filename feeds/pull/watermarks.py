"""How far each pulled feed was read.

The watermark of a feed says that everything before it is stored. A pull moves it only if its
window begins at or before the watermark, so no gap is ever skipped, and never moves it back. An
item that could not be read holds the watermark too, unless a person lets it pass: the next pull
reads the item again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from vocabulary.window import Window

#: Start of the first pull of a feed.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_WATERMARK = "SELECT watermark FROM feed_watermarks WHERE provider = :provider AND feed = :feed"
_WATERMARKS = "SELECT * FROM feed_watermarks ORDER BY provider, feed"
# A feed has no watermark while every pull of it met something unreadable. The first whole pull
# sets one only if no such earlier pull began before its window.
_MOVE = """
INSERT INTO feed_watermarks AS m (provider, feed, watermark, pulled_at, records)
VALUES (:provider, :feed, CASE WHEN :whole THEN cast(:until AS timestamptz) END, :pulled_at,
        :records)
ON CONFLICT ON CONSTRAINT feed_watermarks_pkey DO UPDATE SET
    watermark = CASE WHEN m.watermark >= :since
                       OR (m.watermark IS NULL AND NOT EXISTS (
                           SELECT FROM feed_pulls p
                            WHERE p.provider = :provider AND p.feed = :feed
                              AND NOT p.whole AND p.window_from < :since))
                     THEN greatest(m.watermark, EXCLUDED.watermark) ELSE m.watermark END,
    pulled_at = EXCLUDED.pulled_at, records = EXCLUDED.records
RETURNING watermark
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedWatermark:
    """How far one feed was read.

    Attributes:
        watermark: everything before it is stored; None: no pull was whole yet.
        records: the number of records in the last pull.
    """

    provider: str
    feed: str
    watermark: datetime | None
    pulled_at: datetime
    records: int


def watermark_of(connection: Connection, provider: str, feed: str) -> datetime | None:
    """The watermark of one feed; None: no pull was whole yet."""
    params = {"provider": provider, "feed": feed}
    row = connection.execute(text(_WATERMARK), params)
    watermark: datetime | None = row.scalar_one_or_none()
    return watermark


def next_window(
    connection: Connection, provider: str, feed: str, *, overlap: timedelta, now: datetime
) -> Window:
    """From a little before the watermark until now; from ``BEGINNING`` without a watermark.

    The overlap, longer than zero, is for records that are reported later than they happened.
    """
    watermark = watermark_of(connection, provider, feed)
    start = BEGINNING if watermark is None else min(watermark, now) - overlap
    return Window(start=start, end=now)


def move_watermark(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    window: Window,
    whole: bool,
    pulled_at: datetime,
    records: int,
) -> datetime | None:
    """Move the watermark after a pull, within the transaction that stores it.

    If everything of the window is stored (``whole``), the watermark may move to its end.

    Returns:
        The watermark afterwards.
    """
    params = {
        "provider": provider,
        "feed": feed,
        "since": window.start,
        "until": window.end,
        "whole": whole,
        "pulled_at": pulled_at,
        "records": records,
    }
    watermark: datetime | None = connection.execute(text(_MOVE), params).scalar_one()
    return watermark


def list_watermarks(connection: Connection) -> tuple[FeedWatermark, ...]:
    """Every watermark, by provider and feed."""
    rows = connection.execute(text(_WATERMARKS)).mappings()
    return tuple(FeedWatermark(**row) for row in rows)
