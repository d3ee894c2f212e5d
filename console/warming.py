"""Does behind the pages what they would do while a person waits.

It compiles the templates of pages, and reads what pages keep in memory.

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
from console.pages import day_list, today
from console.pages.breaks.groups import kept_groups
from console.pages.corrected_rounds import keep_corrected_rounds
from console.pages.figures import trends
from console.pages.figures.kept_days import KeptDays, TooMuch, stored_days
from console.pages.figures.span import (
    BreakReads,
    DaySpan,
    last_day_shown,
    one_instant,
    sums_of,
)
from console.pages.figures.trend_data import read_trends
from console.rendering import environment
from storage.archive.row_cut import RowsAreAway
from vocabulary.errors import Unavailable

#: How many days back totals are kept ready; trends as far as their page goes unasked.
DAYS = 100
#: The wait before the first round and after each, and after a reading in times of what it took.
AFTER_START, AFTER_ROUND = timedelta(seconds=10), timedelta(minutes=5)
AFTER_READING = 3

log = structlog.get_logger()


def keep_warm(console: Console, stopped: Event) -> None:
    """Compile the templates; then go round until stopped, the newest days first."""
    if _is_stopped_compiling(stopped):
        return
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


def _is_stopped_compiling(stopped: Event) -> bool:
    """Compile every template, so that no first view does; pages get most of the time."""
    templates = environment()
    for name in templates.list_templates():
        began = time.monotonic()
        templates.get_template(name)
        if stopped.wait(AFTER_READING * (time.monotonic() - began)):
            return True
    return False


def _reads(console: Console) -> Iterator[Callable[[], object]]:
    """What a round reads."""
    if not console.config.providers:
        return
    listed = day_list.days_of(console.config.providers, console.clock.now())
    yield partial(_read_days, console, listed)
    yield partial(today.keep_ready, console)
    for term in console.config.providers:
        yield partial(keep_corrected_rounds, console, term.slug)
    yield partial(_read_trends_unasked, console)
    yield partial(kept_groups, console)
    newest = _newest_day(console)
    for back in range(DAYS):
        span = _span(console, newest - timedelta(days=back), days=1)
        yield partial(_read_days, console, [(term.slug, span.first) for term in span.terms])
        if back <= trends.DAYS:
            yield partial(read_trends, console, span, None)
        else:
            yield partial(_read_sums, console, span)


def _read_days(console: Console, days: Sequence[tuple[str, date]]) -> None:
    with console.readers.connect() as connection:
        console.config.listed_days(connection, days, console.clock.now())


def _read_trends_unasked(console: Console) -> None:
    zone = ZoneInfo(console.config.providers[0].zone)
    read_trends(console, _span(console, last_day_shown(console, zone), days=trends.DAYS), None)


def _read_sums(console: Console, span: DaySpan) -> None:
    with one_instant(console.readers) as connection:
        stored = stored_days(connection, span.provider_days, console.clock.now())
        days = KeptDays(console, connection, stored)
        sums_of(days, BreakReads(console, connection), span, by_game=False)


def _newest_day(console: Console) -> date:
    """The newest day that has begun at a provider."""
    now = console.clock.now()
    return max(now.astimezone(ZoneInfo(term.zone)).date() for term in console.config.providers)


def _span(console: Console, last: date, *, days: int) -> DaySpan:
    """Days of all providers up to one."""
    first = last - timedelta(days=days - 1)
    return DaySpan(first=first, last=last, provider=None, terms=console.config.providers)
