"""The groups of all breaks that are not closed, kept in memory; changes bring them up to date.

What people and jobs do to single breaks is followed at once. What a run changed is read behind
the page, because it is every break of a provider. If nothing changed, nothing is read but the
mark of changes.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from breaks.lists.break_changes import BreakChanges, ChangeMark, change_mark, changes_since
from breaks.lists.group_queries import days_to_ask, silent_days
from breaks.lists.grouping import BreakGrouping, GroupSummary, grouping_of
from breaks.lists.groups import GroupContext
from breaks.lists.traits import BreakTraits, known_among, open_traits, traits_named
from vocabulary.clock import Clock
from vocabulary.errors import Unavailable

#: How often it is asked whether players became known and silent days got records.
ASKED_EVERY = timedelta(minutes=1)
#: Most breaks that are followed one by one; more are read behind the page.
FOLLOWED_MAX = 2_500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupList:
    """The groups of all breaks that are not closed, as they were at an instant."""

    made_at: datetime
    grouping: BreakGrouping

    @property
    def groups(self) -> tuple[GroupSummary, ...]:
        """Those of breaks that share a cause, the largest first."""
        return self.grouping.shared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A grouping, the changes that it has, and when players and days were asked about."""

    grouping: BreakGrouping
    mark: ChangeMark
    made_at: datetime
    asked_at: datetime


class KeptGroups:
    """Keeps the groups of one process; threads may ask at once.

    Args:
        connect: opens a connection for what is read behind a page.
        clock: tells when groups were made.
        executor: reads behind pages.
        zones: the IANA zone of each provider's business days, by slug.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        clock: Clock,
        executor: Executor,
        zones: Mapping[str, str],
    ) -> None:
        self._connect, self._clock, self._executor = connect, clock, executor
        self._zones = zones
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._is_reading = False

    def get(self, connection: Connection, *, at_once: bool = False) -> GroupList:
        """The groups as they are, or as they were before a run whose breaks are being read.

        Args:
            connection: reads what changed.
            at_once: wait for the breaks of a run, too.
        """
        latest = self._kept
        if latest is None:
            latest = self._read_all(connection)
        else:
            changes = changes_since(connection, latest.mark)
            is_long = bool(changes.providers) or len(changes.subjects) > FOLLOWED_MAX
            if is_long and not at_once:
                self._read_later()
                return GroupList(made_at=latest.made_at, grouping=latest.grouping)
            latest = self._followed(connection, latest, changes)
        self._kept = latest
        return GroupList(made_at=latest.made_at, grouping=latest.grouping)

    def _read_all(self, connection: Connection) -> _Kept:
        now = self._clock.now()
        mark = change_mark(connection, self._zones)
        breaks = open_traits(connection)
        context = GroupContext(zones=self._zones)
        silent = silent_days(connection, days_to_ask(breaks, context), self._zones)
        context = GroupContext(zones=self._zones, silent_days=silent)
        return _Kept(
            grouping=grouping_of(breaks, context), mark=mark, made_at=now, asked_at=now
        )

    def _followed(self, connection: Connection, latest: _Kept, changes: BreakChanges) -> _Kept:
        """What is kept, with the changes in it."""
        now, grouping = self._clock.now(), latest.grouping
        is_due = now - latest.asked_at >= ASKED_EVERY
        changed = _known_players(connection, grouping) if is_due else {}
        changed |= _changed_breaks(connection, grouping, changes)
        context = grouping.context
        days = days_to_ask((break_ for break_ in changed.values() if break_), context)
        if is_due:
            days |= context.silent_days
        silent = context.silent_days
        if days:
            silent = (silent - days) | silent_days(connection, days, self._zones)
        if turned := silent ^ context.silent_days:
            changed = {
                **{
                    b.break_id: b
                    for b in grouping.breaks()
                    if days_to_ask([b], context) & turned
                },
                **changed,
            }
        if changed:
            grouping = grouping.changed(changed, silent_days=silent)
        asked_at = now if is_due else latest.asked_at
        return _Kept(grouping=grouping, mark=changes.mark, made_at=now, asked_at=asked_at)

    def _read_later(self) -> None:
        """Read what a run changed behind the page, once at a time."""
        with self._lock:
            if self._is_reading:
                return
            self._is_reading = True
        self._executor.submit(self._read_now)

    def _read_now(self) -> None:
        try:
            with self._connect() as connection:
                self.get(connection, at_once=True)
        except (SQLAlchemyError, Unavailable) as error:  # the next page tries again
            log.warning("groups_not_read", error=type(error).__name__)
        finally:
            with self._lock:
                self._is_reading = False


def _changed_breaks(
    connection: Connection, grouping: BreakGrouping, changes: BreakChanges
) -> dict[str, BreakTraits | None]:
    """The breaks that are not as a grouping has them, by id; None: it is closed."""
    earlier = {name: grouping.break_named(name) for name in changes.subjects}
    current = traits_named(connection, sorted(earlier)) if earlier else []
    for provider in sorted(changes.providers):
        earlier |= {b.break_id: b for b in grouping.breaks() if b.provider == provider}
        current += open_traits(connection, provider)
    current_by_id = {break_.break_id: break_ for break_ in current}
    return {
        name: current_by_id.get(name)
        for name in {**earlier, **current_by_id}
        if current_by_id.get(name) != grouping.break_named(name)
    }


def _known_players(
    connection: Connection, grouping: BreakGrouping
) -> dict[str, BreakTraits | None]:
    """The breaks of players who became known, by id."""
    unknown = [b for b in grouping.breaks() if b.player and not b.player_known]
    registered = known_among(connection, sorted({b.player or "" for b in unknown}))
    return {
        b.break_id: b._replace(player_known=True) for b in unknown if b.player in registered
    }
