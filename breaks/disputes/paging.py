"""Disputes in pages, the newest first, and how many of all of them wait.

Tables read: ``disputes``, ``dispute_lines``, ``dispute_exports``, ``dispute_answers``,
``breaks``, ``break_workflows``.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.disputes.model import Dispute
from breaks.disputes.store import WAITING, disputes_named
from vocabulary.cursors import cut_page, parts_of

_OF = "(CAST(:provider AS text) IS NULL OR d.provider = :provider)"
_PAGE = f"""
SELECT d.dispute_id, d.opening_no FROM disputes d
 WHERE {_OF} AND (CAST(:before AS bigint) IS NULL OR d.opening_no < :before)
   AND (NOT :waiting OR {WAITING})
 ORDER BY d.opening_no DESC LIMIT :limit
"""  # noqa: S608 - only constants are put in
_COUNTS = f"""
SELECT count(*) AS opened, count(*) FILTER (WHERE c.waiting) AS waiting,
       count(*) FILTER (WHERE c.waiting AND c.due_at < :now) AS overdue
  FROM (SELECT {WAITING} AS waiting,
               (SELECT p.due_at FROM dispute_exports p WHERE p.dispute_id = d.dispute_id
                 ORDER BY p.number DESC LIMIT 1) AS due_at
          FROM disputes d WHERE {_OF}) c
"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputePage:
    """One page of disputes; ``next`` is the cursor of the next one, None after the last."""

    disputes: tuple[Dispute, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeCounts:
    """How many disputes were opened, wait for answers, and of these are overdue."""

    opened: int
    waiting: int
    overdue: int


def page_of_disputes(
    connection: Connection,
    *,
    provider: str | None,
    waiting: bool,
    after: str | None,
    limit: int,
) -> DisputePage:
    """The disputes that follow a cursor, at most ``limit``; ``waiting``: not the answered ones.

    Raises:
        Malformed: the cursor is none of ours.
    """
    before = (parts_of(after, int) or (None,))[0]
    params = {"provider": provider, "waiting": waiting, "before": before, "limit": limit + 1}
    rows = connection.execute(text(_PAGE), params).all()
    shown, cursor = cut_page(rows, limit, lambda row: (row.opening_no,))
    disputes = disputes_named(connection, [row.dispute_id for row in shown])
    return DisputePage(
        disputes=tuple(disputes[row.dispute_id] for row in shown),
        next=cursor,
    )


def count_disputes(
    connection: Connection, *, provider: str | None, now: datetime
) -> DisputeCounts:
    """How all disputes stand, whichever page is shown."""
    row = connection.execute(text(_COUNTS), {"provider": provider, "now": now}).one()
    return DisputeCounts(**row._mapping)
