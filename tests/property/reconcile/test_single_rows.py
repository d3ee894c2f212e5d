"""Rounds that only one side has under their id: key rows alone lead to what full rows do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.matching.compare import compare
from reconcile.matching.comparison import Comparison
from reconcile.snapshot.arrays import integers, microseconds, present
from reconcile.snapshot.frames import TIMED_KEYS, Keys, RecordSides, Sides
from reconcile.snapshot.rules import MatchContext, Rules
from tests.unit.reconcile.test_passes import NOW, keys, records
from vocabulary.ids import match_key

#: Round (None: one of its own), player, stake, payout, balance before (0: unknown), seconds,
#: and whether the key row asks for the full row.
Row = tuple[str | None, str, int, int, int, int, bool]

WINDOW_S = (600, 40_000)
_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["shared-1", "shared-2"]),
        st.sampled_from(["alice", "bob"]),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([0, 599, 600, 700]) | st.integers(500, 1_500) | st.just(42_900),
        st.sampled_from([False] * 9 + [True]),
    ),
    max_size=14,
)


@dataclass(slots=True)
class _Reader:
    """Reads the rows of two books in memory, and counts what was read in full."""

    ours: pd.DataFrame
    theirs: pd.DataFrame
    read: list[int] = field(default_factory=list)

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        self.read.extend(keys.tolist())
        ours, theirs = (side[side["match_key"].isin(keys)] for side in (self.ours, self.theirs))
        if not balances:
            ours = ours.assign(balance_before=pd.array([pd.NA] * len(ours), dtype="Int64"))
        return RecordSides.of(ours, theirs)

    def keys_of_both(self, ours: Keys, theirs: Keys) -> Keys:
        return np.union1d(
            np.intersect1d(ours, self.theirs["match_key"].to_numpy()),
            np.intersect1d(theirs, self.ours["match_key"].to_numpy()),
        )

    def round_ids(self, ours: Keys, theirs: Keys) -> Mapping[int, str]:
        asked = {*ours.tolist(), *theirs.tolist()}
        names = pd.concat([self.ours, self.theirs])
        pairs = zip(names["match_key"], names["round_id"], strict=True)
        return {key: name for key, name in pairs if key in asked}

    def player_hashes(self, players: Sequence[str]) -> Keys:
        return np.array([match_key("player", player) for player in players], dtype=np.int64)


def _side(name: str, rows: Sequence[Row]) -> pd.DataFrame:
    """Return full rows; a round of one name is repeated by further occurrences."""
    lines: list[dict[str, object]] = []
    occurrences: dict[str, int] = {}
    for number, (round_id, player, stake, payout, before, seconds, _) in enumerate(rows):
        own = round_id or f"{name}-{number * 7919 % 97}-{number}"
        occurrences[own] = occurrences.get(own, 0) + 1
        lines.append(
            {
                "name": own,
                "occurrence": occurrences[own],
                "player": player,
                "stake": stake,
                "payout": payout,
                "s": seconds,
                "balance_before": before or pd.NA,
                "inside": WINDOW_S[0] <= seconds < WINDOW_S[1],
            }
        )
    return records(name, *lines)


def _timed(side: pd.DataFrame, asks: Sequence[bool]) -> pd.DataFrame:
    asking = side.assign(asks=list(asks))
    inside = asking[asking["inside"]].sort_values("match_key", kind="stable")
    return TIMED_KEYS.check(
        keys(side).assign(
            odd=(inside["occurrence"] > 1).to_numpy(),
            began_us=microseconds(inside["began"]),
            before=integers(inside["balance_before"]),
            has_before=present(inside["balance_before"]),
            in_full=inside["asks"].to_numpy(dtype=bool),
        )
    )


def _compared(
    sides: Sides, books: tuple[pd.DataFrame, pd.DataFrame], *, parts: int, timed: bool
) -> tuple[Comparison, _Reader]:
    reader = _Reader(*books)
    outside = [side["match_key"][~side["inside"]].to_numpy() for side in books]
    comparison = compare(
        sides,
        suspect=np.zeros(0, dtype=np.int64),
        fetch=reader.records,
        context=MatchContext(
            now=NOW, maturity=timedelta(minutes=15), rules=Rules(attributes=True)
        ),
        edge_keys=np.unique(np.concatenate(outside)),
        parts=parts,
        reader=reader if timed else None,
    )
    return comparison, reader


#: One of a kind: equal in everything, twice at once, in another amount, as a group, unsure,
#: across the edge, too recent.
_OURS: list[Row] = [
    (None, "alice", 3, 0, 1, 600, False),
    (None, "alice", 2, 0, 0, 700, False),
    (None, "alice", 2, 0, 0, 700, False),
    (None, "bob", 1, 0, 2, 700, False),
    (None, "bob", 1, 1, 3, 701, False),
    (None, "bob", 2, 2, 1, 599, False),
    ("shared-1", "bob", 3, 2, 0, 800, False),
    (None, "alice", 1, 1, 0, 39_000, False),
]
_THEIRS: list[Row] = [
    (None, "alice", 3, 0, 1, 601, False),
    (None, "alice", 2, 0, 0, 700, True),
    (None, "bob", 2, 1, 2, 700, False),
    (None, "bob", 2, 2, 1, 600, False),
    ("shared-1", "bob", 3, 1, 0, 800, False),
]


@given(ours=_rows, theirs=_rows, parts=st.sampled_from([1, 3]))
@example(ours=_OURS, theirs=_THEIRS, parts=1)
@example(ours=_OURS, theirs=_THEIRS, parts=3)
@settings(max_examples=8, deadline=None)
def test_key_rows_lead_to_what_full_rows_lead_to(
    ours: list[Row], theirs: list[Row], parts: int
) -> None:
    books = _side("o", ours), _side("t", theirs)
    timed = Sides(
        ours=_timed(books[0], [row[-1] for row in ours]),
        theirs=_timed(books[1], [row[-1] for row in theirs]),
    )
    expected, _ = _compared(timed, books, parts=1, timed=False)
    result, _ = _compared(timed, books, parts=parts, timed=True)
    unread = ["balance_before_ours"]  # no break says it
    pd.testing.assert_frame_equal(
        result.breaks.drop(columns=unread), expected.breaks.drop(columns=unread)
    )
    pd.testing.assert_frame_equal(result.residual_rows, expected.residual_rows)
    assert result.edge_rounds == expected.edge_rounds
    assert (result.ours, result.theirs) == (expected.ours, expected.theirs)


def test_rows_that_equal_one_of_the_other_side_are_not_read_in_full() -> None:
    rows: list[Row] = [(None, "alice", 2, n % 3, 1 + n, 700 + n, False) for n in range(9)]
    books = _side("o", rows), _side("t", rows[:-1])
    timed = Sides(ours=_timed(books[0], [False] * 9), theirs=_timed(books[1], [False] * 8))
    comparison, reader = _compared(timed, books, parts=1, timed=True)
    assert comparison.ours.matched.rows == comparison.theirs.matched.rows == 8
    assert reader.read == [books[0]["match_key"].iloc[-1]]
