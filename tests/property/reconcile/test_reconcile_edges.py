"""Two adjacent windows report together what one over both reports, without our round ids."""

from collections.abc import Sequence

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.matching.comparison import Comparison
from tests.unit.reconcile.test_passes import breaks_of, compared, records

#: Player, stake, payout, balance before, seconds.
Row = tuple[str, int, int, int, int]
ReportedBreak = tuple[str, str, int]

#: Where the windows meet, in seconds.
EDGE = 600
_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob"]),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 2 * EDGE),
    ),
    max_size=9,
)


def _side(name: str, rows: Sequence[Row], *, since: int, until: int) -> pd.DataFrame:
    columns = [
        {"player": player, "stake": stake, "payout": payout, "balance_before": before or pd.NA}
        | {"s": s, "inside": since <= s < until}
        for player, stake, payout, before, s in rows
    ]
    return records(name, *columns)


def _compared(
    ours: Sequence[Row], theirs: Sequence[Row], since: int, until: int, parts: int = 1
) -> Comparison:
    sides = [
        _side(name, rows, since=since, until=until)
        for name, rows in (("o", ours), ("t", theirs))
    ]
    return compared(sides[0], sides[1], parts=parts)


#: A pair across the edge with another amount, a rival of it, a group across the edge, one
#: missing.
_OURS: list[Row] = [
    ("alice", 3, 0, 1, 599),
    ("alice", 2, 2, 0, 597),
    ("alice", 2, 2, 0, 601),
    ("bob", 1, 0, 2, 599),
    ("bob", 1, 1, 3, 600),
    ("bob", 3, 2, 0, 20),
]
_THEIRS: list[Row] = [
    ("alice", 3, 1, 1, 600),
    ("alice", 2, 2, 0, 600),
    ("bob", 2, 1, 2, 601),
    ("bob", 3, 0, 0, 1_190),
]


@given(ours=_rows, theirs=_rows)
@example(ours=_OURS, theirs=_THEIRS)
@settings(max_examples=12, deadline=None)
def test_two_adjacent_windows_report_what_one_over_both_reports(
    ours: list[Row], theirs: list[Row]
) -> None:
    over_both = _compared(ours, theirs, 0, 3 * EDGE)
    first, second = _compared(ours, theirs, 0, EDGE), _compared(ours, theirs, EDGE, 3 * EDGE)
    halves = breaks_of(first) + breaks_of(second)
    assert set(halves) == set(breaks_of(over_both))
    in_both = {break_ for break_ in halves if halves.count(break_) == 2}
    one_sided = {b for b in halves if b[1].startswith(("missing", "ambiguous"))}
    assert not in_both & one_sided
    assert first.ours.source + second.ours.source == over_both.ours.source
    assert first.theirs.source + second.theirs.source == over_both.theirs.source


@given(ours=_rows, theirs=_rows, seed=st.integers(0, 2**32 - 1))
@example(ours=_OURS, theirs=_THEIRS, seed=7)
@settings(max_examples=3, deadline=None)
def test_neither_order_nor_parts_change_what_is_matched_across_an_edge(
    ours: list[Row], theirs: list[Row], seed: int
) -> None:
    expected = _compared(ours, theirs, 0, EDGE)
    sides = [
        _side(name, rows, since=0, until=EDGE).sample(frac=1, random_state=seed)
        for name, rows in (("o", ours), ("t", theirs))
    ]
    for parts in (1, 7, 64):
        result = compared(*(side.reset_index(drop=True) for side in sides), parts=parts)
        assert (result.ours, result.theirs) == (expected.ours, expected.theirs)
        assert result.edge_rounds == expected.edge_rounds
        for before, after in ((expected.breaks, result.breaks), (expected.tied, result.tied)):
            pd.testing.assert_frame_equal(after, before)


def test_the_rows_of_the_example_are_reported_as_intended() -> None:
    assert breaks_of(_compared(_OURS, _THEIRS, 0, EDGE)) == [
        ("o-0", "payout_mismatch", 1),
        ("o-1", "ambiguous_match", 0),
        ("o-5", "missing_at_provider", 1),
    ]
    assert breaks_of(_compared(_OURS, _THEIRS, EDGE, 3 * EDGE)) == [
        ("o-0", "payout_mismatch", 1),
        ("t-3", "missing_in_ledger", -3),
    ]
