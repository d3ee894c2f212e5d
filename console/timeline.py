"""What every source said about a round, laid out on one time axis. Pure.

Gaps count by their logarithm: seconds between callbacks and the day until the provider's file
both stay visible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from breaks.sources import SourceWord

#: The lanes, each with the sources that it shows.
LANES = (
    ("ours", ("callback", "refused request")),
    ("theirs", ("history", "version", "statement line", "withdrawal")),
    ("their log", ("webhook log",)),
    ("asked", ("bet detail",)),
)
#: Sizes in the units of the drawing.
WIDTH, LANE_HEIGHT, LEFT, RIGHT, TOP = 960, 40, 130, 60, 16
_SHORTEST, _LABEL_EVERY = 18, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMark:
    """One thing that a source said.

    Attributes:
        number: its place in the list below the drawing.
        x, y: the centre, in the units of the drawing.
    """

    number: int
    x: int
    y: int
    word: SourceWord


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLabel:
    """An instant on the axis."""

    x: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The drawing: lanes by name with their height, marks, labels of the axis."""

    lanes: tuple[tuple[str, int], ...]
    marks: tuple[TimelineMark, ...]
    labels: tuple[TimeLabel, ...]
    left: int
    width: int
    height: int


def in_order(words: Sequence[SourceWord]) -> list[SourceWord]:
    """What the sources said, by time; equal instants keep their order."""
    return sorted(words, key=lambda word: word.at)


def timeline_of(words: Sequence[SourceWord]) -> Timeline:
    """Lay out what the sources said; ``words`` in the order of time."""
    used = [name for name, sources in LANES if any(word.source in sources for word in words)]
    lanes = {
        name: TOP + LANE_HEIGHT // 2 + index * LANE_HEIGHT for index, name in enumerate(used)
    }
    places = positions([word.at for word in words])
    marks = [
        TimelineMark(number=number, x=x, y=lanes[_lane(word)], word=word)
        for number, (x, word) in enumerate(zip(places, words, strict=True), start=1)
    ]
    return Timeline(
        lanes=tuple(lanes.items()),
        marks=tuple(marks),
        labels=_labels(words, places),
        left=LEFT,
        width=WIDTH,
        height=TOP + len(used) * LANE_HEIGHT + 28,
    )


def positions(instants: Sequence[datetime]) -> list[int]:
    """Where instants in order stand: each gap is as wide as a mark, and its logarithm more."""
    gaps = [
        math.log1p((after - before).total_seconds()) for before, after in pairwise(instants)
    ]
    span = WIDTH - LEFT - RIGHT
    shortest = min(_SHORTEST, span / max(len(gaps), 1))
    scale = (span - shortest * len(gaps)) / (sum(gaps) or 1)
    place, places = float(LEFT), []  # not money
    for gap in [*gaps, 0]:
        places.append(round(place))
        place += shortest + gap * scale
    return places if instants else []


def _lane(word: SourceWord) -> str:
    return next(name for name, sources in LANES if word.source in sources)


def _labels(words: Sequence[SourceWord], places: Sequence[int]) -> tuple[TimeLabel, ...]:
    labels: list[TimeLabel] = []
    for word, x in zip(words, places, strict=True):
        if not labels or x - labels[-1].x >= _LABEL_EVERY:
            labels.append(TimeLabel(x=x, at=word.at))
    return tuple(labels)
