"""Figures of single days of providers, kept in memory: a span of days is their sum.

Adding up a day reads every round and record of it, so a page takes what was added up some time
ago, and says when. What is not kept is read while the page waits, for as long as a page may.
"""

import time
from collections.abc import Callable, Hashable
from datetime import date, timedelta
from http import HTTPStatus
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from console.config import Console, ProviderTerms
from console.replies import RequestRefused
from storage.kept import renewal_age
from storage.roles import STATEMENT_TIMEOUT_MS
from vocabulary.window import Window, day_window

_Value = TypeVar("_Value")


class TooMuch(RequestRefused):
    """The figures take longer than a page may."""


class KeptDays:
    """Reads figures of days for one page, or takes those that were kept.

    Attributes:
        summed_at: when the oldest of them were read; now if none was kept.

    Args:
        console: has what is kept.
        connection: reads what is not kept.
        budget: the longest time of all reading.
    """

    def __init__(
        self,
        console: Console,
        connection: Connection,
        *,
        budget: timedelta = timedelta(milliseconds=STATEMENT_TIMEOUT_MS),
    ) -> None:
        self.summed_at = self._now = console.clock.now()
        self._kept, self._connection = console.kept, connection
        self._reads_until = time.monotonic() + budget.total_seconds()

    def get(
        self,
        kind: str,
        of: tuple[ProviderTerms, date],
        read: Callable[[Connection, Window], _Value],
        *,
        stamp: Hashable = None,
    ) -> _Value:
        """What ``read`` returns for the window of a provider's day.

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
            stamp=stamp,
            renewed_after=renewal_age(window.end, self._now),
        )
        self.summed_at = min(self.summed_at, kept.read_at)
        return kept.value
