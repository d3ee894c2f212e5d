"""Charts as inline SVG. They only illustrate; the exact amounts are in the tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from breaks.policy import AGES, age_bucket
from breaks.standing import Standing
from reconcile.totals.cells import UNKNOWN_GAME
from reports.document import Chart
from reports.grid import WHO_OWES, readable
from reports.group import GroupPack
from reports.pack import Pack
from reports.queries import OpenBreak

#: Colours by who owes; each contrasts with white by more than 3 to 1.
_COLOURS: Mapping[str, str] = {
    WHO_OWES["player_owed"]: "#b3432b",
    WHO_OWES["operator_owed"]: "#2f6690",
    WHO_OWES["none"]: "#7d8894",
}
#: Points of padding: a reader's fonts may be wider than those of the layout.
_PADDING = {"left": 36, "right": 36, "top": 6, "bottom": 6}
#: Most bars of the revenue chart; the table has the rest.
_GAMES_MAX = 15


def charts(pack: Pack) -> tuple[Chart, ...]:
    """All charts that have data."""
    candidates = {
        "Difference of GGR day by day, theirs less ours": difference_by_day(pack),
        "Rounds that matched, day by day, in percent": match_rate_by_day(pack),
        "Breaks that nobody settled, by age": breaks_by_age(pack),
        "Open breaks by kind: amounts, positive where we owe the player": owed_by_kind(pack),
        "Open breaks by kind: how many": breaks_by_kind(pack),
        f"Our GGR by game, the largest {_GAMES_MAX}": revenue_by_game(pack),
    }
    return tuple(Chart(title=title, svg=svg) for title, svg in candidates.items() if svg)


def group_charts(group: GroupPack) -> tuple[Chart, ...]:
    """All charts over the packs of several providers that have data."""
    packs = group.packs
    candidates = {
        "Difference of GGR day by day, theirs less ours": difference_by_provider(packs),
        "Rounds that matched, day by day, in percent": match_rate_by_provider(packs),
        "Breaks that nobody settled, by age": breaks_by_age(*packs),
        "Open breaks by provider: how many": breaks_by_provider(packs),
    }
    return tuple(Chart(title=title, svg=svg) for title, svg in candidates.items() if svg)


def difference_by_provider(packs: Sequence[Pack]) -> str:
    """The difference of every day by provider, one chart per currency; empty for one day."""
    values = [value for pack in packs for value in _differences(pack)]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .transform_calculate(difference="toNumber(datum.difference)")
        .mark_bar()
        .encode(
            x=_days(),
            y=alt.Y("difference:Q", title="GGR, theirs less ours"),
            color=_provider(),
            row=_by_currency(),
        )
        .resolve_scale(y="independent")
    )
    return _svg(chart, height=160) if len({value["day"] for value in values}) > 1 else ""


def match_rate_by_provider(packs: Sequence[Pack]) -> str:
    """The share of matched rounds of every day by provider; empty with less than two days."""
    values = [value for pack in packs for value in _match_rates(pack)]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(point=True)
        .encode(
            x=_days(),
            # Lines of several providers lie upon each other where the axis begins at zero.
            y=alt.Y(
                "matched:Q", title="matched, %", scale=alt.Scale(zero=False, domainMax=100)
            ),
            color=_provider(),
        )
    )
    return _svg(chart, height=160) if len({value["day"] for value in values}) > 1 else ""


def breaks_by_provider(packs: Sequence[Pack]) -> str:
    """Number of open breaks by provider, coloured by who owes; empty without breaks."""
    counts = Counter((pack.provider, break_.impact) for pack in packs for break_ in _open(pack))
    values = [
        {"provider": provider, "who owes": WHO_OWES[impact], "breaks": count}
        for (provider, impact), count in sorted(counts.items())
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar()
        .encode(x=_counts("open breaks"), y=alt.Y("provider:N", title=None), color=_who_owes())
    )
    return _svg(chart) if values else ""


def _provider() -> Any:
    legend = alt.Legend(orient="bottom", columns=3, columnPadding=32)
    return alt.Color("provider:N", title=None, legend=legend)


def _counts(title: str) -> Any:
    return alt.X("breaks:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d"))


def _percent() -> Any:
    return alt.Y("matched:Q", title="matched, %", scale=alt.Scale(domain=[0, 100]))


def _differences(pack: Pack) -> list[dict[str, str]]:
    """The difference of every day and currency, as the charts take it."""
    return [
        {
            "day": str(day.day),
            "currency": code,
            "provider": pack.provider,
            "difference": str(pack.amount(day.figures.difference(code), code)),
        }
        for day in (pack.statement.days if pack.statement else ())
        for code in day.figures.currencies
    ]


def _match_rates(pack: Pack) -> list[dict[str, Any]]:
    """The share of matched rounds of every day that a run compared by itself."""
    days = {day.window: str(day.day) for day in (pack.statement.days if pack.statement else ())}
    return [
        {
            "day": days[line.window],
            "provider": pack.provider,
            "matched": 100 * line.matched / line.rounds,
        }
        for line in pack.comparisons
        if line.window in days and line.rounds
    ]


def difference_by_day(pack: Pack) -> str:
    """The difference of every day, one chart per currency; empty for a single day."""
    days = pack.statement.days if pack.statement else ()
    values = _differences(pack)
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .transform_calculate(difference="toNumber(datum.difference)")
        .mark_bar(color=_COLOURS[WHO_OWES["operator_owed"]])
        .encode(
            x=_days(),
            y=alt.Y("difference:Q", title="GGR, theirs less ours"),
            row=_by_currency(),
        )
        .resolve_scale(y="independent")
    )
    return _svg(chart, height=160) if len(days) > 1 and values else ""


def match_rate_by_day(pack: Pack) -> str:
    """The share of matched rounds of every day; empty with less than two days."""
    values = _match_rates(pack)
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(color="#3a7d44")
        .encode(x=_days(), y=_percent())
    )
    return _svg(chart, height=160) if len(values) > 1 else ""


def breaks_by_age(*packs: Pack) -> str:
    """Number of unsettled breaks by age, coloured by who owes; empty without breaks."""
    counts = Counter(
        (age_bucket(pack.generated_at - break_.opened_at), break_.impact)
        for pack in packs
        for break_ in pack.breaks
        if break_.is_unsettled
    )
    values = [
        {"age": age, "who owes": WHO_OWES[impact], "breaks": count}
        for (age, impact), count in sorted(counts.items())
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar()
        .encode(
            x=_counts("breaks"),
            y=alt.Y("age:N", title=None, scale=alt.Scale(domain=list(AGES))),
            color=_who_owes(),
        )
    )
    return _svg(chart) if values else ""


def _days() -> Any:
    return alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-60, labelOverlap=True))


def owed_by_kind(pack: Pack) -> str:
    """Sums of breaks that are open, by kind, one chart per currency; empty without money."""
    sums: dict[tuple[str, str, str], int] = {}
    for break_ in _open(pack):
        key = (break_.currency, break_.kind, break_.impact)
        sums[key] = sums.get(key, 0) + break_.difference
    values = [
        {
            "kind": readable(kind),
            "who owes": WHO_OWES[impact],
            "currency": code,
            "amount": str(pack.amount(minor, code)),
        }
        for (code, kind, impact), minor in sorted(sums.items())
        if minor
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .transform_calculate(amount="toNumber(datum.amount)")
        .mark_bar()
        .encode(
            x=alt.X("amount:Q", title="amount", axis=alt.Axis(tickCount=6, labelOverlap=True)),
            y=alt.Y("kind:N", title=None, sort="-x"),
            color=_who_owes(),
            row=_by_currency(),
        )
        .resolve_scale(x="independent", y="independent")
    )
    return _svg(chart) if values else ""


def _by_currency() -> Any:
    # Above the bars: beside them it would overlap labels in a reader's wider fonts.
    return alt.Row("currency:N", title=None, header=alt.Header(labelOrient="top"))


def _who_owes() -> Any:
    return alt.Color(
        "who owes:N",
        title="who owes",
        legend=alt.Legend(orient="bottom", columnPadding=32),
        scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
    )


def _open(pack: Pack) -> list[OpenBreak]:
    """The breaks that wait for somebody here."""
    return [break_ for break_ in pack.breaks if break_.standing is Standing.OPEN]


def breaks_by_kind(pack: Pack) -> str:
    """Number of open breaks by kind, coloured by who owes; empty without breaks."""
    counts = Counter((break_.kind, break_.impact) for break_ in _open(pack))
    values = [
        {"kind": readable(kind), "who owes": WHO_OWES[impact], "breaks": count}
        for (kind, impact), count in sorted(counts.items())
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar()
        .encode(
            x=_counts("open breaks"),
            y=alt.Y("kind:N", title=None, sort="-x"),
            color=_who_owes(),
        )
    )
    return _svg(chart) if values else ""


def revenue_by_game(pack: Pack) -> str:
    """GGR by game, one chart per currency; empty without totals."""
    named = [total for total in pack.game_totals if total.game != UNKNOWN_GAME]
    rounds = sum(total.rounds for total in pack.game_totals)
    if 2 * sum(total.rounds for total in named) < rounds:
        return ""
    largest = sorted(named, key=lambda total: (-abs(total.ggr), total.game))[:_GAMES_MAX]
    values = [
        {
            "game": total.game,
            "currency": total.currency,
            "ggr": str(pack.amount(total.ggr, total.currency)),
        }
        for total in largest
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .transform_calculate(ggr="toNumber(datum.ggr)")
        .mark_bar()
        .encode(
            x=alt.X("ggr:Q", title="GGR", axis=alt.Axis(tickCount=6, labelOverlap=True)),
            y=alt.Y("game:N", title=None, sort="-x"),
            color=alt.condition("datum.ggr < 0", alt.value("#b3432b"), alt.value("#3a7d44")),
            row=_by_currency(),
        )
        .resolve_scale(x="independent", y="independent")
    )
    return _svg(chart) if values else ""


def _svg(chart: Any, **size: int) -> str:
    sized = chart.properties(width=400, padding=_PADDING, **size)
    svg: str = vl_convert.vegalite_to_svg(sized.to_dict())
    return svg
