"""The groups of all breaks that are not closed, as a value that follows changes. Pure.

Grouping anew costs in proportion to all breaks. Breaks of different parts never meet in a group
(``breaks.lists.groups.part_of``), so a change makes only the parts anew that it touches.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from breaks.lists.groups import (
    BreakCause,
    BreakGroup,
    GroupContext,
    GroupSum,
    group_alone,
    part_of,
    shared_causes,
)
from breaks.lists.traits import BreakTraits
from breaks.standing import Standing, count_standings

_Part = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """A group without its breaks.

    Attributes:
        ids: of its breaks, in the order in which they began.
        standings: how many of them count as open, explained and so on.
        oldest: when the first of them was opened.
    """

    group_id: str
    provider: str
    cause: BreakCause
    subject: str
    sentence: str
    ids: tuple[str, ...]
    sums: tuple[GroupSum, ...]
    standings: Mapping[Standing, int]
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartGroups:
    """One part of the breaks by id, with its groups.

    Attributes:
        shared: the groups of breaks that share a cause.
        alone: the breaks that share none.
    """

    breaks: Mapping[str, BreakTraits]
    shared: tuple[GroupSummary, ...]
    alone: tuple[BreakTraits, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGrouping:
    """All breaks that are not closed, in groups.

    Attributes:
        context: what the causes know besides the breaks.
        parts: by name; ``part_by_break``: the name of the part of each break.
        shared: the groups of breaks that share a cause, the largest first.
    """

    context: GroupContext
    parts: Mapping[_Part, PartGroups]
    part_by_break: Mapping[str, _Part]
    shared: tuple[GroupSummary, ...]

    @property
    def alone(self) -> int:
        """How many breaks share no cause."""
        return sum(len(part.alone) for part in self.parts.values())

    def breaks(self) -> Iterable[BreakTraits]:
        """All of them, in any order."""
        return chain.from_iterable(part.breaks.values() for part in self.parts.values())

    def named(self, group_id: str) -> GroupSummary | None:
        """The group with this id, of one break or several; None if there is none."""
        for group in self.shared:
            if group.group_id == group_id:
                return group
        singles = chain.from_iterable(part.alone for part in self.parts.values())
        groups = map(group_alone, singles)
        return next((_summary(group) for group in groups if group.group_id == group_id), None)

    def break_named(self, break_id: str) -> BreakTraits | None:
        """The break with this id; None if it is closed, or there is none."""
        part = self.part_by_break.get(break_id)
        return None if part is None else self.parts[part].breaks[break_id]

    def changed(
        self,
        breaks: Mapping[str, BreakTraits | None],
        *,
        silent_days: frozenset[tuple[str, date]],
    ) -> "BreakGrouping":
        """The grouping with some breaks as they are now.

        Args:
            breaks: by id; None: it is closed.
            silent_days: of the context, as they are now. Breaks of a day that began or ceased
                to be silent are among ``breaks``.
        """
        context = GroupContext(zones=self.context.zones, silent_days=silent_days)
        members: dict[_Part, dict[str, BreakTraits]] = {}
        part_by_break = dict(self.part_by_break)

        def breaks_of(part: _Part) -> dict[str, BreakTraits]:
            if part not in members:
                earlier = self.parts.get(part)
                members[part] = {} if earlier is None else dict(earlier.breaks)
            return members[part]

        for break_id, break_ in breaks.items():
            if break_id in part_by_break:
                del breaks_of(part_by_break.pop(break_id))[break_id]
            if break_ is not None:
                part = part_by_break[break_id] = part_of(break_, context)
                breaks_of(part)[break_id] = break_
        anew = {part: _part_groups(of_part, context) for part, of_part in members.items()}
        parts = {name: part for name, part in {**self.parts, **anew}.items() if part.breaks}
        return _grouping(context, parts, part_by_break)


def grouping_of(breaks: Iterable[BreakTraits], context: GroupContext) -> BreakGrouping:
    """Group all breaks."""
    parts: dict[_Part, dict[str, BreakTraits]] = defaultdict(dict)
    part_by_break = {}
    for break_ in breaks:
        part = part_of(break_, context)
        parts[part][break_.break_id] = break_
        part_by_break[break_.break_id] = part
    groups = {name: _part_groups(members, context) for name, members in parts.items()}
    return _grouping(context, groups, part_by_break)


def _grouping(
    context: GroupContext,
    parts: Mapping[_Part, PartGroups],
    part_by_break: Mapping[str, _Part],
) -> BreakGrouping:
    groups = chain.from_iterable(part.shared for part in parts.values())
    return BreakGrouping(
        context=context,
        parts=parts,
        part_by_break=part_by_break,
        shared=tuple(sorted(groups, key=lambda group: (-len(group.ids), group.group_id))),
    )


def _part_groups(breaks: Mapping[str, BreakTraits], context: GroupContext) -> PartGroups:
    shared, alone = shared_causes(breaks.values(), context)
    return PartGroups(breaks=breaks, shared=tuple(map(_summary, shared)), alone=tuple(alone))


def _summary(group: BreakGroup[BreakTraits]) -> GroupSummary:
    return GroupSummary(
        group_id=group.group_id,
        provider=group.provider,
        cause=group.cause,
        subject=group.subject,
        sentence=group.sentence,
        ids=tuple(break_.break_id for break_ in group.breaks),
        sums=group.sums,
        standings=count_standings(break_.standing for break_ in group.breaks),
        oldest=min(break_.opened_at for break_ in group.breaks),
    )
