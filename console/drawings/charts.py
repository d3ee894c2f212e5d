"""Charts as shapes for SVG: scales, ticks in round numbers, bars, lines and their labels. Pure.

Values are whole numbers (minor units, hundredths of a percent, seconds), and so are all places.
Templates draw the shapes; the style sheet has the colours. Every chart is beside a table of its
values, so shapes only illustrate.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, groupby

#: Size in the units of the drawing; the smallest distance of two texts, by side and by line.
WIDTH, HEIGHT, COLUMN, LINE = 560, 230, 74, 15
#: Width of one character of a label, and most series of one chart.
CHAR, SERIES_MAX = 9, 6
#: With more points than this, a line has no dots.
DOTS_MAX = 62
_TOP, _BOTTOM, _GAP = 14, 28, 8
#: Bars that are no wider stand without a gap.
_NARROW = 3
#: Round steps of durations, in seconds, up to a week.
DURATIONS = (
    *(1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)

TextOf = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; ``kind`` names its class, ``title`` is shown on hover."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, as SVG writes them."""

    points: str
    kind: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line."""

    x: int
    y: int
    radius: int
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text; ``kind`` also says how it is aligned."""

    x: int
    y: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: of the grid, or the zero line."""

    x1: int
    x2: int
    y1: int
    y2: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All shapes of a chart, in the order in which they are drawn."""

    width: int = WIDTH
    height: int = HEIGHT
    rules: tuple[Rule, ...] = ()
    bars: tuple[Bar, ...] = ()
    paths: tuple[Path, ...] = ()
    dots: tuple[Dot, ...] = ()
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One line: a value for each place of the axis; None: unknown there."""

    name: str
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values onto places; ``end`` may lie before ``start``."""

    low: int
    high: int
    start: int
    end: int

    def at(self, value: int) -> int:
        """The place of a value, rounded."""
        span = max(self.high - self.low, 1)
        return self.start + (2 * (value - self.low) * (self.end - self.start) + span) // (
            2 * span
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """The texts of the axis, and where places and values are drawn."""

    places: Sequence[str]
    across: Scale
    down: Scale
    text_of: TextOf


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the values are drawn; around it are the labels."""

    left: int
    right: int
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def ticks(low: int, high: int, *, most: int = 5, steps: Sequence[int] = ()) -> list[int]:
    """Round values from at most ``low`` to at least ``high``, in equal steps.

    Args:
        low: the smallest value.
        high: the largest one.
        most: how many steps there may be.
        steps: the steps to try first, ascending; after them 1, 2 and 5 with any number of
            zeros.
    """
    for step in chain(steps, _round_steps()):
        first, last = low // step, -(-high // step)
        if last - first <= most:
            return [number * step for number in range(first, max(last, first + 1) + 1)]
    raise AssertionError("the steps grow without end")


def _round_steps() -> Iterator[int]:
    for zeros in count():
        yield from (digit * 10**zeros for digit in (1, 2, 5))


def lines(
    places: Sequence[str],
    series: Sequence[Series],
    text_of: TextOf,
    *,
    steps: Sequence[int] = (),
    reaches: int = 0,
) -> Drawing | None:
    """A line for each series, named where it ends; None: there is no value to draw.

    Args:
        places: the texts of the axis, one for each value.
        series: at most ``SERIES_MAX`` are drawn.
        text_of: a value as text.
        steps: of the axis of the values, see ``ticks``.
        reaches: a value that the axis reaches, whatever is drawn.
    """
    drawn = [line for line in series if any(v is not None for v in line.values)][:SERIES_MAX]
    values = [value for line in drawn for value in line.values if value is not None]
    if not values:
        return None
    marks = ticks(min(*values, reaches), max(*values, reaches), steps=steps)
    frame = _frame([text_of(mark) for mark in marks], [line.name for line in drawn])
    down = Scale(marks[0], marks[-1], frame.bottom, frame.top)
    across = Scale(0, max(len(places) - 1, 1), frame.left + _GAP, frame.right - _GAP)
    axes = _Axes(places=places, across=across, down=down, text_of=text_of)
    return Drawing(
        rules=tuple(_grid(marks, down, frame)),
        paths=tuple(
            Path(points, f"line series-{number}")
            for number, line in enumerate(drawn, start=1)
            for points in _stretches(line.values, across, down)
        ),
        dots=tuple(
            dot
            for number, line in enumerate(drawn, start=1)
            for dot in _dots(number, line, axes)
        ),
        labels=(
            *_value_labels(marks, down, frame, text_of),
            *_place_labels(places, across),
            *_names(drawn, down, frame),
        ),
    )


def columns(places: Sequence[str], up: Series, down: Series, text_of: TextOf) -> Drawing | None:
    """One series upwards and one downwards from the zero line; values are not negative."""
    highest = max((value or 0 for value in up.values), default=0)
    deepest = max((value or 0 for value in down.values), default=0)
    if not highest + deepest:
        return None
    marks = ticks(-deepest, highest)
    texts = [text_of(abs(mark)) for mark in marks]
    frame = _frame(texts, [])
    heights = Scale(marks[0], marks[-1], frame.bottom, frame.top)
    across = Scale(0, len(places), frame.left, frame.right)
    middles = Scale(0, 2 * len(places), frame.left, frame.right)
    axes = _Axes(places=places, across=across, down=heights, text_of=text_of)
    return Drawing(
        rules=tuple(_grid(marks, heights, frame)),
        bars=tuple(
            bar
            for sign, series, kind in ((1, up, "up"), (-1, down, "down"))
            for bar in _columns(series, sign, kind, axes)
        ),
        labels=(
            *_value_labels(marks, heights, frame, lambda mark: text_of(abs(mark))),
            *_texts_apart(
                (middles.at(2 * number + 1), place) for number, place in enumerate(places)
            ),
            Label(frame.left + _GAP, frame.top + 2, f"{up.name} ↑", "name up"),
            Label(frame.left + _GAP, frame.bottom - 4, f"{down.name} ↓", "name down"),
        ),
    )


def pyramid(
    rows: Sequence[str], left: Series, right: Series, text_of: TextOf
) -> Drawing | None:
    """Two series to the left and to the right of one axis, a row each; none is negative."""
    widest = max((value or 0 for value in (*left.values, *right.values)), default=0)
    if not widest:
        return None
    names = max((len(row) for row in rows), default=0) * CHAR + _GAP
    texts = max(len(text_of(v or 0)) for v in (*left.values, *right.values)) * CHAR + _GAP
    axis = names + (WIDTH - names) // 2
    reach = Scale(0, widest, 0, (WIDTH - names) // 2 - texts)
    height, top = 28, 26
    bars, labels = [], []
    for number, row in enumerate(rows):
        y = top + number * height
        labels.append(Label(0, y + 15, row, "row"))
        for series, sign, kind in ((left, -1, "they-owe"), (right, 1, "we-owe")):
            value = series.values[number] or 0
            width = reach.at(value)
            text = text_of(value)
            bars.append(
                Bar(axis - (width if sign < 0 else 0), y, width, 20, kind, f"{row}: {text}")
            )
            side = "end" if sign < 0 else "start"
            labels.append(Label(axis + sign * (width + 5), y + 15, text, f"value {side}"))
    bottom = top + len(rows) * height
    return Drawing(
        height=bottom + 6,
        rules=(Rule(axis, axis, top - 6, bottom, "zero"),),
        bars=tuple(bars),
        labels=(
            *labels,
            Label(axis - _GAP, 14, left.name, "name they-owe end"),
            Label(axis + _GAP, 14, right.name, "name we-owe"),
        ),
    )


def _frame(value_texts: Sequence[str], names: Sequence[str]) -> _Frame:
    left = max(map(len, value_texts)) * CHAR + 2 * _GAP
    right = max(map(len, names), default=0) * CHAR + 2 * _GAP
    return _Frame(left=left, right=WIDTH - min(right, WIDTH // 3))


def _grid(marks: Sequence[int], scale: Scale, frame: _Frame) -> Iterator[Rule]:
    for mark in marks:
        y = scale.at(mark)
        yield Rule(frame.left, frame.right, y, y, "grid" if mark else "zero")


def _value_labels(
    marks: Sequence[int], scale: Scale, frame: _Frame, text_of: TextOf
) -> Iterator[Label]:
    for mark in marks:
        yield Label(frame.left - _GAP, scale.at(mark) + 4, text_of(mark), "tick end")


def _place_labels(places: Sequence[str], across: Scale) -> Iterator[Label]:
    return _texts_apart((across.at(number), place) for number, place in enumerate(places))


def _texts_apart(texts: Iterable[tuple[int, str]]) -> Iterator[Label]:
    """Texts of the axis, without those that would touch the one before."""
    reached = -COLUMN
    for x, text in texts:
        if x - reached >= COLUMN:
            yield Label(x, HEIGHT - 8, text, "tick middle")
            reached = x


def _stretches(values: Sequence[int | None], across: Scale, down: Scale) -> Iterator[str]:
    """The points of each stretch of values without a gap."""
    numbered = enumerate(values)
    for is_value, stretch in groupby(numbered, key=lambda pair: pair[1] is not None):
        if is_value:
            yield " ".join(
                f"{across.at(number)},{down.at(value)}"
                for number, value in stretch
                if value is not None
            )


def _dots(number: int, line: Series, axes: _Axes) -> Iterator[Dot]:
    if len(axes.places) > DOTS_MAX:
        return
    for index, value in enumerate(line.values):
        if value is not None:
            title = f"{line.name}, {axes.places[index]}: {axes.text_of(value)}"
            x, y = axes.across.at(index), axes.down.at(value)
            yield Dot(x, y, 3, f"dot series-{number}", title)


def _names(drawn: Sequence[Series], down: Scale, frame: _Frame) -> Iterator[Label]:
    """The names of lines beside their ends, moved apart where they would touch."""
    ends = sorted(
        (down.at(next(v for v in reversed(line.values) if v is not None)), number, line.name)
        for number, line in enumerate(drawn, start=1)
    )
    chars = (WIDTH - frame.right - _GAP) // CHAR
    for (_, number, name), y in zip(ends, _apart([end[0] for end in ends], frame), strict=True):
        text = name if len(name) <= chars else f"{name[: chars - 1]}…"
        yield Label(frame.right + 2, y + 4, text, f"name series-{number}")


def _apart(heights: Sequence[int], frame: _Frame) -> list[int]:
    """Heights in order, at least a line apart, within the frame as far as they fit."""
    places: list[int] = []
    for height in heights:
        places.append(max(height, places[-1] + LINE) if places else height)
    for number in range(len(places) - 1, -1, -1):
        below = places[number + 1] if number + 1 < len(places) else frame.bottom + LINE
        places[number] = min(places[number], below - LINE)
    return places


def _columns(series: Series, sign: int, kind: str, axes: _Axes) -> Iterator[Bar]:
    zero = axes.down.at(0)
    for number, value in enumerate(series.values):
        if value:
            end = axes.down.at(sign * value)
            left, right = axes.across.at(number), axes.across.at(number + 1)
            gap = 1 if right - left > _NARROW else 0
            width = max(right - left - 2 * gap, 1)
            title = f"{axes.places[number]}: {axes.text_of(value)} {series.name}"
            yield Bar(left + gap, min(zero, end), width, max(abs(end - zero), 1), kind, title)
