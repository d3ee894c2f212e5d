"""Breaks in pages, by money or by age; a page begins after the last break of the former one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from breaks.lists.queries import BreakFilter
from breaks.store import COLUMNS, TrackedBreak, break_from_row
from vocabulary.cursors import Part, cut_page, parts_of


class BreakOrder(StrEnum):
    """In which order breaks are listed."""

    MONEY = "money"  # the largest difference of either sign first
    AGE = "age"  # the oldest first


_KEYS: Mapping[BreakOrder, str] = MappingProxyType(
    {
        BreakOrder.MONEY: "-abs(b.difference), l.opened_at, b.break_id",
        BreakOrder.AGE: "CAST(0 AS bigint), l.opened_at, b.break_id",
    }
)
#: The first part of each key again, alone: an index on it can begin where the page does.
_FROM: Mapping[BreakOrder, str] = MappingProxyType(
    {
        BreakOrder.MONEY: "-abs(b.difference) >= CAST(:last_rank AS bigint)",
        BreakOrder.AGE: "l.opened_at >= CAST(:last_at AS timestamptz)",
    }
)
_POSITION = ("last_rank", "last_at", "last_id")
# The page is chosen before what is derived of each break is looked up: a plan for all that the
# filter matches would read whole tables for fifty rows.
_PAGE = """
WITH page AS MATERIALIZED ({chosen})
SELECT {columns} FROM page
  JOIN breaks b USING (break_id) JOIN break_workflows l USING (break_id)
 ORDER BY {key}
"""
_AFTER = """
   AND {start}
   AND ({key}) > (CAST(:last_rank AS bigint), CAST(:last_at AS timestamptz), :last_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakPage:
    """One page of breaks.

    Attributes:
        total: how many breaks the filter matches.
        next: the cursor of the next page; None: this is the last one.
    """

    breaks: tuple[TrackedBreak, ...]
    total: int
    next: str | None


def page_of_breaks(
    connection: Connection,
    break_filter: BreakFilter,
    *,
    order: BreakOrder,
    after: str | None,
    limit: int,
) -> BreakPage:
    """The breaks that follow a cursor in an order, at most ``limit``.

    Raises:
        Malformed: the cursor is none of ours.
    """
    key = _KEYS[order]
    position = _position(after)
    after_sql = _AFTER.format(key=key, start=_FROM[order]) if position else ""
    end = f"{after_sql} ORDER BY {key} LIMIT :limit"
    of_filter = break_filter.parameters()
    params = {**of_filter, **position, "limit": limit + 1}
    chosen = break_filter.query("b.break_id", end=end).text
    query = text(_PAGE.format(chosen=chosen, columns=COLUMNS, key=key))
    rows = connection.execute(query, params).all()
    breaks, cursor = cut_page(
        [break_from_row(tuple(row)) for row in rows], limit, partial(_place, order)
    )
    count = break_filter.count_query()
    total = connection.execute(count, of_filter).scalar_one()
    return BreakPage(breaks=tuple(breaks), total=int(total), next=cursor)


def _place(order: BreakOrder, break_: TrackedBreak) -> tuple[Part, ...]:
    rank = -abs(break_.difference) if order is BreakOrder.MONEY else 0
    return (rank, break_.opened_at, break_.break_id)


def _position(cursor: str | None) -> dict[str, Any]:
    parts = parts_of(cursor, int, datetime, str)
    return {} if parts is None else dict(zip(_POSITION, parts, strict=True))
