"""Breaks of one likely cause: the groups with their money, and one group worked as one."""

from dataclasses import replace
from datetime import datetime, timedelta

from breaks.group_queries import GroupList, GroupSummary, group_summaries, state_of_breaks
from breaks.groups import BreakCause
from breaks.queries import BreakFilter
from breaks.standing import counts_text
from console.config import Console, Visit
from console.pages.breaks.listing import list_values, page_of, query_of
from console.replies import HtmlPage, not_found
from console.sentences import counted

#: Groups on one page, the largest first.
GROUPS_MAX = 200
#: How long a page waits for groups that changed; those of many breaks are made behind the page.
PATIENCE = timedelta(milliseconds=50)


def show_all(visit: Visit) -> HtmlPage:
    """The groups of breaks that are not closed."""
    listed = kept_groups(visit.console)
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


def kept_groups(console: Console, patience: timedelta = PATIENCE) -> GroupList:
    """The groups as they are, or as they were if making them again takes longer."""
    with console.readers.connect() as connection:
        kept = console.kept.get(
            connection,
            "groups of breaks",
            lambda reader: group_summaries(reader, console.config.zones),
            stamp=state_of_breaks(connection),
            patience=patience,
        )
    return GroupList(made_at=kept.read_at, groups=kept.value)


def _named(visit: Visit, group_id: str) -> tuple[GroupSummary, datetime]:
    """The group with this id, and when it was made; a new one may not be kept yet."""
    for patience in (PATIENCE, timedelta.max):
        listed = kept_groups(visit.console, patience)
        if (group := listed.named(group_id)) is not None:
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
    causes = "1 likely cause" if groups == 1 else f"{groups} likely causes"
    return f"{counted(breaks, 'break')} with {causes}, the largest first."
