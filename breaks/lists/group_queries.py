"""Groups of the breaks that a filter matches, and their sums without the breaks themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind
from breaks.lists.groups import BreakCause, BreakGroup, GroupContext, GroupSum, group_breaks
from breaks.lists.queries import BreakFilter, read_breaks
from breaks.standing import Standing, count_standings
from breaks.store import transaction
from vocabulary.window import day_window

_ANY_RECORD = """
SELECT EXISTS (SELECT FROM feed_records
                WHERE provider = :provider AND created_at >= :start AND created_at < :end)
"""
_STATE_OF_BREAKS = """
SELECT (SELECT count(*) FROM break_workflows WHERE state <> 'closed') AS breaks,
       (SELECT max(since) FROM break_workflows WHERE state <> 'closed') AS since,
       (SELECT max(finished_at) FROM runs) AS run
"""


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
class GroupList:
    """The groups of all breaks that are not closed, as they were at an instant."""

    made_at: datetime
    groups: tuple[GroupSummary, ...]

    def named(self, group_id: str) -> GroupSummary | None:
        """The group with this id; None if there is none."""
        return next((group for group in self.groups if group.group_id == group_id), None)


def grouped_breaks(
    engine: Engine, break_filter: BreakFilter, zones: Mapping[str, str]
) -> list[BreakGroup]:
    """The groups of the breaks that a filter matches, the largest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return _grouped(connection, break_filter, zones)


def group_summaries(
    connection: Connection, zones: Mapping[str, str]
) -> tuple[GroupSummary, ...]:
    """The groups of all breaks that are not closed, without the breaks themselves."""
    return tuple(map(_summary, _grouped(connection, BreakFilter(), zones)))


def state_of_breaks(connection: Connection) -> tuple[object, ...]:
    """A stamp that changes with the breaks that are not closed."""
    return tuple(connection.execute(text(_STATE_OF_BREAKS)).one())


def _grouped(
    connection: Connection, break_filter: BreakFilter, zones: Mapping[str, str]
) -> list[BreakGroup]:
    breaks = read_breaks(connection, break_filter)
    context = GroupContext(zones=zones)
    days = [
        (break_.provider, day)
        for break_ in breaks
        if break_.kind is BreakKind.MISSING_AT_PROVIDER
        and (day := context.day_of(break_)) is not None
    ]
    silent = _silent_days(connection, days, zones)
    return group_breaks(breaks, GroupContext(zones=zones, silent_days=silent))


def _summary(group: BreakGroup) -> GroupSummary:
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


def _silent_days(
    connection: Connection, days: Iterable[tuple[str, date]], zones: Mapping[str, str]
) -> frozenset[tuple[str, date]]:
    """Those of the business days for which a provider reported no record."""
    silent = set()
    for slug, day in sorted(set(days)):
        window = day_window(day, ZoneInfo(zones.get(slug, "UTC")))
        params = {"provider": slug, "start": window.start, "end": window.end}
        if not connection.execute(text(_ANY_RECORD), params).scalar_one():
            silent.add((slug, day))
    return frozenset(silent)
