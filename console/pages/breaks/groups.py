"""Breaks of one likely cause: the groups with their money, and one group worked as one."""

from dataclasses import replace

from breaks.group_queries import GroupSummary
from breaks.groups import BreakCause
from breaks.queries import BreakFilter
from breaks.standing import counts_text
from console.config import Visit
from console.pages.breaks.listing import list_values, page_of, query_of
from console.replies import HtmlPage, not_found
from console.sentences import counted

#: Groups on one page, the largest first.
GROUPS_MAX = 200


def show_all(visit: Visit) -> HtmlPage:
    """The groups of breaks that are not closed."""
    listed = visit.console.groups.groups(
        visit.console.readers, visit.config.zones, now=visit.now
    )
    shared = [group for group in listed.groups if group.cause is not BreakCause.ALONE]
    values = {
        "sentence": _sentence(len(shared), sum(len(group.ids) for group in shared)),
        "groups": shared[:GROUPS_MAX],
        "hidden_count": len(shared[GROUPS_MAX:]),
        "alone": len(listed.groups) - len(shared),
        "made_at": listed.made_at,
        "standings": _standings,
    }
    return HtmlPage(template="breaks/groups.html", values=values)


def show(visit: Visit) -> HtmlPage:
    """One group with its breaks."""
    listed = visit.console.groups.groups(
        visit.console.readers, visit.config.zones, now=visit.now
    )
    group = group_of(visit, visit.path["id"])
    query = query_of(visit)
    query = replace(query, break_filter=filter_of(group), fields={})
    with visit.console.readers.connect() as connection:
        page = page_of(connection, query)
    values = {
        **list_values(visit, page, query),
        "group": group,
        "path": f"/breaks/groups/{group.group_id}",
        "made_at": listed.made_at,
        "standings": _standings,
    }
    return HtmlPage(template="breaks/group.html", values=values)


def group_of(visit: Visit, group_id: str) -> GroupSummary:
    """The group with this id.

    Raises:
        RequestRefused: there is none; its breaks may be closed.
    """
    listed = visit.console.groups.groups(
        visit.console.readers, visit.config.zones, now=visit.now
    )
    group = listed.named(group_id)
    if group is None:
        raise not_found("group of breaks that are not closed", group_id)
    return group


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
