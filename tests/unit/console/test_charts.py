"""Charts as shapes: round ticks, places inside of the drawing, any number of points."""

import re
from itertools import pairwise

import pytest

from console.drawings.charts import (
    COLUMN,
    DURATIONS,
    HEIGHT,
    LINE,
    SERIES_MAX,
    WIDTH,
    Drawing,
    Scale,
    Series,
    columns,
    lines,
    pyramid,
    ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 0, [0, 1]),
        (0, 7, [0, 2, 4, 6, 8]),
        (-3, 7, [-4, -2, 0, 2, 4, 6, 8]),
        (0, 99_801, [0, 20_000, 40_000, 60_000, 80_000, 100_000]),
        (9_990, 10_000, [9_990, 9_992, 9_994, 9_996, 9_998, 10_000]),
    ],
)
def test_ticks_are_round_and_reach_over_the_values(
    low: int, high: int, expected: list[int]
) -> None:
    assert ticks(low, high, most=6) == expected


def test_ticks_of_durations_are_round_hours() -> None:
    assert ticks(0, 30_000, steps=DURATIONS) == [0, 7_200, 14_400, 21_600, 28_800, 36_000]


def test_a_scale_maps_its_ends_onto_its_places() -> None:
    scale = Scale(-100, 300, 200, 20)

    assert [scale.at(-100), scale.at(300), scale.at(100)] == [200, 20, 110]
    assert Scale(5, 5, 10, 20).at(5) == 10


def places(number: int) -> list[str]:
    return [f"day {index}" for index in range(number)]


def spots(drawing: Drawing) -> list[tuple[int, int]]:
    """Every point that a drawing has."""
    points = [
        (int(x), int(y))
        for path in drawing.paths
        for x, y in re.findall(r"(-?\d+),(-?\d+)", path.points)
    ]
    corners = [
        corner
        for bar in drawing.bars
        for corner in ((bar.x, bar.y), (bar.x + bar.width, bar.y + bar.height))
    ]
    texts = [(label.x, label.y) for label in drawing.labels]
    return [*points, *corners, *texts, *((dot.x, dot.y) for dot in drawing.dots)]


@pytest.mark.parametrize("number", [1, 2, 31, 366])
def test_lines_of_any_length_stay_inside_and_their_texts_apart(number: int) -> None:
    values = [(-1) ** index * index * 997 for index in range(number)]
    series = [Series("ours", values), Series("theirs", [value + 5 for value in values])]
    drawing = lines(places(number), series, str)

    assert drawing is not None
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in spots(drawing))
    days = [label.x for label in drawing.labels if label.kind == "tick middle"]
    assert all(after - before >= COLUMN for before, after in pairwise(days))
    names = sorted(label.y for label in drawing.labels if label.kind.startswith("name"))
    assert names[1] - names[0] >= LINE
    assert [rule.kind for rule in drawing.rules].count("zero") == 1


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    drawing = lines(places(5), [Series("ours", [1, 2, None, 4, 5])], str)

    assert drawing is not None
    assert [path.points.count(",") for path in drawing.paths] == [2, 2]
    assert len(drawing.dots) == 4
    assert drawing.dots[0].title == "ours, day 0: 1"


def test_without_any_value_there_is_no_chart() -> None:
    assert lines([], [], str) is None
    assert lines(places(3), [Series("ours", [None, None, None])], str) is None
    assert columns(places(2), Series("up", [0, 0]), Series("down", [0, 0]), str) is None
    assert pyramid(["old"], Series("left", [0]), Series("right", [0]), str) is None


def test_more_series_than_have_a_colour_are_left_to_the_table() -> None:
    series = [Series(f"line {number}", [number, number]) for number in range(SERIES_MAX + 3)]
    drawing = lines(places(2), series, str)

    assert drawing is not None
    assert len(drawing.paths) == SERIES_MAX


@pytest.mark.parametrize("number", [1, 31, 366])
def test_columns_go_up_and_down_from_zero(number: int) -> None:
    drawing = columns(
        places(number), Series("opened", [4] * number), Series("resolved", [2] * number), str
    )

    assert drawing is not None
    (zero,) = [rule.y1 for rule in drawing.rules if rule.kind == "zero"]
    assert {bar.y + bar.height for bar in drawing.bars if bar.kind == "up"} == {zero}
    assert {bar.y for bar in drawing.bars if bar.kind == "down"} == {zero}
    assert all(bar.width >= 1 for bar in drawing.bars)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in spots(drawing))
    assert drawing.bars[0].title == "day 0: 4 opened"


def test_a_pyramid_names_each_value_on_its_side() -> None:
    drawing = pyramid(
        ["young", "old"], Series("they owe", [100, 0]), Series("we owe", [50, 25]), str
    )

    assert drawing is not None
    axis = drawing.rules[0].x1
    assert [bar.x + bar.width <= axis for bar in drawing.bars] == [True, False, True, False]
    widths = [bar.width for bar in drawing.bars]
    assert widths[0] == pytest.approx(2 * widths[1], abs=1)
    assert [label.text for label in drawing.labels if "value" in label.kind] == [
        *("100", "50", "0", "25")
    ]
