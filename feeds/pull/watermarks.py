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

#: Where a feed begins that was never pulled.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_MARK = "SELECT watermark FROM feed_marks WHERE provider = :provider AND feed = :feed"
_MARKS = "SELECT * FROM feed_marks ORDER BY provider, feed"
# Without a mark nothing was read whole yet: a window that leaves out the beginning of one that
# could not be read makes no mark either.
_MOVE = """
INSERT INTO feed_marks AS m (provider, feed, watermark, pulled_at, records)
VALUES (:provider, :feed, CASE WHEN :whole THEN cast(:until AS timestamptz) END, :pulled_at,
        :records)
ON CONFLICT ON CONSTRAINT feed_marks_pkey DO UPDATE SET
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
        watermark: everything before it is stored; None: nothing was read without a finding.
        records: what the last pull brought.
    """

    provider: str
    feed: str
    watermark: datetime | None
    pulled_at: datetime
    records: int


def next_window(
    connection: Connection, provider: str, feed: str, *, overlap: timedelta, now: datetime
) -> Window:
    """From a little before the mark until now; from the beginning where there is no mark.

    The overlap, longer than nothing, is for what is told later than it happened.
    """
    asked = {"provider": provider, "feed": feed}
    watermark = connection.execute(text(_MARK), asked).scalar_one_or_none()
    start = BEGINNING if watermark is None else min(watermark, now) - overlap
    return Window(start=start, end=now)


def move_mark(
    connection: Connection,
    provider: str,
    feed: str,
    *,
    window: Window,
    whole: bool,
    pulled_at: datetime,
    records: int,
) -> datetime | None:
    """Note a pull, within the transaction that stores it.

    Where everything of the window is stored (``whole``) the mark may move to its end.

    Returns:
        The mark as it stands now.
    """
    said = {
        "provider": provider,
        "feed": feed,
        "since": window.start,
        "until": window.end,
        "whole": whole,
        "pulled_at": pulled_at,
        "records": records,
    }
    mark: datetime | None = connection.execute(text(_MOVE), said).scalar_one()
    return mark


def feed_marks(connection: Connection) -> tuple[FeedWatermark, ...]:
    """Every mark, by provider and feed."""
    rows = connection.execute(text(_MARKS)).mappings()
    return tuple(FeedWatermark(**row) for row in rows)
