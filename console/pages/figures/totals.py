"""Totals of both sides: stake, payout, GGR and hold, with what explains their difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial

from markupsafe import Markup
from sqlalchemy import Connection

from breaks.lists.paging import BreakOrder, BreakPage, page_of_breaks
from breaks.lists.queries import BreakFilter
from console.addresses import query_text
from console.config import Visit
from console.downloads import TableFile
from console.pages.figures.kept_days import KeptDays, stored_days
from console.pages.figures.sentences import totals_sentence
from console.pages.figures.span import (
    BreakReads,
    Coverage,
    DaySpan,
    coverage_of,
    one_instant,
    read_span,
    sums_of,
)
from console.pages.figures.totals_grid import totals_grid
from console.pages.figures.totals_rows import ReportingCurrency, row_of
from console.pages.parameters import read_choice
from console.replies import FileDownload, HtmlPage
from reports.grouped_totals import (
    ConvertedGgr,
    GroupBy,
    TotalsGroup,
    grouped,
    in_all,
    narrowed,
)
from reports.rates import ReportingRates
from vocabulary.currencies import is_currency
from vocabulary.errors import Malformed, Refused
from vocabulary.window import last_of_month

#: Days of the page without a choice.
DAYS = 7
#: Most days that the page shows one by one unless it is asked to; more are added up by month.
SINGLE_DAYS_MAX = 62
#: Rows of the table, breaks and runs that the page shows.
ROWS_MAX, BREAKS_MAX, RUNS_MAX = 500, 10, 12
#: Rows that are kept as they were written: of days that are over, figures hardly change.
ROWS_KEPT = 2_000
#: Longest game, in characters.
GAME_CHARS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsQuery:
    """What the address asks for.

    Attributes:
        by: the columns that rows are grouped by, beside the currency.
        currency, game: the only ones that count; None: all.
    """

    span: DaySpan
    by: tuple[GroupBy, ...]
    currency: str | None
    game: str | None

    @property
    def by_game(self) -> bool:
        """Whether games have to be looked up."""
        return GroupBy.GAME in self.by or self.game is not None

    @property
    def columns(self) -> tuple[GroupBy, ...]:
        """The columns that name a row, before its currency."""
        return tuple([column for column in self.by if column is not GroupBy.CURRENCY])

    def address(self, page: str = "/totals", **changes: str | None) -> str:
        """The address of the same figures, with changes; None leaves a part out."""
        parts: dict[str, str | None] = {
            "from": str(self.span.first),
            "to": str(self.span.last),
            "provider": self.span.provider,
            "currency": self.currency,
            "game": self.game,
            **dict(zip(("by", "then"), map(str, self.by), strict=False)),
            **changes,
        }
        return f"{page}?{query_text(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTotals:
    """The figures of one page.

    Attributes:
        summed_at: when the oldest sum of both sides was added up.
        rates_fault: why nothing is converted although a currency is set; empty: nothing is
            wrong.
    """

    query: TotalsQuery
    summed_at: datetime
    rows: Sequence[TotalsGroup]
    foot: Sequence[TotalsGroup]
    coverage: Sequence[Coverage]
    breaks: BreakPage
    rates: ReportingRates | None
    rates_fault: str

    @property
    def converted(self) -> ConvertedGgr | None:
        """All of it in the reporting currency."""
        parts = [group.converted for group in self.foot if group.converted is not None]
        return sum(parts, ConvertedGgr()) if parts else None


def show(visit: Visit) -> HtmlPage:
    """The table, what it rests on, and the breaks behind its differences."""
    shown = read_totals(visit, by_month=True)
    query, reporting = shown.query, _reporting(shown.rates)
    values = {
        "sentence": totals_sentence(query.span, shown.foot, shown.coverage),
        "query": query,
        "summed_at": shown.summed_at,
        "rows": [_row_cells(query, row, reporting) for row in shown.rows[:ROWS_MAX]],
        "count": len(shown.rows),
        "foot": [row_of(row, {}, reporting) for row in shown.foot],
        "breaks": shown.breaks,
        "coverage": shown.coverage,
        "runs_max": RUNS_MAX,
        "converted": shown.converted,
        "reporting": reporting,
        "rates_fault": shown.rates_fault,
        "config": visit.config,
        "columns": query.columns,
        "choices": list(GroupBy),
    }
    return HtmlPage(template="figures/totals.html", values=values)


@lru_cache(maxsize=ROWS_KEPT)
def _row_cells(
    query: TotalsQuery, group: TotalsGroup, reporting: ReportingCurrency | None
) -> Markup:
    """The cells of a row; a page that is looked at again writes only those that changed."""
    row = row_of(group, links_of(query, group), reporting)
    return Markup("\n").join([row.names(query.columns), row.figures])


def download_csv(visit: Visit) -> FileDownload:
    """The table as CSV: every row, also those that the page leaves out."""
    return _file(visit).csv()


def download_workbook(visit: Visit) -> FileDownload:
    """The table as a workbook."""
    return _file(visit).xlsx()


def read_query(visit: Visit, *, by_month: bool = False) -> TotalsQuery:
    """Read the fields of the form.

    Args:
        visit: has them.
        by_month: without a choice, more than ``SINGLE_DAYS_MAX`` days are added up by month.

    Raises:
        Malformed: a value that none of its field can be.
        RequestRefused: there is no such provider.
    """
    query = visit.query
    span = read_span(visit, query, days=DAYS)
    is_long = by_month and len(span.days) > SINGLE_DAYS_MAX
    unasked = GroupBy.MONTH if is_long else GroupBy.DAY
    first = read_choice(GroupBy, query, "by") or unasked
    second = read_choice(GroupBy, query, "then")
    currency = query.get("currency", "").strip() or None
    if currency is not None and not is_currency(currency):
        raise Malformed("currency", "a currency code such as EUR is expected")
    game = query.get("game", "").strip() or None
    if game is not None and (len(game) > GAME_CHARS_MAX or "\0" in game):
        raise Malformed("game", f"at most {GAME_CHARS_MAX} characters are expected")
    return TotalsQuery(
        span=span,
        by=tuple(dict.fromkeys(column for column in (first, second) if column is not None)),
        currency=currency,
        game=game,
    )


def links_of(query: TotalsQuery, row: TotalsGroup) -> dict[str, str]:
    """Where the figures of a row lead: to the day, or to the same figures more closely."""
    named: dict[GroupBy, str] = dict(zip(query.columns, row.name, strict=True))
    first, last = _days_of(query.span, named)
    day = first if first == last else None
    game = named.get(GroupBy.GAME) or query.game
    provider = named.get(GroupBy.PROVIDER) or query.span.provider
    closer = query.address(
        provider=provider,
        currency=row.currency,
        game=game,
        by=_finer(named, provider, day),
        then=None,
        **{"from": first, "to": last},
    )
    breaks = {"provider": provider, "day": day, "currency": row.currency, "game": game}
    return {
        "closer": closer,
        "sides": f"/days/{provider}/{day}" if provider and day and not game else closer,
        "breaks": f"/breaks?{query_text(breaks)}" if day else f"{closer}#behind",
    }


def _days_of(span: DaySpan, named: Mapping[GroupBy, str]) -> tuple[str, str]:
    """The first and the last day of a row."""
    if day := named.get(GroupBy.DAY):
        return day, day
    if month := named.get(GroupBy.MONTH):
        first = date.fromisoformat(f"{month}-01")
        return str(max(first, span.first)), str(min(last_of_month(first), span.last))
    return str(span.first), str(span.last)


def _finer(named: Mapping[GroupBy, str], provider: str | None, day: str | None) -> GroupBy:
    """What the figures of a row are told apart by next."""
    if day is None and (GroupBy.MONTH in named or provider is not None):
        return GroupBy.DAY
    return GroupBy.PROVIDER if provider is None else GroupBy.GAME


def read_totals(visit: Visit, *, by_month: bool = False) -> ShownTotals:
    """The figures that the address asks for, with kept sums of both sides.

    ``by_month`` is that of ``read_query``.
    """
    query = read_query(visit, by_month=by_month)
    rates, fault = _rates(visit)
    with one_instant(visit.console.readers) as connection:
        stored = stored_days(connection, query.span.provider_days, visit.now)
        days = KeptDays(visit.console, connection, stored)
        of_breaks = BreakReads(visit.console, connection)
        # Each day is converted by its own rate: sums of rows by game are converted, too.
        by_day = rates is not None or not {GroupBy.DAY, GroupBy.MONTH}.isdisjoint(query.by)
        summed = sums_of(days, of_breaks, query.span, by_game=query.by_game, by_day=by_day)
        sums = narrowed(summed, currency=query.currency, game=query.game)
        coverage = coverage_of(of_breaks, query.span, visit.now)
        breaks = of_breaks.get(
            ("breaks of totals", *query.span.key, query.currency, query.game),
            partial(_breaks, query=query),
        )
    rows = grouped(sums, query.by, rates)
    return ShownTotals(
        query=query,
        summed_at=days.summed_at,
        rows=rows,
        foot=grouped(sums, (), rates) if GroupBy.GAME in query.by else in_all(rows),
        coverage=coverage,
        breaks=breaks,
        rates=rates,
        rates_fault=fault,
    )


def _breaks(connection: Connection, query: TotalsQuery) -> BreakPage:
    break_filter = BreakFilter(
        windows={term.slug: query.span.window(term) for term in query.span.terms},
        currency=query.currency,
        game=query.game,
    )
    return page_of_breaks(
        connection, break_filter, order=BreakOrder.MONEY, after=None, limit=BREAKS_MAX
    )


def _rates(visit: Visit) -> tuple[ReportingRates | None, str]:
    """The rates, or why they cannot be read: the figures beside them are right all the same."""
    try:
        return visit.config.rates(), ""
    except Refused as error:
        return None, str(error)


def _reporting(rates: ReportingRates | None) -> ReportingCurrency | None:
    return None if rates is None else ReportingCurrency(rates.currency, rates.digits)


def _file(visit: Visit) -> TableFile:
    shown = read_totals(visit)
    span = shown.query.span
    return TableFile(
        grid=totals_grid(shown.query.by, shown.rows, shown.rates),
        stem=f"totals-{span.provider or 'all'}-{span.first}-{span.last}",
        subtitle=f"{span.words}, {span.provider or 'all providers'}",
        at=shown.summed_at,
    )
