"""Breaks in pages, by money or by age; a page begins after the last break of the former one.

Tables read: ``listed_breaks``, ``breaks``, ``break_workflows``, ``break_mentions``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, TextClause, text

from breaks.listed import LISTED_COLUMNS, ListedBreak, listed_from_row
from breaks.lists.queries import BreakFilter
from breaks.store import COLUMNS, TrackedBreak, break_from_row
from vocabulary.cursors import Part, cut_page, parts_of


class BreakOrder(StrEnum):
    """In which order breaks are listed."""

    MONEY = "money"  # the largest difference of either sign first
    AGE = "age"  # the oldest first


#: What each order sorts by, on rows ``b`` of ``listed_breaks`` or of ``breaks``; ``{opened}``
#: is the row that has ``opened_at``.
_KEYS: Mapping[BreakOrder, str] = MappingProxyType(
    {
        BreakOrder.MONEY: "-abs(b.difference), {opened}.opened_at, b.break_id",
        BreakOrder.AGE: "CAST(0 AS bigint), {opened}.opened_at, b.break_id",
    }
)
#: The first part of each key again, alone: an index on it can begin where the page does.
_FROM: Mapping[BreakOrder, str] = MappingProxyType(
    {
        BreakOrder.MONEY: "-abs(b.difference) >= CAST(:last_rank AS bigint)",
        BreakOrder.AGE: "b.opened_at >= CAST(:last_at AS timestamptz)",
    }
)
_POSITION = ("last_rank", "last_at", "last_id")
# The page is chosen before what is derived of each break is looked up: a plan for all that the
# filter matches would read whole tables for fifty rows.
_CHOSEN_ROWS = """
WITH page AS MATERIALIZED ({chosen})
SELECT {columns} FROM page
  JOIN breaks b USING (break_id) JOIN break_workflows l USING (break_id)
 ORDER BY {of_rows}
"""
# Words are sought in all breaks once, for the page and for the count: few breaks have most
# words, so a page in the order of an index would read as many rows again, one by one.
_FOUND = """
WITH found AS MATERIALIZED ({found})
SELECT (SELECT count(*) FROM found) AS total,
       ARRAY(SELECT b.break_id FROM found b WHERE true {end}) AS ids
"""
_IDS = "SELECT break_id FROM unnest(CAST(:page_ids AS text[])) AS p (break_id)"
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
    key = _listed_key(order)
    position = _position(after)
    after_sql = _AFTER.format(key=key, start=_FROM[order]) if position else ""
    end = f"{after_sql} ORDER BY {key} LIMIT :limit"
    params = {**break_filter.parameters(), **position, "limit": limit + 1}
    if break_filter.words is None:
        chosen = break_filter.query("b.break_id", end=end).text
        count = connection.execute(break_filter.query("count(*)"), params).scalar_one()
    else:
        found = break_filter.query("b.break_id, b.difference, b.opened_at").text
        query = text(_FOUND.format(found=found, end=end))
        count, params["page_ids"] = connection.execute(query, params).one()
        chosen = _IDS
    rows = connection.execute(_rows_query(chosen, COLUMNS, order), params).all()
    breaks, cursor = cut_page(
        [break_from_row(tuple(row)) for row in rows], limit, partial(_place, order)
    )
    return BreakPage(breaks=tuple(breaks), total=int(count), next=cursor)


def listed_breaks(
    connection: Connection, break_filter: BreakFilter, *, order: BreakOrder, limit: int
) -> list[ListedBreak]:
    """The first breaks that a filter matches, in an order, at most ``limit``."""
    end = f" ORDER BY {_listed_key(order)} LIMIT :limit"
    chosen = break_filter.query("b.break_id", end=end).text
    params = {**break_filter.parameters(), "limit": limit}
    rows = connection.execute(_rows_query(chosen, LISTED_COLUMNS, order), params)
    return [listed_from_row(tuple(row)) for row in rows.all()]


def _listed_key(order: BreakOrder) -> str:
    """What an order sorts rows ``b`` of ``listed_breaks`` by."""
    return _KEYS[order].format(opened="b")


def _rows_query(chosen: str, columns: str, order: BreakOrder) -> TextClause:
    """A query of columns of the chosen breaks ``b`` and their workflows ``l``, in an order."""
    of_rows = _KEYS[order].format(opened="l")
    return text(_CHOSEN_ROWS.format(chosen=chosen, columns=columns, of_rows=of_rows))


def _place(order: BreakOrder, break_: TrackedBreak) -> tuple[Part, ...]:
    rank = -abs(break_.difference) if order is BreakOrder.MONEY else 0
    return (rank, break_.opened_at, break_.break_id)


def _position(cursor: str | None) -> dict[str, Any]:
    parts = parts_of(cursor, int, datetime, str)
    return {} if parts is None else dict(zip(_POSITION, parts, strict=True))
