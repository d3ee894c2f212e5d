"""The conservation proof of a run as a waterfall: from a side's total down to zero. Pure.

Each step takes away what ended in one bucket. A run that is stored is conserved, so the last
step ends at zero for both sides; the drawing shows where everything went.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The steps of a side: the tally of the manifest, its sign, and what it is called.
STEPS = (
    ("source", 1, "read"),
    ("outside", 1, "outside"),
    ("undone", -1, "rolled back"),
    ("matched", -1, "matched"),
    ("timing", -1, "timing"),
    ("breaks", -1, "breaks"),
    ("excluded", -1, "excluded"),
)
#: Sizes in the units of the drawing.
WIDTH, LEFT, SIDE_HEIGHT, TOP = 960, 90, 150, 28
_COLUMN = (WIDTH - LEFT) // (len(STEPS) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallStep:
    """One step of a side in one currency, minor units.

    Attributes:
        stake, payout: signed as they count.
        before, after: the GGR that was left before and after it.
    """

    name: str
    label: str
    rows: int
    stake: int
    payout: int
    before: int
    after: int

    @property
    def change(self) -> int:
        """What it adds to the GGR that is left."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallBar:
    """A step as drawn; the rest is ``step``."""

    step: WaterfallStep
    x: int
    y: int
    height: int
    line_y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallSide:
    """A side as drawn; ``zero_y`` is its zero line, ``top`` where it begins."""

    name: str
    bars: tuple[WaterfallBar, ...]
    top: int
    zero_y: int
    rest: int
    rest_x: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Both sides in one currency, on one scale."""

    currency: str
    sides: tuple[WaterfallSide, ...]
    width: int
    height: int


def waterfalls_of(manifest: Mapping[str, Any]) -> list[Waterfall]:
    """A drawing for each currency of a run, in order of the currencies."""
    sides = {name: manifest.get(name) or {} for name in ("ours", "theirs")}
    currencies = sorted(
        {
            currency
            for side in sides.values()
            for tally, _, _ in STEPS
            for currency in _totals(side, tally)
        }
    )
    return [
        _drawn(currency, {name: steps_of(side, currency) for name, side in sides.items()})
        for currency in currencies
    ]


def steps_of(side: Mapping[str, Any], currency: str) -> list[WaterfallStep]:
    """The steps of a side of a manifest in one currency; a tally that is not stored is 0."""
    steps, left = [], 0
    for name, sign, label in STEPS:
        sums = _totals(side, name).get(currency, {})
        stake, payout = (sign * int(sums.get(key, 0)) for key in ("stake", "payout"))
        tally = side.get(name)
        rows = int(tally.get("rows", 0)) if isinstance(tally, Mapping) else 0
        after = left + stake - payout
        steps.append(
            WaterfallStep(
                name=name,
                label=label,
                rows=rows,
                stake=stake,
                payout=payout,
                before=left,
                after=after,
            )
        )
        left = after
    return steps


def _drawn(currency: str, steps: Mapping[str, Sequence[WaterfallStep]]) -> Waterfall:
    levels = [0, *(step.after for side in steps.values() for step in side)]
    low, high = min(levels), max(levels)
    sides = tuple(
        _side(name, side, TOP + number * (SIDE_HEIGHT + TOP), low, high)
        for number, (name, side) in enumerate(steps.items())
    )
    height = TOP + len(sides) * (SIDE_HEIGHT + TOP) + 12
    return Waterfall(currency=currency, sides=sides, width=WIDTH, height=height)


def _side(
    name: str, steps: Sequence[WaterfallStep], top: int, low: int, high: int
) -> WaterfallSide:
    def place(level: int) -> int:
        return top + (high - level) * SIDE_HEIGHT // max(high - low, 1)

    return WaterfallSide(
        name=name,
        bars=tuple(_bars(steps, place)),
        top=top,
        zero_y=place(0),
        rest=steps[-1].after,
        rest_x=LEFT + len(steps) * _COLUMN,
    )


def _bars(
    steps: Sequence[WaterfallStep], place: Callable[[int], int]
) -> Iterator[WaterfallBar]:
    for number, step in enumerate(steps):
        first, last = place(step.before), place(step.after)
        yield WaterfallBar(
            step=step,
            x=LEFT + number * _COLUMN,
            y=min(first, last),
            height=max(abs(first - last), 1),
            line_y=last,
        )


def _totals(side: Mapping[str, Any], tally: str) -> Mapping[str, Any]:
    figures = side.get(tally)
    totals = figures.get("totals_minor", {}) if isinstance(figures, Mapping) else {}
    return totals if isinstance(totals, Mapping) else {}
