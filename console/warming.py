"""Reads behind the pages what pages keep in memory, so that no person waits for it.

Pages renew what they show. What nobody looked at for long would be added up while somebody
waits: after a start, in the morning, or a day of last month.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from threading import Event
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from console.config import Console
from console.pages import day_list
from console.pages.breaks.groups import kept_groups
from console.pages.figures import trends
from console.pages.figures.kept_days import KeptDays, TooMuch, stored_days
from console.pages.figures.span import BreakReads, DaySpan, one_instant, sums_of
from console.pages.figures.trend_data import read_trends
from storage.archive.row_cut import RowsAreAway
from vocabulary.errors import Unavailable

#: How many days back totals are kept ready; trends as far as their page goes unasked.
DAYS = 100
#: The wait before the first round and after each, and after a reading in times of what it took.
AFTER_START, AFTER_ROUND = timedelta(seconds=10), timedelta(minutes=5)
AFTER_READING = 3

log = structlog.get_logger()


def keep_warm(console: Console, stopped: Event) -> None:
    """Go round until stopped, the newest days first."""
    stopped.wait(AFTER_START.total_seconds())
    while not stopped.is_set():
        for read in _reads(console):
            began = time.monotonic()
            try:
                read()
            except (
                SQLAlchemyError,
                Unavailable,
                TooMuch,
                RowsAreAway,
            ) as error:  # the next round tries again
                log.warning("sums_not_kept_ready", error=type(error).__name__)
            if stopped.wait(AFTER_READING * (time.monotonic() - began)):
                return
        stopped.wait(AFTER_ROUND.total_seconds())


def _reads(console: Console) -> Iterator[Callable[[], object]]:
    """What a round reads."""
    listed = day_list.days_of(console.config.providers, console.clock.now())
    yield partial(_read_days, console, listed)
    yield partial(kept_groups, console)
    for back, span in enumerate(_days(console)):
        yield partial(_read_days, console, [(term.slug, span.first) for term in span.terms])
        if back <= trends.DAYS:
            yield partial(read_trends, console, span, None)
        else:
            yield partial(_read_sums, console, span)


def _read_days(console: Console, days: Sequence[tuple[str, date]]) -> None:
    with console.readers.connect() as connection:
        console.config.listed_days(connection, days, console.clock.now())


def _read_sums(console: Console, span: DaySpan) -> None:
    with one_instant(console.readers) as connection:
        stored = stored_days(connection, span.provider_days, console.clock.now())
        days = KeptDays(console, connection, stored)
        sums_of(days, BreakReads(console, connection), span, by_game=False)


def _days(console: Console) -> Iterator[DaySpan]:
    """The single days that are kept ready, of all providers."""
    terms, now = console.config.providers, console.clock.now()
    if not terms:
        return
    newest = max(now.astimezone(ZoneInfo(term.zone)).date() for term in terms)
    for back in range(DAYS):
        day = newest - timedelta(days=back)
        yield DaySpan(first=day, last=day, provider=None, terms=terms)
