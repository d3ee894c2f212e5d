"""Whatever two books hold: no row is lost, order changes nothing, and sides are symmetric."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.matching.compare import compare
from reconcile.matching.comparison import Comparison
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, RecordSides, Sides
from reconcile.snapshot.rules import MatchContext
from vocabulary.ids import match_key

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MATURITY = timedelta(hours=1)
#: Kinds that change sides when the books do.
MIRRORED = {
    "missing_in_ledger": "missing_at_provider",
    "missing_at_provider": "missing_in_ledger",
    "duplicate_in_ledger": "duplicate_at_provider",
    "duplicate_at_provider": "duplicate_in_ledger",
}

Row = tuple[str, str, str, int, int, bool, int]

_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.sampled_from([f"r{n}" for n in range(8)]),
        st.sampled_from(["USD", "EUR"]),
        st.sampled_from(["alice", "bob"]),
        st.integers(0, 10**17),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 180),
    ),
    max_size=10,
)


def _records(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the records of one side; a repeated round and currency is a further occurrence."""
    occurrences: dict[tuple[str, str], int] = {}
    lines = []
    for round_id, currency, player, stake, payout, inside, age in rows:
        occurrence = occurrences[round_id, currency] = (
            occurrences.get((round_id, currency), 0) + 1
        )
        at = pd.Timestamp(NOW - timedelta(minutes=age))
        none = (pd.NA, pd.NA, pd.NA)
        identity = (match_key("p", round_id), round_id, round_id, occurrence, player, currency)
        other_columns = (*none, pd.NA, pd.NA, at, at, False, inside, pd.NA, "")
        lines.append((*identity, stake, payout, False, *other_columns))
    kinds = {
        name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
        for name, kind in RECORDS.columns.items()
    }
    return pd.DataFrame(lines, columns=list(RECORDS.columns)).astype(kinds)


def _keys(records: pd.DataFrame) -> pd.DataFrame:
    """Return the key rows of the window, ordered by key."""
    inside = records[records["inside"]].sort_values("match_key", kind="stable")
    hashes = [match_key("player", player) for player in inside["player"]]
    frame = pd.DataFrame(
        {
            "match_key": inside["match_key"],
            "stake": inside["stake"],
            "payout": inside["payout"],
            "currency": pd.Categorical(inside["currency"], categories=["EUR", "USD"]),
            "player_hash": np.array(hashes, dtype=np.int64),
            "odd": inside["occurrence"] > 1,
        }
    )
    return KEYS.check(frame.reset_index(drop=True))


def _compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> Comparison:
    def fetch(keys: Keys) -> RecordSides:
        return RecordSides.of(*(side[side["match_key"].isin(keys)] for side in (ours, theirs)))

    outside = [side["match_key"][~side["inside"]].to_numpy() for side in (ours, theirs)]
    return compare(
        Sides(ours=_keys(ours), theirs=_keys(theirs)),
        suspect=np.unique(np.concatenate(outside)),
        fetch=fetch,
        context=MatchContext(now=NOW, maturity=MATURITY),
    )


def _found(comparison: Comparison) -> list[tuple[str, str, str, int]]:
    columns = ["round_id", "currency", "kind", "difference"]
    return [tuple(row) for row in comparison.breaks[columns].itertuples(index=False)]


@given(ours=_rows, theirs=_rows)
@settings(max_examples=8, deadline=None)
def test_every_row_of_either_side_ends_in_one_bucket(
    ours: list[Row], theirs: list[Row]
) -> None:
    result = _compare(_records(ours), _records(theirs))
    assert result.ours.holds
    assert result.theirs.holds


@given(ours=_rows, theirs=_rows, data=st.data())
@settings(max_examples=8, deadline=None)
def test_the_order_of_the_rows_changes_nothing(
    ours: list[Row], theirs: list[Row], data: st.DataObject
) -> None:
    our_side, their_side = _records(ours), _records(theirs)
    expected = _compare(our_side, their_side)
    shuffled = _compare(
        our_side.iloc[data.draw(st.permutations(range(len(our_side))))].reset_index(drop=True),
        their_side.iloc[data.draw(st.permutations(range(len(their_side))))].reset_index(
            drop=True
        ),
    )
    pd.testing.assert_frame_equal(shuffled.breaks, expected.breaks)
    assert (shuffled.ours, shuffled.theirs) == (expected.ours, expected.theirs)


@given(ours=_rows, theirs=_rows)
@settings(max_examples=8, deadline=None)
def test_swapping_the_sides_mirrors_every_difference(
    ours: list[Row], theirs: list[Row]
) -> None:
    our_side, their_side = _records(ours), _records(theirs)
    mirrored = [
        (round_id, currency, MIRRORED.get(kind, kind), -difference)
        for round_id, currency, kind, difference in _found(_compare(our_side, their_side))
    ]
    assert sorted(mirrored) == sorted(_found(_compare(their_side, our_side)))


@given(rows=_rows)
@settings(max_examples=5, deadline=None)
def test_a_book_agrees_with_itself_except_for_repeated_lines(rows: list[Row]) -> None:
    records = _records(rows)
    kinds = {kind for _, _, kind, _ in _found(_compare(records, records))}
    assert kinds <= {"duplicate_at_provider", "duplicate_in_ledger", "player_mismatch"}


@given(ours=_rows, theirs=_rows)
@settings(max_examples=8, deadline=None)
def test_differences_explain_exactly_what_the_broken_rows_differ_by(
    ours: list[Row], theirs: list[Row]
) -> None:
    result = _compare(_records(ours), _records(theirs))
    explained: dict[str, int] = {}
    for _, currency, _, difference in _found(result):
        explained[currency] = explained.get(currency, 0) + difference
    between = result.theirs.breaks - result.ours.breaks
    real = {currency: payout - stake for currency, stake, payout in between.totals}
    assert {c: d for c, d in explained.items() if d} == {c: d for c, d in real.items() if d}
