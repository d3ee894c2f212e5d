"""Totals of both sides and what the charts of trends are drawn from."""

from datetime import date

from console.api.endpoint import Endpoint, Read
from console.api.models.figures import (
    CoverageJson,
    FiguresJson,
    OpenAgeJson,
    SpanQuery,
    TotalsJson,
    TotalsListQuery,
    TotalsRowJson,
    TrendDayJson,
    TrendsJson,
)
from console.api.models.values import MoneyJson, attributes, window_json
from console.config import Visit
from console.pages.figures.sentences import totals_sentence
from console.pages.figures.totals import read_totals
from console.pages.figures.trend_data import TrendData
from console.pages.figures.trends import read_data
from reconcile.totals.cells import Figures
from reports.grouped_totals import TotalsGroup
from vocabulary.people import Right


def show_totals(visit: Visit) -> TotalsJson:
    """Both sides by day, provider, game and currency."""
    shown = read_totals(visit)
    span = shown.query.span
    return TotalsJson(
        first=str(span.first),
        last=str(span.last),
        summed_at=shown.summed_at,
        by=shown.query.by,
        sentence=totals_sentence(span, shown.foot, shown.coverage),
        items=tuple(_row(group) for group in shown.rows),
        foot=tuple(_row(group) for group in shown.foot),
        coverage=tuple(
            CoverageJson(
                provider=part.term.slug,
                run_ids=tuple(compared.run_id for compared in part.compared),
                gaps=tuple(window_json(gap) for gap in part.gaps),
            )
            for part in shown.coverage
        ),
        break_count=shown.breaks.total,
    )


def show_trends(visit: Visit) -> TrendsJson:
    """The figures of all charts."""
    data = read_data(visit)

    def money(minor: int) -> MoneyJson:
        return MoneyJson(minor=minor, currency=data.currency, exponent=data.digits)

    return TrendsJson(
        first=str(data.span.first),
        last=str(data.span.last),
        currency=data.currency,
        at=data.at,
        summed_at=data.summed_at,
        days=tuple(
            _day(data, provider, day) for provider in data.providers for day in data.span.days
        ),
        ages=tuple(
            OpenAgeJson(
                **attributes(age, "age breaks"),
                we_owe=money(age.we_owe),
                they_owe=money(age.they_owe),
            )
            for age in data.ages
        ),
    )


def _row(group: TotalsGroup) -> TotalsRowJson:
    return TotalsRowJson(
        **attributes(group, "name currency open_breaks"),
        ours=_figures(group.ours, group),
        theirs=_figures(group.theirs, group),
        in_breaks=_money(group.in_breaks, group),
    )


def _figures(side: Figures, group: TotalsGroup) -> FiguresJson:
    return FiguresJson(
        **attributes(side, "rounds bets wins rollbacks"),
        stake=_money(side.stake, group),
        payout=_money(side.payout, group),
    )


def _money(minor: int, group: TotalsGroup) -> MoneyJson:
    return MoneyJson(minor=minor, currency=group.currency, exponent=group.digits)


def _day(data: TrendData, provider: str, day: date) -> TrendDayJson:
    group = data.sums.get(provider, {}).get(day)
    opened, resolved = data.flow.get(provider, {}).get(day, (None, None))
    explained, due = (data.rates or {}).get(provider, {}).get(day, (None, None))
    return TrendDayJson(
        provider=provider,
        day=str(day),
        ours=None if group is None else _figures(group.ours, group),
        theirs=None if group is None else _figures(group.theirs, group),
        opened=opened,
        resolved=resolved,
        due=due,
        explained=explained,
        delay_s=(data.delays or {}).get(provider, {}).get(day),
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/totals",
        summary="Both sides by day, provider, game and currency",
        tag="figures",
        right=Right.READ,
        show=show_totals,
        answer=TotalsJson,
        query=TotalsListQuery,
    ),
    Read(
        path="/trends",
        summary="What the charts of trends are drawn from",
        tag="figures",
        right=Right.READ,
        show=show_trends,
        answer=TrendsJson,
        query=SpanQuery,
    ),
)
