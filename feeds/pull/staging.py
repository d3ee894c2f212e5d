"""Feeds that are pulled: all of a window is in hand before anything of it is stored.

What comes in is laid aside in a file without a name, so that neither memory nor a transaction
has to wait for somebody else's server. Storing it and moving the mark is one transaction.

The mark says: everything before it is stored. It moves only where the window begins at or
before it, so that no gap is ever skipped, and never back. It does not move past an item that
could not be read either, unless a person says so: the next pull reads that item again, and a
finding does not go away by waiting.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec
from sqlalchemy import Connection, text

from providers.outbound.pull import LoggedDelivery, UnreadableItem
from vocabulary.window import Window

#: Bytes laid aside in memory before a file is used.
SPOOL_BYTES = 4 * 1024 * 1024
#: Unreadable items kept with place and reason; the rest are counted.
KEPT_MAX = 1_000
#: Deliveries sent to the database at a time.
BATCH_ROWS = 5_000
#: Where a feed begins that was never pulled.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_LENGTH_BYTES = 8
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
# A log tells a delivery again after each attempt; the later telling stands.
_DELIVERIES = """
INSERT INTO provider_deliveries AS d
       (provider, webhook_id, delivery_id, event_type, payload, response_code, response_body,
        success, attempted_at, retry_count, pulled_at)
VALUES (:provider, :webhook_id, :delivery_id, :event_type, :payload, :response_code,
        :response_body, :success, :attempted_at, :retry_count, :pulled_at)
ON CONFLICT ON CONSTRAINT provider_deliveries_pkey DO UPDATE SET
    event_type = EXCLUDED.event_type, payload = EXCLUDED.payload,
    response_code = EXCLUDED.response_code, response_body = EXCLUDED.response_body,
    success = EXCLUDED.success, attempted_at = EXCLUDED.attempted_at,
    retry_count = EXCLUDED.retry_count, pulled_at = EXCLUDED.pulled_at
 WHERE d.retry_count <= EXCLUDED.retry_count
   AND (d.event_type, d.payload, d.response_code, d.response_body, d.success, d.attempted_at,
        d.retry_count)
       IS DISTINCT FROM
       (EXCLUDED.event_type, EXCLUDED.payload, EXCLUDED.response_code, EXCLUDED.response_body,
        EXCLUDED.success, EXCLUDED.attempted_at, EXCLUDED.retry_count)
"""

T = TypeVar("T")


class Staging(Generic[T]):
    """Items laid aside, in order; read as often as wanted. Use it as ``with``."""

    def __init__(self, kind: type[T]) -> None:
        self.items = 0
        self._file = SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed by exit
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def keep(self, item: T) -> None:
        """Lay one more aside. Not while it is being read."""
        frame = self._encode(item)
        self._file.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
        self.items += 1

    def __iter__(self) -> Iterator[T]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield self._decode(self._file.read(int.from_bytes(length, "big")))


@dataclass(frozen=True, slots=True)
class UnreadableItems:
    """Items that could not be read.

    Attributes:
        count: all of them.
        first: the first of them.
    """

    count: int
    first: tuple[UnreadableItem, ...]


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


async def lay_aside(
    stream: AsyncIterator[T | UnreadableItem], spool: Staging[T]
) -> UnreadableItems:
    """Take everything the stream gives; its errors are the caller's."""
    count = 0
    first: list[UnreadableItem] = []
    async for item in stream:
        if not isinstance(item, UnreadableItem):
            spool.keep(item)
            continue
        count += 1
        if count <= KEPT_MAX:
            first.append(item)
    return UnreadableItems(count, tuple(first))


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


def store_deliveries(
    connection: Connection,
    provider: str,
    deliveries: Iterable[LoggedDelivery],
    *,
    pulled_at: datetime,
) -> int:
    """Keep what a delivery log tells, within the caller's transaction.

    Returns:
        How many deliveries are new or were told otherwise before.
    """
    rows = iter(deliveries)
    stored = 0
    while batch := list(islice(rows, BATCH_ROWS)):
        given = [{**asdict(row), "provider": provider, "pulled_at": pulled_at} for row in batch]
        stored += connection.execute(text(_DELIVERIES), given).rowcount
    return stored


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
