"""Charts as inline SVG. They only illustrate; the exact amounts are in the tables."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from breaks.standing import Standing
from reports.grid import WHO_OWES, readable
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its title."""

    title: str
    svg: str


def charts(pack: Pack) -> tuple[Chart, ...]:
    """All charts that have data."""
    candidates = {
        "Open breaks by kind: amounts, positive where we owe the player": owed_by_kind(pack),
        "Open breaks by kind: how many": breaks_by_kind(pack),
        f"Our GGR by game, the largest {_GAMES_MAX}": revenue_by_game(pack),
    }
    return tuple(Chart(title=title, svg=svg) for title, svg in candidates.items() if svg)


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
            x=alt.X("breaks:Q", title="open breaks", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("kind:N", title=None, sort="-x"),
            color=_who_owes(),
        )
    )
    return _svg(chart) if values else ""


def revenue_by_game(pack: Pack) -> str:
    """GGR by game, one chart per currency; empty without totals."""
    largest = sorted(pack.game_totals, key=lambda total: (-abs(total.ggr), total.game))[
        :_GAMES_MAX
    ]
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


def _svg(chart: Any) -> str:
    sized = chart.properties(width=400, padding=_PADDING)
    svg: str = vl_convert.vegalite_to_svg(sized.to_dict())
    return svg
