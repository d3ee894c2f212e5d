"""Which batches to read for the operations of an amount: those whose blocks have it.

Batches that are not listed have to be read whole: the newest ones, and those of months whose
rows left for archives. Tables read: ``listed_batches``, ``operation_amounts``, ``batches``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from ledger.amounts.batch_times import batches_about
from ledger.amounts.places import BLOCKS, LISTED_BELOW, blocks_of
from vocabulary.window import Window

# Stretches do not overlap, so the first one begins at the last beginning up to :first. No
# amount is in two parts: the one that has it is the first that does not end below it.
_LISTED = """
SELECT b.first_batch, b.last_batch, b.width, w.amount, a.places
  FROM listed_batches b
 CROSS JOIN unnest(CAST(:providers AS text[]), CAST(:amounts AS bigint[]))
         AS w (provider, amount)
  LEFT JOIN LATERAL (
       SELECT places FROM operation_amounts a
        WHERE a.first_batch = b.first_batch AND a.provider = w.provider
          AND a.currency = :currency AND a.last_place >= w.amount * :blocks
        ORDER BY a.last_place LIMIT 1) a ON true
 WHERE b.first_batch <= :last
   AND b.first_batch >= coalesce((SELECT max(first_batch) FROM listed_batches
                                   WHERE first_batch <= :first), :first)
   AND b.last_batch >= :first
 ORDER BY b.first_batch
"""


class BatchRange(NamedTuple):
    """Batches by their numbers, both included."""

    first: int
    last: int


def batches_of_amount(
    connection: Connection, amounts: Mapping[str, int], currency: str, window: Window
) -> list[BatchRange]:
    """The batches that may have an operation that moved an amount in a window, either way.

    They are in order and do not overlap. No other batch has such an operation, as this
    connection sees the books.

    Args:
        connection: of the books.
        amounts: in minor units, from 0 up, by provider.
        currency: of the amounts.
        window: when the operations were committed.
    """
    about = batches_about(connection, window)
    if about is None:
        return []
    whole = BatchRange(*about)
    if any(amount >= LISTED_BELOW for amount in amounts.values()):
        return [whole]
    params = {
        "providers": list(amounts),
        "amounts": list(amounts.values()),
        "currency": currency,
        "blocks": BLOCKS,
        **whole._asdict(),
    }
    rows = connection.execute(text(_LISTED), params).all()
    return list(_joined(_ranges_to_read(whole, rows)))


def _ranges_to_read(whole: BatchRange, rows: Iterable[Row[Any]]) -> Iterator[BatchRange]:
    """The blocks that have their amount, and what is between the stretches, in order."""
    listed: dict[BatchRange, set[BatchRange]] = {}
    for row in rows:
        stretch = BatchRange(row.first_batch, row.last_batch)
        blocks = listed.setdefault(stretch, set())
        for block in blocks_of(row.places or b"", row.amount):
            first = stretch.first + block * row.width
            blocks.add(BatchRange(first, min(first + row.width - 1, stretch.last)))
    unlisted = whole.first
    for stretch, blocks in listed.items():
        yield BatchRange(unlisted, stretch.first - 1)
        for first, last in sorted(blocks):
            yield BatchRange(max(first, whole.first), min(last, whole.last))
        unlisted = max(stretch.last + 1, whole.first)
    yield BatchRange(unlisted, whole.last)


def _joined(ranges: Iterable[BatchRange]) -> Iterator[BatchRange]:
    """Ranges in order without empty ones, and those that follow upon another as one."""
    open_range: BatchRange | None = None
    for range_ in ranges:
        if range_.first > range_.last:
            continue
        if open_range is not None and range_.first == open_range.last + 1:
            open_range = BatchRange(open_range.first, range_.last)
            continue
        if open_range is not None:
            yield open_range
        open_range = range_
    if open_range is not None:
        yield open_range
