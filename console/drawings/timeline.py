"""What every source said about a round, laid out on one time axis. Pure.

Gaps count by their logarithm: seconds between callbacks and the day until the provider's file
both stay visible. Events of one lane that would cover each other become one mark. The axis is
horizontal on wide screens and vertical on narrow ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from breaks.sources import SourceWord

#: The lanes, each with the sources that it shows.
LANES = (
    ("callbacks", ("callback", "refused request")),
    ("our reply", ("our reply",)),
    ("entries", ("entries",)),
    ("their record", ("history", "version", "withdrawal")),
    ("their files", ("statement line",)),
    ("their log", ("webhook log",)),
    ("inquiry", ("bet detail",)),
)
#: Sizes of the horizontal axis, in the units of the drawing.
WIDTH, LANE_HEIGHT, LEFT, RIGHT, TOP = 960, 40, 130, 60, 16
#: Sizes of the vertical axis.
VERTICAL_WIDTH, VERTICAL_LEFT, VERTICAL_RIGHT, VERTICAL_TOP, VERTICAL_STEP = 360, 98, 34, 84, 26
_SHORTEST, _LABEL_EVERY, _VERTICAL_LABEL_EVERY = 18, 120, 22
#: How near two marks of a lane may be before they become one, and the most that a gap adds.
_NEAR, _VERTICAL_GAP_MAX = 20, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened.

    Attributes:
        number: its place in the table below the drawing.
        source: of a lane; ``word``: the source's word that it is part of.
        words: what happened, in one line.
    """

    number: int
    source: str
    at: datetime
    words: str
    word: SourceWord


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMark:
    """One mark: an event, or several of one lane that are near each other.

    Attributes:
        x, y: the centre, in the units of the drawing.
    """

    x: int
    y: int
    events: tuple[TimelineEvent, ...]

    @property
    def name(self) -> str:
        """The number of its event, or the first and the last one."""
        first, last = self.events[0].number, self.events[-1].number
        return str(first) if first == last else f"{first}\N{EN DASH}{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLabel:
    """An instant at its place on the axis."""

    place: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A drawing: lanes by name with their place across the axis, marks, labels of the axis."""

    lanes: tuple[tuple[str, int], ...]
    marks: tuple[TimelineMark, ...]
    labels: tuple[TimeLabel, ...]
    start: int
    width: int
    height: int


def events_of(words: Sequence[SourceWord]) -> list[TimelineEvent]:
    """What happened, by time: a callback is followed by our reply and by its entries."""
    events = [event for word in words for event in _events(word)]
    ordered = sorted(events, key=lambda event: event.at)
    return [replace(event, number=place) for place, event in enumerate(ordered, start=1)]


def horizontal_timeline(events: Sequence[TimelineEvent]) -> Timeline:
    """The axis from left to right, a lane in each line."""
    lanes = {
        name: TOP + LANE_HEIGHT // 2 + index * LANE_HEIGHT
        for index, name in enumerate(_used(events))
    }
    places = positions([event.at for event in events])
    return Timeline(
        lanes=tuple(lanes.items()),
        marks=tuple(
            TimelineMark(x=place, y=lanes[lane], events=near)
            for lane, place, near in _marks(events, places)
        ),
        labels=_labels(events, places, _LABEL_EVERY),
        start=LEFT,
        width=WIDTH,
        height=TOP + len(lanes) * LANE_HEIGHT + 28,
    )


def vertical_timeline(events: Sequence[TimelineEvent]) -> Timeline:
    """The axis from top to bottom, a lane in each column; as long as it has to be."""
    used = _used(events)
    column = (VERTICAL_WIDTH - VERTICAL_LEFT - VERTICAL_RIGHT) // max(len(used), 1)
    lanes = {name: VERTICAL_LEFT + column // 2 + n * column for n, name in enumerate(used)}
    places = vertical_positions([event.at for event in events])
    return Timeline(
        lanes=tuple(lanes.items()),
        marks=tuple(
            TimelineMark(x=lanes[lane], y=place, events=near)
            for lane, place, near in _marks(events, places)
        ),
        labels=_labels(events, places, _VERTICAL_LABEL_EVERY),
        start=VERTICAL_TOP,
        width=VERTICAL_WIDTH,
        height=(places[-1] if places else VERTICAL_TOP) + 20,
    )


def positions(instants: Sequence[datetime]) -> list[int]:
    """Where instants in order stand: each gap is as wide as a mark, and its logarithm more."""
    gaps = _gaps(instants)
    span = WIDTH - LEFT - RIGHT
    shortest = min(_SHORTEST, span / max(len(gaps), 1))
    scale = (span - shortest * len(gaps)) / (sum(gaps) or 1)
    place, places = float(LEFT), []  # not money
    for gap in [*gaps, 0]:
        places.append(round(place))
        place += shortest + gap * scale
    return places if instants else []


def vertical_positions(instants: Sequence[datetime]) -> list[int]:
    """The same from top to bottom, each gap as high as a line and a little more."""
    places = [VERTICAL_TOP + 14]
    for gap in _gaps(instants):
        places.append(places[-1] + VERTICAL_STEP + min(round(gap * 2), _VERTICAL_GAP_MAX))
    return places if instants else []


def _gaps(instants: Sequence[datetime]) -> list[float]:
    return [
        math.log1p((after - before).total_seconds()) for before, after in pairwise(instants)
    ]


def _events(word: SourceWord) -> list[TimelineEvent]:
    first = TimelineEvent(number=0, source=word.source, at=word.at, words=word.words, word=word)
    booking = word.booking
    if booking is None:
        return [first]
    wait_ms = max(round((booking.committed_at - word.at).total_seconds() * 1000), 0)
    reply = f"answered {booking.reply_status} after {wait_ms} ms"
    events = [first, replace(first, source="our reply", at=booking.committed_at, words=reply)]
    if booking.posted_at is not None and booking.entries:
        entries = ", ".join(booking.entries)
        events.append(replace(first, source="entries", at=booking.posted_at, words=entries))
    return events


def _used(events: Sequence[TimelineEvent]) -> list[str]:
    lanes = {_lane(event) for event in events}
    return [name for name, _ in LANES if name in lanes]


def _lane(event: TimelineEvent) -> str:
    return next(name for name, sources in LANES if event.source in sources)


def _marks(
    events: Sequence[TimelineEvent], places: Sequence[int]
) -> list[tuple[str, int, tuple[TimelineEvent, ...]]]:
    """The marks by lane: where each is on the axis, and its events."""
    marks: list[tuple[str, int, tuple[TimelineEvent, ...]]] = []
    last: dict[str, int] = {}
    for event, place in zip(events, places, strict=True):
        lane = _lane(event)
        number = last.get(lane)
        if number is not None and place - marks[number][1] < _NEAR:
            _, first_place, near = marks[number]
            marks[number] = (lane, first_place, (*near, event))
            continue
        last[lane] = len(marks)
        marks.append((lane, place, (event,)))
    return marks


def _labels(
    events: Sequence[TimelineEvent], places: Sequence[int], every: int
) -> tuple[TimeLabel, ...]:
    labels: list[TimeLabel] = []
    for event, place in zip(events, places, strict=True):
        if not labels or place - labels[-1].place >= every:
            labels.append(TimeLabel(place=place, at=event.at))
    return tuple(labels)
