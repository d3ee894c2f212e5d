"""Who is followed beyond the edges of a window, and how far."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.snapshot.edge_keys import SPANS_MAX, TimedRows, find_edge_keys
from reconcile.snapshot.rules import BY_NAME, Rules
from vocabulary.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(start=START, end=START + timedelta(days=1))
BY_CONTENT = Rules(attributes=True)
MINUTE = timedelta(minutes=1)
US = timedelta(microseconds=1)

#: Who did something, and when.
Row = tuple[int, datetime]


class Told:
    """Rows by their place as key; remembers which spans of time were read."""

    def __init__(self, *rows: Row) -> None:
        self._rows = rows
        self.spans: list[tuple[datetime, datetime]] = []

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        self.spans.append((since, until))
        inside = [(n, who, at) for n, (who, at) in enumerate(self._rows) if since <= at < until]
        keys, who, at = (
            (list(each) for each in zip(*inside, strict=True)) if inside else [[]] * 3
        )
        zero = datetime(1970, 1, 1, tzinfo=UTC)
        return TimedRows(
            match_key=np.array(keys, dtype=np.int64),
            player_currency=np.array(who, dtype=np.int64),
            at_us=np.array([(each - zero) // US for each in at], dtype=np.int64),
        )

    def margin(self, rules: Rules = BY_CONTENT) -> list[int]:
        return [int(key) for key in find_edge_keys(self.timed_rows, DAY, rules)]


def test_where_names_tie_nobody_is_looked_for_beyond_the_window() -> None:
    told = Told((1, START - MINUTE), (1, DAY.end))
    assert told.margin(BY_NAME) == []
    assert told.margin(Rules(attributes=True, edges=False)) == []
    assert told.spans == []


def test_rows_that_no_pause_parts_from_the_edge_take_part_on_either_side() -> None:
    far = [START - n * 9 * MINUTE for n in (1, 2, 3)] + [
        DAY.end + n * 9 * MINUTE for n in (0, 1)
    ]
    assert Told(*((7, at) for at in far)).margin() == [0, 1, 2, 3, 4]


def test_a_pause_longer_than_rows_may_be_apart_ends_it_and_one_as_long_does_not() -> None:
    just = START - 10 * MINUTE
    told = Told((1, just), (1, just - 10 * MINUTE), (2, just - US), (3, DAY.end + 10 * MINUTE))
    assert told.margin() == [0, 1, 3]
    after = Told((1, START - MINUTE), (1, START - 11 * MINUTE - US), (1, START - 12 * MINUTE))
    assert after.margin() == [0]


def test_nobody_bridges_anothers_pause() -> None:
    told = Told((1, START - 5 * MINUTE), (2, START - 12 * MINUTE), (1, START - 19 * MINUTE))
    assert told.margin() == [0]


def test_rows_of_the_window_are_not_beyond_it() -> None:
    assert Told((1, START), (1, DAY.end - US), (1, DAY.end)).margin() == [2]


def test_reading_ends_where_nobody_goes_on() -> None:
    told = Told((1, START - MINUTE), (1, START - 70 * MINUTE))
    assert told.margin() == [0]
    assert told.spans == [(START - 60 * MINUTE, START), (DAY.end, DAY.end + 60 * MINUTE)]


def test_who_never_pauses_is_followed_for_a_day() -> None:
    told = Told(*((1, START - n * 10 * MINUTE) for n in range(1, 2 * SPANS_MAX)))
    assert len(told.margin()) == SPANS_MAX


@given(rows=st.lists(st.tuples(st.integers(1, 3), st.integers(-130, 130)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_it_is_exactly_whoever_a_chain_of_near_rows_leads_to(
    rows: list[tuple[int, int]],
) -> None:
    told = [(who, START + minutes * MINUTE) for who, minutes in rows]
    expected = set()
    for number, (who, at) in enumerate(told):
        between = sorted(when for one, when in told if one == who and at <= when < START)
        steps = [*between, START]
        near = all(b - a <= 10 * MINUTE for a, b in pairwise(steps))
        if at < START and near:
            expected.add(number)
    assert set(Told(*told).margin()) == expected
