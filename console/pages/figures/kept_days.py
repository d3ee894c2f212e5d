"""Figures of single days of providers, kept ready: a span of days is their sum.

Adding up a day reads every round and record of it. The database keeps what days that are over
come to, and knows whether it still holds. Of other days a page takes what was added up some
time ago, and says when. What nobody kept is read while the page waits, for as long as a page
may.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from console.config import Console, ProviderTerms
from console.replies import RequestRefused
from reconcile.days.day_sums import (
    DaySums,
    SummedDay,
    kept_days,
    kept_figures,
    row_versions,
)
from reconcile.totals.sides import BothFigures
from storage.kept import renewal_age
from storage.roles import STATEMENT_TIMEOUT_MS
from vocabulary.window import Window, day_window

_Value = TypeVar("_Value")


class TooMuch(RequestRefused):
    """The figures take longer than a page may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDays:
    """What the database knows of days that are over.

    Attributes:
        sums: what it keeps, and holds.
        versions: of the rows of the other days; see ``row_versions``.
    """

    sums: Mapping[SummedDay, DaySums]
    versions: Mapping[tuple[str, Window], Hashable]


def stored_days(connection: Connection, days: Sequence[SummedDay], now: datetime) -> StoredDays:
    """What the database knows of the days that are over, as this connection sees it."""
    over = [day for day in days if day.window.end <= now]
    sums = kept_days(connection, over)
    missing = [(day.provider, day.window) for day in over if day not in sums]
    return StoredDays(sums=sums, versions=row_versions(connection, missing))


class KeptDays:
    """Reads figures of days for one page, or takes those that were kept.

    Attributes:
        summed_at: when the oldest of them were read; now if none was kept in memory.

    Args:
        console: has what is kept in memory.
        connection: reads what is not kept.
        stored: what the database knows of the days of the page; ``stored_days`` reads it.
        budget: the longest time of all reading.
    """

    def __init__(
        self,
        console: Console,
        connection: Connection,
        stored: StoredDays,
        *,
        budget: timedelta = timedelta(milliseconds=STATEMENT_TIMEOUT_MS),
    ) -> None:
        self.summed_at = self._now = console.clock.now()
        self._kept, self._connection = console.kept, connection
        self._figures, self._stored = console.figures, stored
        self._by_day = {(day.provider, day.day): of for day, of in stored.sums.items()}
        self._reads_until = time.monotonic() + budget.total_seconds()

    def stored_day(self, term: ProviderTerms, day: date) -> DaySums | None:
        """What the database keeps of a provider's day; None: nothing that holds."""
        return self._by_day.get((term.slug, day))

    def stored_figures(self, *, by_day: bool, by_game: bool) -> dict[str, list[BothFigures]]:
        """Both sides of the days that the database keeps, by provider; see ``kept_figures``."""
        if by_day and not by_game:
            return self._figures.get(self._connection, self._stored.sums)
        figures = kept_figures(
            self._connection, self._stored.sums, by_day=by_day, by_game=by_game
        )
        return {provider: [both] for provider, both in figures.items()}

    def get(
        self,
        kind: str,
        of: tuple[ProviderTerms, date],
        read: Callable[[Connection, Window], _Value],
        *,
        stamp: Hashable = None,
    ) -> _Value:
        """What ``read`` returns for the window of a provider's day.

        It is read anew with another stamp, and once the database knows that rows of a day that
        was added up have changed.

        Raises:
            TooMuch: it has to be read, and the page has read for too long.
        """
        term, day = of
        window = day_window(day, ZoneInfo(term.zone))
        key = (kind, term.slug, term.zone, day)
        if self._kept.age(key) is None and time.monotonic() > self._reads_until:
            raise TooMuch(
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                title="Too much for one page",
                why="The sums take longer than a page may. Load it again: it goes on where it"
                " stopped. Or choose fewer days or one provider.",
            )
        kept = self._kept.get(
            self._connection,
            key,
            lambda reader: read(reader, window),
            stamp=(stamp, self._stored.versions.get((term.slug, window))),
            renewed_after=renewal_age(window.end, self._now),
        )
        self.summed_at = min(self.summed_at, kept.read_at)
        return kept.value
