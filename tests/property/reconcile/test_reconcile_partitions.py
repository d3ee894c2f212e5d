"""However the rows are ordered and the parts are split, the result is the same."""

import json
from collections.abc import Sequence

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.matching.comparison import Comparison
from reconcile.matching.conservation import tally_json
from tests.unit.reconcile.test_passes import compared, records

Row = tuple[str, int, int, int, int]

_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol"]),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(0, 4),
        st.integers(0, 900),
    ),
    max_size=8,
)


def _side(name: str, rows: Sequence[Row]) -> pd.DataFrame:
    columns = [
        {"player": player, "stake": stake, "payout": payout, "balance_before": before, "s": s}
        for player, stake, payout, before, s in rows
    ]
    return records(name, *columns)


def _text(result: Comparison) -> str:
    """Return the whole result of a comparison as text."""
    proofs = [
        [
            tally_json(getattr(proof, name))
            for name in ("compared", "matched", "timing", "breaks")
        ]
        for proof in (result.ours, result.theirs)
    ]
    names = [str(proof.identity) for proof in (result.ours, result.theirs)]
    frames = [frame.to_csv() for frame in (result.breaks, result.tied)]
    return json.dumps([proofs, names, frames, dict(result.residuals)])


#: Matched by balances, by place, as a group and by attributes; ambiguous; missing on either
#: side.
_OURS: list[Row] = [
    ("alice", 3, 0, 4, 0),
    ("alice", 2, 1, 9, 30),
    ("bob", 1, 0, 7, 5),
    ("bob", 2, 2, 7, 6),
    ("carol", 1, 1, 0, 100),
    ("carol", 1, 1, 0, 101),
    ("carol", 3, 2, 1, 800),
]
_THEIRS: list[Row] = [
    ("alice", 3, 0, 4, 1),
    ("alice", 2, 2, 9, 31),
    ("bob", 3, 2, 7, 5),
    ("carol", 1, 1, 0, 100),
    ("carol", 2, 2, 5, 3),
]


@given(ours=_rows, theirs=_rows, seed=st.integers(0, 2**32 - 1))
@example(ours=_OURS, theirs=_THEIRS, seed=7)
@settings(max_examples=4, deadline=None)
def test_neither_order_nor_parts_change_a_byte(
    ours: list[Row], theirs: list[Row], seed: int
) -> None:
    our_side, their_side = _side("o", ours), _side("t", theirs)
    expected = compared(our_side, their_side)
    assert expected.ours.holds
    assert expected.theirs.holds
    shuffled = [
        side.sample(frac=1, random_state=seed).reset_index(drop=True)
        for side in (our_side, their_side)
    ]
    for parts in (1, 7, 64):
        assert _text(compared(*shuffled, parts=parts)) == _text(expected)


@given(rows=_rows, data=st.data())
@settings(max_examples=6, deadline=None)
def test_a_complete_history_without_our_round_ids_ties_out(
    rows: list[Row], data: st.DataObject
) -> None:
    their_rows = data.draw(st.permutations(rows))
    result = compared(_side("o", rows), _side("t", their_rows))
    assert len(result.breaks) == 0
    assert result.ours.matched.rows == result.theirs.matched.rows == len(rows)
