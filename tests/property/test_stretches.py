"""However rows lie in time, each is read once, and too many are noticed."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.key_rows import PIECE, Cut, rows_of
from reconcile.stretches import read_up_to
from reconcile.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
#: What a stretch holds at most, unless rows of one instant cannot be told apart.
MOST = 4 * PIECE

spans = st.integers(1, 10**11)
#: Where in the window rows lie, and how many there.
heaps = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 3 * MOST)), max_size=8
)


class Rows:
    """Rows at instants, in microseconds since the start; told as cuts of their places."""

    def __init__(self, told: list[tuple[int, int]]) -> None:
        at = [np.full(many, instant, dtype=np.int64) for instant, many in told]
        self.at = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *at]))
        self.longest = 0

    def ask(self, start: datetime, end: datetime, at_most: int) -> list[Cut]:
        first, last = (
            int(np.searchsorted(self.at, (each - START) // timedelta(microseconds=1)))
            for each in (start, end)
        )
        last = min(last, first + at_most)
        self.longest = max(self.longest, last - first)
        return [[{"match_key": np.arange(first, last)}]]


def places(pieces: list[Cut]) -> np.ndarray:
    return np.concatenate(
        [
            np.empty(0, dtype=np.int64),
            *(part["match_key"] for piece in pieces for part in piece),
        ]
    )


@settings(max_examples=200, deadline=None)
@given(span=spans, told=heaps, spare=st.integers(0, 10), slow=st.booleans())
def test_each_row_is_read_once_in_the_order_of_time(
    span: int, told: list[tuple[float, int]], spare: int, *, slow: bool
) -> None:
    rows = Rows([(int(where * span), many) for where, many in told])
    window = Window(start=START, end=START + timedelta(microseconds=span))
    ticks = iter(range(10**9))
    pieces = read_up_to(
        rows.ask, window, len(rows.at) + spare, clock=lambda: next(ticks) * slow * 10**12
    )
    assert pieces is not None
    assert np.array_equal(places(pieces), np.arange(len(rows.at)))


@settings(max_examples=100, deadline=None)
@given(span=spans, told=heaps.filter(bool), lacking=st.integers(1, 10))
def test_a_window_with_more_rows_is_not_read_to_its_end(
    span: int, told: list[tuple[float, int]], lacking: int
) -> None:
    rows = Rows([(int(where * span), many) for where, many in told])
    window = Window(start=START, end=START + timedelta(microseconds=span))
    allowed = max(len(rows.at) - lacking, 0)
    assert read_up_to(rows.ask, window, allowed, clock=lambda: 0) is None
    assert rows.longest <= allowed + 1


def test_no_answer_is_long_where_time_tells_rows_apart() -> None:
    rows = Rows([(instant, 100) for instant in range(0, 86_400_000_000, 6_000_000)])
    window = Window(start=START, end=START + timedelta(days=30))
    pieces = read_up_to(rows.ask, window, len(rows.at), clock=lambda: 0)
    assert pieces is not None
    assert rows_of(pieces) == len(rows.at) == 1_440_000
    assert rows.longest <= MOST + 1


def test_where_time_is_not_the_order_of_rows_the_rest_is_read_at_once() -> None:
    rows = Rows([(instant, 100) for instant in range(0, 86_400_000_000, 6_000_000)])
    window = Window(start=START, end=START + timedelta(days=1))
    ticks, asked = iter(range(10**9)), []

    def ask(start: datetime, end: datetime, at_most: int) -> list[Cut]:
        asked.append((start, end))
        return rows.ask(start, end, at_most)

    pieces = read_up_to(ask, window, len(rows.at), clock=lambda: next(ticks) * 10**12)
    assert pieces is not None
    assert rows_of(pieces) == len(rows.at)
    assert len(asked) == 2
    assert asked[1][1] == window.end
