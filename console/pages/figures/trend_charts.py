"""The charts of trends: each answers one question, with its values as a table. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TypeVar

from console.addresses import query_text
from console.drawings.charts import (
    DURATIONS,
    SERIES_MAX,
    Drawing,
    Series,
    columns,
    lines,
    pyramid,
)
from console.pages.figures.trend_data import ByDay, OpenAge, TrendData
from console.rendering import count_text, money_text, signed_text
from feeds.daily_delay import PER_CENT
from reports.grid import Amount, Column, Grid, GridRow, amount_columns

#: A whole, in hundredths of a percent; and most units of a duration.
_WHOLE, _UNITS_MAX = 10_000, 2
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart:
    """One chart.

    Attributes:
        slug: names its file.
        question: the title; ``answer`` answers it in one sentence.
        drawing: None: there is nothing to draw, and ``answer`` says why.
        behind: the address of what the figures are made of, and its name.
    """

    slug: str
    question: str
    answer: str
    drawing: Drawing | None
    grid: Grid
    behind: tuple[str, str]


def charts_of(data: TrendData) -> tuple[TrendChart, ...]:
    """Every chart, the money first."""
    return tuple(CHARTS[slug](data) for slug in CHARTS)


def differences(data: TrendData) -> TrendChart:
    """GGR, theirs less ours, by provider and day."""
    values = _values(data, data.sums, lambda group: group.difference)
    sums = {name: sum(value or 0 for value in line) for name, line in values.items()}
    largest = max(sums, key=lambda name: abs(sums[name]), default=None)
    if largest is None:
        answer = _nothing(data)
    elif not any(any(line) for line in values.values()):
        answer = f"None: both sides agree on every day in {data.currency}."
    else:
        amount = signed_text(sums[largest], data.currency, _exponents(data))
        answer = f"{largest} most: {amount} {data.currency} over {data.span.words}."
    rows: list[GridRow] = [
        (day, provider, *_amounts(data, group.ours.ggr, group.theirs.ggr, group.difference))
        for day in data.span.days
        for provider in data.providers
        if (group := data.sums.get(provider, {}).get(day))
    ]
    return TrendChart(
        slug="differences",
        question="Which provider's figures differ, and by how much?",
        answer=_with_cut(answer, values),
        drawing=lines(_places(data), _series(values), _axis_money(data)),
        grid=_grid(
            "Differences", ("GGR ours", "GGR theirs", "Difference"), rows, data, amounts=True
        ),
        behind=(_totals(data, by="day", then="provider"), "totals by day and provider"),
    )


def agreement(data: TrendData) -> TrendChart:
    """GGR of both sides over all providers, by day."""
    days = data.span.days
    groups = [[line[day] for line in data.sums.values() if day in line] for day in days]
    ours = [sum(group.ours.ggr for group in cell) if cell else None for cell in groups]
    theirs = [sum(group.theirs.ggr for group in cell) if cell else None for cell in groups]
    if data.foot:
        foot = data.foot[0]
        texts = [
            money_text(foot.ours.ggr, data.currency, _exponents(data)),
            money_text(foot.theirs.ggr, data.currency, _exponents(data)),
            signed_text(foot.difference, data.currency, _exponents(data)),
        ]
        answer = f"Ours {texts[0]}, theirs {texts[1]}: {texts[2]} {data.currency}."
    else:
        answer = _nothing(data)
    rows: list[GridRow] = [
        (day, *_amounts(data, own, their, their - own))
        for day, own, their in zip(days, ours, theirs, strict=True)
        if own is not None and their is not None
    ]
    return TrendChart(
        slug="ggr",
        question="Do both sides agree on GGR?",
        answer=answer,
        drawing=lines(
            _places(data), [Series("ours", ours), Series("theirs", theirs)], _axis_money(data)
        ),
        grid=Grid(
            name="GGR of both sides",
            slug="ggr",
            sheet="GGR",
            note="",
            empty=_nothing(data),
            columns=(
                Column("Day", 12),
                *amount_columns(("GGR ours", "GGR theirs", "Difference"), signed=False),
            ),
            rows=rows,
        ),
        behind=(_totals(data, by="day"), "totals by day"),
    )


def flow(data: TrendData) -> TrendChart:
    """Breaks opened and resolved, by day."""
    days = data.span.days
    opened = [sum(line.get(day, (0, 0))[0] for line in data.flow.values()) for day in days]
    resolved = [sum(line.get(day, (0, 0))[1] for line in data.flow.values()) for day in days]
    more = sum(opened) - sum(resolved)
    answer = f"{count_text(sum(opened))} opened and {count_text(sum(resolved))} resolved"
    if sum(opened) + sum(resolved) == 0:
        answer = f"No break was opened or resolved in {data.span.words}."
    elif more > 0:
        answer += f": {count_text(more)} more are open than before."
    else:
        answer += f": {count_text(-more)} fewer are open than before." if more else "."
    rows = [
        (day, provider, *data.flow[provider][day])
        for day in days
        for provider in data.providers
        if day in data.flow[provider]
    ]
    return TrendChart(
        slug="breaks",
        question="Are breaks resolved as fast as they open?",
        answer=answer,
        drawing=columns(
            _places(data), Series("opened", opened), Series("resolved", resolved), count_text
        ),
        grid=_grid("Breaks by day", ("Opened", "Resolved"), rows, data),
        behind=(_breaks(data), "breaks that are open"),
    )


def ages(data: TrendData) -> TrendChart:
    """Open money by age and by who owes."""
    we_owe, they_owe = (
        sum(getattr(age, name) for age in data.ages) for name in ("we_owe", "they_owe")
    )
    texts = [money_text(minor, data.currency, _exponents(data)) for minor in (we_owe, they_owe)]
    answer = (
        f"We owe players {texts[0]}, players owe us {texts[1]} {data.currency}."
        if we_owe or they_owe
        else f"No money is open in {data.currency}."
    )
    return TrendChart(
        slug="ages",
        question="How old is the open money, and who owes it?",
        answer=answer,
        drawing=pyramid(
            [age.age for age in data.ages],
            Series("players owe us", [age.they_owe for age in data.ages]),
            Series("we owe players", [age.we_owe for age in data.ages]),
            _axis_money(data),
        ),
        grid=Grid(
            name="Open money by age",
            slug="ages",
            sheet="Ages",
            note="As of now, whatever days are chosen.",
            empty="No break is open.",
            columns=(
                *(Column("Age", 16), Column("Breaks", 10, number=True)),
                *amount_columns(("Players owe us", "We owe players")),
            ),
            rows=[_age_row(data, age) for age in data.ages],
        ),
        behind=(_breaks(data, sort="age"), "open breaks, the oldest first"),
    )


def explained(data: TrendData) -> TrendChart:
    """The share of rows that was explained within a day of being known, by provider and day."""
    values = _values(data, data.rates, lambda rate: _WHOLE * rate[0] // max(rate[1], 1))
    lowest = _extreme(data, values, min)
    if data.rates is None:
        answer = _TOO_MUCH
    elif lowest is None:
        answer = f"No row of {data.span.words} is a day old yet, or neither side has one."
    else:
        value, provider, day = lowest
        answer = f"Lowest: {provider} with {_percent(value)} on {_place(day)}."
    rows = [
        (day, provider, rate[1], rate[0], _percent(_WHOLE * rate[0] // max(rate[1], 1))[:-2])
        for day in data.span.days
        for provider in data.providers
        if (rate := (data.rates or {}).get(provider, {}).get(day))
    ]
    return TrendChart(
        slug="explained",
        question="How much is explained within 24 hours?",
        answer=_with_cut(answer, values),
        drawing=lines(_places(data), _series(values), _percent, reaches=_WHOLE),
        grid=_grid("Explained within 24 hours", ("Due", "Explained", "Percent"), rows, data),
        behind=(_breaks(data, sort="age"), "open breaks, the oldest first"),
    )


def lateness(data: TrendData) -> TrendChart:
    """How late records arrived, by provider and day."""
    values = _values(data, data.delays, lambda delay_s: delay_s)
    latest = _extreme(data, values, max)
    if data.delays is None:
        answer = _TOO_MUCH
    elif latest is None:
        answer = f"No provider reported a record of {data.span.words}."
    else:
        value, provider, day = latest
        answer = (
            f"Latest: {provider} on {_place(day)}, {PER_CENT} of 100 records within"
            f" {_duration(value)}."
        )
    rows = [
        (day, provider, delay_s)
        for day in data.span.days
        for provider in data.providers
        if (delay_s := (data.delays or {}).get(provider, {}).get(day)) is not None
    ]
    return TrendChart(
        slug="lateness",
        question="How late do records arrive?",
        answer=_with_cut(answer, values),
        drawing=lines(_places(data), _series(values), _duration, steps=DURATIONS),
        grid=_grid("Lateness of records", ("Seconds",), rows, data),
        behind=(_totals(data, by="day", then="provider"), "totals by day and provider"),
    )


#: By the name of its file.
CHARTS: dict[str, Callable[[TrendData], TrendChart]] = {
    "differences": differences,
    "ggr": agreement,
    "breaks": flow,
    "ages": ages,
    "explained": explained,
    "lateness": lateness,
}
_TOO_MUCH = "These rows take longer than a page may: choose fewer days or one provider."


def _values(
    data: TrendData, by_day: ByDay[_T] | None, value_of: Callable[[_T], int]
) -> dict[str, list[int | None]]:
    """By provider, a value for each day of the span; None where there is none."""
    return {
        provider: [value_of(days[day]) if day in days else None for day in data.span.days]
        for provider, days in (by_day or {}).items()
    }


def _extreme(
    data: TrendData,
    values: Mapping[str, Sequence[int | None]],
    choose: Callable[[Iterable[tuple[int, str, date]]], tuple[int, str, date]],
) -> tuple[int, str, date] | None:
    """The smallest or the largest value with its provider and day; None without any."""
    found = [
        (value, provider, day)
        for provider, line in values.items()
        for day, value in zip(data.span.days, line, strict=True)
        if value is not None
    ]
    return choose(found) if found else None


def _series(values: Mapping[str, Sequence[int | None]]) -> list[Series]:
    """The providers with the largest values first: they are drawn if there are too many."""
    order = sorted(values, key=lambda name: -sum(abs(value or 0) for value in values[name]))
    drawn = set(order[:SERIES_MAX])
    return [Series(name, line) for name, line in values.items() if name in drawn]


def _with_cut(answer: str, values: Mapping[str, Sequence[int | None]]) -> str:
    if len(values) <= SERIES_MAX:
        return answer
    return f"{answer} {SERIES_MAX} of {len(values)} providers are drawn; the table has all."


def _places(data: TrendData) -> list[str]:
    return [_place(day) for day in data.span.days]


@lru_cache(maxsize=1_024)  # a page writes each of its days for every chart
def _place(day: date) -> str:
    return f"{day.day} {day:%b}"


def _exponents(data: TrendData) -> dict[str, int]:
    return {data.currency: data.digits}


def _axis_money(data: TrendData) -> Callable[[int], str]:
    """Amounts of an axis: without decimal places where there is nothing behind the point."""

    def text_of(minor: int) -> str:
        text = money_text(minor, data.currency, _exponents(data))
        whole, _, places = text.partition(".")
        return text if places.strip("0") else whole

    return text_of


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _duration(seconds: int) -> str:
    """A duration in at most two units."""
    units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    parts: list[str] = []
    for unit, length in units:
        if seconds >= length or (unit == "s" and not parts):
            parts.append(f"{seconds // length} {unit}")
            seconds %= length
        if len(parts) == _UNITS_MAX or (parts and not seconds):
            break
    return " ".join(parts)


def _amounts(data: TrendData, *minors: int) -> list[Amount]:
    return [Amount(minor, data.currency, data.digits) for minor in minors]


def _grid(
    name: str,
    headings: Sequence[str],
    rows: Sequence[GridRow],
    data: TrendData,
    *,
    amounts: bool = False,
) -> Grid:
    """A table by day and provider."""
    width = 16 if amounts else 12
    return Grid(
        name=name,
        slug=name.lower().replace(" ", "-"),
        sheet=name[:31],
        note="",
        empty=_nothing(data),
        columns=(
            *(Column("Day", 12), Column("Provider", 22)),
            *(Column(heading, width, number=True) for heading in headings),
        ),
        rows=rows,
    )


def _age_row(data: TrendData, age: OpenAge) -> GridRow:
    return age.age, age.breaks, *_amounts(data, age.they_owe, age.we_owe)


def _nothing(data: TrendData) -> str:
    """Why there is no figure: nobody compared, or nothing happened."""
    if any(part.gaps for part in data.coverage):
        return (
            f"Nobody compared {data.span.words}, and neither side has a round in"
            f" {data.currency}."
        )
    return f"Neither side has a round in {data.currency} in {data.span.words}."


def _totals(data: TrendData, **by: str) -> str:
    span = data.span
    fields = {
        "from": str(span.first),
        "to": str(span.last),
        "provider": span.provider or "",
        "currency": data.currency,
        **by,
    }
    return f"/totals?{query_text(fields)}"


def _breaks(data: TrendData, **order: str) -> str:
    fields = {"provider": data.span.provider or "", "currency": data.currency, **order}
    return f"/breaks?{query_text(fields)}"
