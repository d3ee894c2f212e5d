"""Which batches were committed about a time.

Batches are numbered in the order of time, but for those that commit at once, so halving finds
the first one of a time without an index by it. Table read: ``batches``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from vocabulary.window import Window

#: How far numbers and times may be out of step: much longer than any commit takes.
LEEWAY = timedelta(hours=1)
_FIRST_SINCE = """
WITH RECURSIVE halves (number, edge, low, high) AS (
     SELECT e.number, e.edge, n.first, n.last + 1
       FROM unnest(CAST(:edges AS timestamptz[])) WITH ORDINALITY AS e (edge, number),
            (SELECT min(batch_id) AS first, max(batch_id) AS last
               FROM batches WHERE batch_id > 0) n
      UNION ALL
     SELECT h.number, h.edge,
            CASE WHEN m.committed_at < h.edge THEN m.batch_id + 1 ELSE h.low END,
            CASE WHEN m.committed_at < h.edge THEN h.high ELSE (h.low + h.high) / 2 END
       FROM halves h CROSS JOIN LATERAL (
            SELECT batch_id, committed_at FROM batches
             WHERE batch_id >= (h.low + h.high) / 2 ORDER BY batch_id LIMIT 1) m
      WHERE h.low < h.high)
SELECT low FROM halves WHERE low = high ORDER BY number
"""


def batches_about(connection: Connection, window: Window) -> tuple[int, int] | None:
    """The first and last number of batches that may be of a window; None: there are none."""
    first, beyond = _first_since(connection, (window.start - LEEWAY, window.end + LEEWAY))
    return (first, beyond - 1) if first < beyond else None


def first_batch_after(connection: Connection, instant: datetime) -> int:
    """A number from which on every batch was committed after an instant."""
    (first,) = _first_since(connection, (instant + LEEWAY,))
    return first


def _first_since(connection: Connection, instants: Sequence[datetime]) -> list[int]:
    rows = connection.execute(text(_FIRST_SINCE), {"edges": list(instants)}).scalars().all()
    return list(rows) or [1] * len(instants)  # without any batch
