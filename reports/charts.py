"""Charts as inline SVG. Figures are only drawn here; whoever reads amounts reads the tables."""

from collections import Counter
from typing import Any

import altair as alt
import vl_convert

from reports.pack import Pack

_IMPACTS = {"player_owed": "#b3432b", "operator_owed": "#2f6690", "none": "#9aa5b1"}
#: Points left around a chart: a reader's fonts may be wider than those it was laid out with.
_ROOM = {"left": 36, "right": 36, "top": 6, "bottom": 6}
#: Bars in the revenue chart; the rest stands in the table.
_GAMES_MAX = 15


def breaks_by_kind(pack: Pack) -> str:
    """Open breaks by kind, coloured by who is owed; empty without breaks."""
    counts = Counter((each.kind, each.impact) for each in pack.breaks)
    values = [
        {"kind": kind.replace("_", " "), "impact": impact.replace("_", " "), "breaks": count}
        for (kind, impact), count in sorted(counts.items())
    ]
    colours = {name.replace("_", " "): colour for name, colour in _IMPACTS.items()}
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar()
        .encode(
            x=alt.X("breaks:Q", title="open breaks", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("kind:N", title=None, sort="-x"),
            color=alt.Color(
                "impact:N",
                title="who is owed",
                legend=alt.Legend(orient="bottom"),
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            ),
        )
    )
    return _svg(chart) if values else ""


def revenue_by_game(pack: Pack) -> str:
    """GGR by game, one chart per currency; empty without totals."""
    largest = sorted(pack.totals, key=lambda each: (-abs(each.ggr), each.game))[:_GAMES_MAX]
    values = [
        {
            "game": each.game,
            "currency": each.currency,
            "ggr": str(pack.amount(each.ggr, each.currency)),
        }
        for each in largest
    ]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .transform_calculate(ggr="toNumber(datum.ggr)")
        .mark_bar()
        .encode(
            x=alt.X("ggr:Q", title="GGR", axis=alt.Axis(tickCount=6, labelOverlap=True)),
            y=alt.Y("game:N", title=None, sort="-x"),
            color=alt.condition("datum.ggr < 0", alt.value("#b3432b"), alt.value("#3a7d44")),
            row=alt.Row("currency:N", title=None),
        )
        .resolve_scale(x="independent", y="independent")
    )
    return _svg(chart) if values else ""


def _svg(chart: Any) -> str:
    sized = chart.properties(width=400, padding=_ROOM)
    svg: str = vl_convert.vegalite_to_svg(sized.to_dict())
    return svg
