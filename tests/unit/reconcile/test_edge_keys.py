"""Which rows are followed beyond the edges of a window, and how far."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.snapshot.edge_keys import SPANS_MAX, TimedRows, find_edge_keys
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from vocabulary.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(start=START, end=START + timedelta(days=1))
BY_CONTENT = Rules(attributes=True)
MINUTE = timedelta(minutes=1)
US = timedelta(microseconds=1)

#: Player, and when the row began.
Row = tuple[int, datetime]


class TimedSource:
    """Rows with their position as key; remembers which spans of time were read."""

    def __init__(self, *rows: Row) -> None:
        self._rows = rows
        self.spans: list[tuple[datetime, datetime]] = []

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        self.spans.append((since, until))
        inside = [
            (key, player, at)
            for key, (player, at) in enumerate(self._rows)
            if since <= at < until
        ]
        keys, players, instants = (
            (list(column) for column in zip(*inside, strict=True)) if inside else [[]] * 3
        )
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return TimedRows(
            match_key=np.array(keys, dtype=np.int64),
            player_currency=np.array(players, dtype=np.int64),
            at_us=np.array([(at - epoch) // US for at in instants], dtype=np.int64),
        )

    def edge_keys(self, rules: Rules = BY_CONTENT) -> list[int]:
        return [int(key) for key in find_edge_keys(self.timed_rows, DAY, rules)]


def test_with_our_round_ids_no_edge_rows_are_read() -> None:
    source = TimedSource((1, START - MINUTE), (1, DAY.end))
    assert source.edge_keys(BY_ROUND_ID) == []
    assert source.edge_keys(Rules(attributes=True, edges=False)) == []
    assert source.spans == []


def test_rows_linked_to_an_edge_without_a_gap_take_part_on_either_side() -> None:
    far = [START - n * 9 * MINUTE for n in (1, 2, 3)] + [
        DAY.end + n * 9 * MINUTE for n in (0, 1)
    ]
    assert TimedSource(*((7, at) for at in far)).edge_keys() == [0, 1, 2, 3, 4]


def test_a_gap_longer_than_within_ends_it_and_one_as_long_does_not() -> None:
    just = START - 10 * MINUTE
    source = TimedSource(
        (1, just), (1, just - 10 * MINUTE), (2, just - US), (3, DAY.end + 10 * MINUTE)
    )
    assert source.edge_keys() == [0, 1, 3]
    after = TimedSource(
        (1, START - MINUTE), (1, START - 11 * MINUTE - US), (1, START - 12 * MINUTE)
    )
    assert after.edge_keys() == [0]


def test_no_player_bridges_the_gap_of_another() -> None:
    source = TimedSource(
        (1, START - 5 * MINUTE), (2, START - 12 * MINUTE), (1, START - 19 * MINUTE)
    )
    assert source.edge_keys() == [0]


def test_rows_of_the_window_are_no_edge_rows() -> None:
    assert TimedSource((1, START), (1, DAY.end - US), (1, DAY.end)).edge_keys() == [2]


def test_reading_ends_where_no_player_continues() -> None:
    source = TimedSource((1, START - MINUTE), (1, START - 70 * MINUTE))
    assert source.edge_keys() == [0]
    assert source.spans == [(START - 60 * MINUTE, START), (DAY.end, DAY.end + 60 * MINUTE)]


def test_a_player_without_pauses_is_followed_for_a_day() -> None:
    source = TimedSource(*((1, START - n * 10 * MINUTE) for n in range(1, 2 * SPANS_MAX)))
    assert len(source.edge_keys()) == SPANS_MAX


@given(rows=st.lists(st.tuples(st.integers(1, 3), st.integers(-130, 130)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_it_is_exactly_whoever_a_chain_of_near_rows_leads_to(
    rows: list[tuple[int, int]],
) -> None:
    timed = [(player, START + minutes * MINUTE) for player, minutes in rows]
    expected = set()
    for number, (player, at) in enumerate(timed):
        between = sorted(t for other, t in timed if other == player and at <= t < START)
        steps = [*between, START]
        near = all(b - a <= 10 * MINUTE for a, b in pairwise(steps))
        if at < START and near:
            expected.add(number)
    assert set(TimedSource(*timed).edge_keys()) == expected
