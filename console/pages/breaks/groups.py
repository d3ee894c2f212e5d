"""Breaks of one likely cause: the groups with their money, and one group worked as one."""

from dataclasses import dataclass, replace
from datetime import datetime

from breaks.lists.grouping import GroupSummary
from breaks.lists.kept_groups import GroupList
from breaks.lists.queries import BreakFilter
from breaks.standing import counts_text
from console.config import Console, Visit
from console.pages.breaks.listing import list_values, page_of, query_of
from console.pages.parameters import read_limit
from console.replies import HtmlPage, not_found
from console.sentences import counted
from vocabulary.cursors import cut_page, parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """One page of the groups of more than one break, the largest first.

    Attributes:
        groups, breaks: how many there are on all pages.
        alone: breaks that share no cause with another.
        next: the cursor of the next page; None: this is the last one.
    """

    items: tuple[GroupSummary, ...]
    groups: int
    breaks: int
    alone: int
    made_at: datetime
    next: str | None


def show_all(visit: Visit) -> HtmlPage:
    """The groups of breaks that are not closed."""
    page = page_of_groups(visit)
    values = {
        "sentence": _sentence(page.groups, page.breaks),
        "page": page,
        "after": visit.query.get("after"),
        "standings": _standings,
    }
    return HtmlPage(template="breaks/groups.html", values=values)


def page_of_groups(visit: Visit) -> GroupPage:
    """The groups that follow the cursor of an address.

    Raises:
        Malformed: the cursor is none of ours.
    """
    listed = kept_groups(visit.console)
    shared = listed.groups
    limit = read_limit(visit.query)
    size, group_id = parts_of(visit.query.get("after"), int, str) or (None, "")
    rest = [group for group in shared if size is None or _rank(group) > (-size, group_id)]
    items, cursor = cut_page(rest, limit, lambda group: (len(group.ids), group.group_id))
    return GroupPage(
        items=tuple(items),
        groups=len(shared),
        breaks=sum(len(group.ids) for group in shared),
        alone=listed.grouping.alone,
        made_at=listed.made_at,
        next=cursor,
    )


def _rank(group: GroupSummary) -> tuple[int, str]:
    """What groups are in order by."""
    return -len(group.ids), group.group_id


def show(visit: Visit) -> HtmlPage:
    """One group with its breaks."""
    group, made_at = _named(visit, visit.path["id"])
    query = query_of(visit)
    query = replace(query, break_filter=filter_of(group), fields={})
    with visit.console.readers.connect() as connection:
        page = page_of(connection, query)
    values = {
        **list_values(visit, page, query),
        "group": group,
        "path": f"/breaks/groups/{group.group_id}",
        "made_at": made_at,
        "standings": _standings,
    }
    return HtmlPage(template="breaks/group.html", values=values)


def group_of(visit: Visit, group_id: str) -> GroupSummary:
    """The group with this id.

    Raises:
        RequestRefused: there is none; its breaks may be closed.
    """
    return _named(visit, group_id)[0]


def kept_groups(console: Console, *, at_once: bool = False) -> GroupList:
    """The groups as they are, or as they were before a run unless asked for ``at_once``."""
    with console.readers.connect() as connection:
        return console.groups.get(connection, at_once=at_once)


def _named(visit: Visit, group_id: str) -> tuple[GroupSummary, datetime]:
    """The group with this id, and when it was made; that of a run may not be kept yet."""
    for at_once in (False, True):
        listed = kept_groups(visit.console, at_once=at_once)
        if (group := listed.grouping.named(group_id)) is not None:
            return group, listed.made_at
    raise not_found("group of breaks that are not closed", group_id)


def filter_of(group: GroupSummary) -> BreakFilter:
    """The breaks of a group, whatever became of them since it was made."""
    return BreakFilter(ids=group.ids, include_closed=True)


def _standings(group: GroupSummary) -> str:
    return counts_text(group.standings)


def _sentence(groups: int, breaks: int) -> str:
    if groups == 0:
        return "No two breaks share a likely cause."
    causes = counted(groups, "likely cause")
    return f"{counted(breaks, 'break')} with {causes}, the largest first."
