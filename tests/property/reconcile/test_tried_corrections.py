"""A tried correction shows what a run finds after it was booked, whatever it corrects."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.matching.compare import compare
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, RecordSides, Sides
from reconcile.snapshot.key_ranges import ALL_KEYS, KeyRange
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials.corrected_snapshot import (
    CachingSnapshot,
    CorrectedSnapshot,
    TriedCorrections,
)
from reconcile.trials.trial import break_rows_of
from vocabulary.ids import match_key
from vocabulary.window import Window

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=1), end=NOW)
CONTEXT = MatchContext(now=NOW, maturity=timedelta(hours=1))
#: Round, player, stake, payout, what the round's end declared of both, and whether the round
#: lies in the window.
Row = tuple[str, str, int, int, tuple[int, int] | None, bool]
#: Round, player, and what is added to stake and payout.
Change = tuple[str, str, int, int]

_rounds = st.sampled_from(["r0", "r1", "r2"])
_players = st.sampled_from(["alice", "bob"])
_amounts = st.integers(0, 3)
_declared = st.none() | st.tuples(_amounts, _amounts)
_rows: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(_rounds, _players, _amounts, _amounts, _declared, st.booleans()),
    max_size=4,
    unique_by=lambda row: row[:2],
)
_changes: st.SearchStrategy[Change] = st.tuples(
    _rounds, _players, st.integers(-3, 3), st.integers(-3, 3)
).filter(lambda change: change[2:] != (0, 0))


def _records(rows: Sequence[Row], *, now: Sequence[str] = ()) -> pd.DataFrame:
    """Return RECORDS of one side; the rounds in ``now`` began at the instant of the trial."""
    lines = []
    for round_id, player, stake, payout, declared, inside in rows:
        at = NOW if f"{round_id} {player}" in now else NOW - timedelta(hours=9)
        began = pd.Timestamp(at if inside or at == NOW else at - timedelta(days=2))
        identity = (
            match_key("p", round_id),
            round_id,
            f"{round_id} {player}",
            1,
            player,
            "EUR",
        )
        totals = (pd.NA, pd.NA) if declared is None else declared
        balances = (pd.NA, pd.NA, pd.NA)
        rest = (began, pd.Timestamp(at), False, inside, pd.NA, "")
        lines.append((*identity, stake, payout, False, *balances, *totals, *rest))
    kinds = {
        name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
        for name, kind in RECORDS.columns.items()
    }
    return pd.DataFrame(lines, columns=list(RECORDS.columns)).astype(kinds)


def _keys(records: pd.DataFrame) -> pd.DataFrame:
    inside = records[records["inside"]].sort_values("match_key", kind="stable")
    hashes = [match_key("player", player) for player in inside["player"]]
    columns = {
        "match_key": inside["match_key"],
        "stake": inside["stake"],
        "payout": inside["payout"],
        "currency": pd.Categorical(inside["currency"], categories=["EUR"]),
        "player_hash": np.array(hashes, dtype=np.int64),
        "odd": inside["declared_stake"].notna() | ~inside["inside"],
    }
    return KEYS.check(pd.DataFrame(columns).reset_index(drop=True))


class _Books(Snapshot):
    """Two books in memory."""

    def __init__(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
        self.provider, self.window, self.context = "p", WINDOW, CONTEXT
        self._sides = (ours, theirs)

    def key_rows(self, key_range: KeyRange = ALL_KEYS) -> Sides:
        ours, theirs = map(_keys, self._sides)
        return Sides(ours=ours, theirs=theirs)

    def key_rows_of(self, keys: Keys) -> Sides:
        ours, theirs = (_keys(side[side["match_key"].isin(keys)]) for side in self._sides)
        return Sides(ours=ours, theirs=theirs)

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        return RecordSides.of(*(side[side["match_key"].isin(keys)] for side in self._sides))


def _booked(rows: Sequence[Row], change: Change) -> list[Row]:
    """Book a correction plainly: in the round's row, or in a row of its own."""
    name, (stake, payout) = change[:2], change[2:]
    booked = [_moved(row, stake, payout) if row[:2] == name else row for row in rows]
    return booked if any(row[:2] == name for row in rows) else [*rows, (*change, None, False)]


def _moved(row: Row, stake: int, payout: int) -> Row:
    """Add to a round's amounts; a declared total that was booked moves with them."""
    declared = row[4]
    if declared is not None:
        declared = (
            declared[0] + stake if declared[0] == row[2] else declared[0],
            declared[1] + payout if declared[1] == row[3] else declared[1],
        )
    return (*row[:2], row[2] + stake, row[3] + payout, declared, row[5])


def _compared(books: Snapshot, keys: Keys, sides: Sides | None = None) -> Columns:
    """Compare some rounds of the books in full, and the others that ``sides`` hold."""
    sides = sides or books.key_rows_of(keys)
    comparison = compare(sides, suspect=keys, fetch=books.records, context=CONTEXT)
    return comparison.break_rows


def _breaks(break_rows: Columns) -> list[tuple[str, str, int]]:
    columns = ["round_id", "kind", "difference"]
    return [tuple(row) for row in break_rows.frame()[columns].itertuples(index=False)]


@settings(deadline=None, max_examples=60)
@given(ours=_rows, theirs=_rows, change=_changes)
def test_a_tried_correction_is_compared_as_if_it_were_booked(
    ours: list[Row], theirs: list[Row], change: Change
) -> None:
    round_id, player, stake, payout = change
    keys = np.array([match_key("p", round_id)], dtype=np.int64)
    tried = TriedCorrections(
        round_id=round_id,
        match_key=int(keys[0]),
        player=player,
        currency="EUR",
        began=NOW,
        stake=stake,
        payout=payout,
        amount=payout - stake,
        balance=0,
    )
    is_new = all(row[:2] != (round_id, player) for row in ours)
    books = _Books(_records(ours), _records(theirs))
    after = _Books(
        _records(_booked(ours, change), now=[f"{round_id} {player}"] if is_new else []),
        _records(theirs),
    )

    shared = CachingSnapshot(books)  # as a trial reads: both comparisons share what was read
    before_tried = break_rows_of(shared, keys)
    corrected = CorrectedSnapshot(shared, tried)
    after_tried = break_rows_of(corrected, keys)

    assert _breaks(before_tried) == _breaks(_compared(books, keys))
    assert _breaks(after_tried) == _breaks(_compared(after, keys))
    # As matching by attributes reads it: all key rows of the window, the corrected among them.
    of_window, of_booked = (
        _compared(read, keys, read.key_rows()) for read in (corrected, after)
    )
    assert _breaks(of_window) == _breaks(of_booked)
