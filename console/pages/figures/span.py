"""Which days and providers a page of figures is about, and the sums of both sides in them."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from zoneinfo import ZoneInfo

from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from breaks.lists.overview import last_change
from console.config import Console, ProviderTerms, Visit
from console.pages.figures.kept_days import KeptDays, TooMuch
from console.pages.parameters import provider_named, read_day
from reconcile.days.corrections import corrections_in_rounds
from reconcile.days.day_sums import SummedDay
from reconcile.totals.cells import TotalsCell
from reconcile.totals.sides import (
    BothFigures,
    BreakSums,
    both_figures,
    break_sums,
    breaks_in_one_day,
    in_one_day,
    joined,
)
from reports.coverage import ComparedWindow, comparisons_of, gaps
from reports.grouped_totals import ProviderSums
from reports.stored_runs import is_first_day
from storage.roles import STATEMENT_TIMEOUT_MS
from storage.transactions import AT_ONE_INSTANT
from vocabulary.errors import Malformed
from vocabulary.window import Window, day_window, days_between

#: Most days that one page adds up.
DAYS_MAX = 366
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpan:
    """Business days of some providers, each in its own zone; both ends included.

    Attributes:
        provider: the slug of the only one; None: all that are configured.
    """

    first: date
    last: date
    provider: str | None
    terms: tuple[ProviderTerms, ...] = field(hash=False)  # settings hold tables

    @property
    def days(self) -> Sequence[date]:
        """Every day, in order."""
        return days_between(self.first, self.last)

    @property
    def key(self) -> tuple[str | None, date, date]:
        """Names the span among those of one configuration."""
        return self.provider, self.first, self.last

    @property
    def words(self) -> str:
        """The days in words."""
        if self.first == self.last:
            return f"{self.first.day} {self.first:%B %Y}"
        first = f"{self.first.day} {self.first:%B}"
        if self.first.year != self.last.year:
            first += f" {self.first.year}"
        return f"{first} to {self.last.day} {self.last:%B %Y}"

    @property
    def provider_days(self) -> list[SummedDay]:
        """Every day of every provider."""
        return [
            SummedDay(
                provider=term.slug,
                day=day,
                zone=term.zone,
                window=day_window(day, ZoneInfo(term.zone)),
            )
            for term in self.terms
            for day in self.days
        ]

    def window(self, term: ProviderTerms) -> Window:
        """The days in a provider's zone."""
        zone = ZoneInfo(term.zone)
        first, last = day_window(self.first, zone), day_window(self.last, zone)
        return Window(start=first.start, end=last.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What runs compared of a provider's days, and what nobody did."""

    term: ProviderTerms
    compared: tuple[ComparedWindow, ...]
    gaps: tuple[Window, ...]


def read_span(visit: Visit, query: Mapping[str, str], *, days: int) -> DaySpan:
    """The days that an address names; without any, the last ``days`` that are over.

    On the first day of new books there is nothing else to show, so it counts as over.

    Raises:
        Malformed: a text that is no day, or days that make no span.
        RequestRefused: there is no such provider.
    """
    config = visit.config
    slug = query.get("provider", "").strip() or None
    terms = config.providers if slug is None else (provider_named(config, slug),)
    zone = ZoneInfo(terms[0].zone if terms else config.reporting_zone)
    first, last = read_day(query.get("from")), read_day(query.get("to"))
    if last is None:
        last = first or last_day_shown(visit.console, zone)
    if first is None:
        first = last - timedelta(days=days - 1)
    if first > last:
        raise Malformed("from", f"a day not after {last} is expected, it is {first}")
    if (last - first).days >= DAYS_MAX:
        raise Malformed("from", f"at most {DAYS_MAX} days are expected")
    return DaySpan(first=first, last=last, provider=slug, terms=terms)


def last_day_shown(console: Console, zone: ZoneInfo) -> date:
    """The last day of a page without a choice: yesterday, or today if the books begin today."""
    today = console.clock.now().astimezone(zone).date()
    with console.readers.connect() as connection:
        if is_first_day(connection, day_window(today, zone).start):
            return today
    return today - timedelta(days=1)


@contextmanager
def one_instant(
    readers: Engine, *, timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> Iterator[Connection]:
    """A connection that sees the database at one instant.

    Args:
        readers: connections that cannot write.
        timeout_ms: longest time of one statement.

    Raises:
        TooMuch: a statement takes longer than a page may.
    """
    try:
        with readers.connect() as connection:
            connection.execute(text(AT_ONE_INSTANT))
            connection.execute(text(f"SET LOCAL statement_timeout = {int(timeout_ms)}"))
            yield connection
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise TooMuch(
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                title="Too much for one page",
                why="The sums take longer than a page may. Choose fewer days or one provider.",
            ) from error
        raise


class BreakReads:
    """Reads what breaks and runs come to for one page, or takes it from memory.

    It is of the same time as the last step of a person and the last run.

    Args:
        console: has what is kept in memory.
        connection: reads what is not.
    """

    def __init__(self, console: Console, connection: Connection) -> None:
        self._kept, self._connection = console.kept, connection
        self._stamp = last_change(connection, console.config.zones)

    def get(self, key: tuple[object, ...], read: Callable[[Connection], _Value]) -> _Value:
        """What ``read`` returns."""
        return self._kept.get(self._connection, key, read, stamp=self._stamp).value


def sums_of(
    days: KeptDays,
    breaks: BreakReads,
    span: DaySpan,
    *,
    by_game: bool,
    by_day: bool = True,
) -> tuple[ProviderSums, ...]:
    """Both sides of every provider of a span, with its breaks as they are now.

    The sums of a day that are kept in memory are added up anew as soon as breaks explain
    another difference on it, or a correction of one is in its round.

    Args:
        days: has or reads the sums of both sides.
        breaks: has or reads those of breaks.
        span: the days.
        by_game: tell games apart.
        by_day: tell days apart; otherwise all cells are of the first day.
    """
    stored = days.stored_figures(by_day=by_day, by_game=by_game)
    providers = []
    for term in span.terms:
        read = partial(
            break_sums,
            provider=term.slug,
            window=span.window(term),
            zone=term.zone,
            by_game=by_game,
        )
        key = ("break sums", term.slug, span.window(term), term.zone, by_game)
        explained = breaks.get(key, read)
        stamps = _stamps(explained, _corrected(days, breaks, span, term))
        parts = list(_read_days(days, term, stamps, by_game=by_game))
        if not by_day:
            parts = [in_one_day(part, span.first) for part in parts]
            explained = breaks_in_one_day(explained, span.first)
        parts += stored.get(term.slug, [])
        providers.append(
            ProviderSums(
                provider=term.slug, exponents=term.exponents, cells=joined(parts, explained)
            )
        )
    return tuple(providers)


def _corrected(
    days: KeptDays, breaks: BreakReads, span: DaySpan, term: ProviderTerms
) -> dict[date, int]:
    """The days that the database does not keep, each with its corrections in rounds."""
    missing = [day for day in span.days if days.stored_day(term, day) is None]
    if not missing:
        return {}
    zone = ZoneInfo(term.zone)
    first, last = day_window(missing[0], zone), day_window(missing[-1], zone)
    window = Window(start=first.start, end=last.end)
    corrections = breaks.get(
        ("corrections in rounds", term.slug, window, term.zone),
        partial(corrections_in_rounds, provider=term.slug, window=window, zone=term.zone),
    )
    return {day: corrections.get(day, 0) for day in missing}


def _stamps(
    breaks: Mapping[TotalsCell, BreakSums], corrected: Mapping[date, int]
) -> dict[date, Hashable]:
    """What the sums of days depend on: what breaks explain, and corrections in rounds."""
    explained: dict[date, list[tuple[TotalsCell, int]]] = {}
    for cell, part in sorted(breaks.items()):
        explained.setdefault(cell.day, []).append((cell, part.in_breaks))
    return {day: (count, *explained.get(day, ())) for day, count in corrected.items()}


def _read_days(
    days: KeptDays, term: ProviderTerms, stamps: Mapping[date, Hashable], *, by_game: bool
) -> Iterator[BothFigures]:
    """Both sides of days that the database does not keep, each under its stamp."""
    for day, stamp in stamps.items():
        yield days.get(
            f"both sides, by game {by_game}",
            (term, day),
            lambda reader, window: both_figures(
                reader, term.slug, window, term.zone, by_game=by_game
            ),
            stamp=stamp,
        )


def coverage_of(runs: BreakReads, span: DaySpan, now: datetime) -> tuple[Coverage, ...]:
    """What runs compared of the part of a span that is over; no run is of time to come."""
    windows = {term.slug: span.window(term) for term in span.terms}
    compared = runs.get(
        ("comparisons", *windows.items()), lambda reader: comparisons_of(reader, windows)
    )
    return tuple(
        _coverage(term, _over(windows[term.slug], now), windows[term.slug], compared[term.slug])
        for term in span.terms
    )


def _over(window: Window, now: datetime) -> Window | None:
    """The part of a window that is over; None: none of it is."""
    if window.start >= now:
        return None
    return Window(start=window.start, end=min(window.end, now))


def _coverage(
    term: ProviderTerms,
    over: Window | None,
    whole: Window,
    compared: tuple[ComparedWindow, ...],
) -> Coverage:
    """``over`` is the part of the whole window that is over; None: none of it is."""
    if over is None:
        return Coverage(term=term, compared=(), gaps=(whole,))
    missing = gaps(over, [part.window for part in compared])
    return Coverage(term=term, compared=compared, gaps=missing)
