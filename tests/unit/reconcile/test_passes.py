"""Rows without our round ids: matched by their contents, left ambiguous, or left unmatched."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from reconcile.matching.compare import compare
from reconcile.matching.comparison import Comparison
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, RecordSides, Sides
from reconcile.snapshot.rules import MatchContext, Rules
from vocabulary.ids import match_key

NOW = datetime(2026, 3, 2, tzinfo=UTC)
THEN = NOW - timedelta(hours=12)
TIED = Rules(attributes=True)


def records(side: str, *rows: Mapping[str, object]) -> pd.DataFrame:
    """Return a RECORDS frame; rounds of theirs have ids of their own. ``s`` is seconds."""
    lines = []
    for number, row in enumerate(rows):
        name = str(row.get("name", f"{side}-{number}"))
        at = pd.Timestamp(THEN + timedelta(seconds=int(str(row.get("s", 0)))))
        defaults: dict[str, object] = {
            **dict.fromkeys(RECORDS.columns, pd.NA),
            "match_key": match_key("p", name),
            "round_id": name,
            "record_id": name,
            "occurrence": 1,
            "player": "alice",
            "currency": "USD",
            "stake": 100,
            "payout": 0,
            "rolled_back": False,
            "began": at,
            "at": at,
            "overdue": False,
            "inside": True,
        }
        values = {key: value for key, value in row.items() if key not in {"name", "s"}}
        lines.append({**defaults, **values})
    kinds = {
        name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
        for name, kind in RECORDS.columns.items()
    }
    return pd.DataFrame(lines, columns=list(RECORDS.columns)).astype(kinds)


def keys(side: pd.DataFrame) -> pd.DataFrame:
    """Return the key rows of the window, ordered by key."""
    inside = side[side["inside"]].sort_values("match_key", kind="stable")
    hashes = [match_key("player", player) for player in inside["player"]]
    frame = pd.DataFrame(
        {
            "match_key": inside["match_key"],
            "stake": inside["stake"],
            "payout": inside["payout"],
            "currency": pd.Categorical(inside["currency"], categories=["EUR", "USD"]),
            "player_hash": np.array(hashes, dtype=np.int64),
            "odd": np.zeros(len(inside), dtype=bool),
        }
    )
    return KEYS.check(frame.reset_index(drop=True))


def compared(
    ours: pd.DataFrame, theirs: pd.DataFrame, *, rules: Rules = TIED, parts: int = 1
) -> Comparison:
    def fetch(wanted: Keys) -> RecordSides:
        return RecordSides.of(
            *(side[side["match_key"].isin(wanted)] for side in (ours, theirs))
        )

    return compare(
        Sides(ours=keys(ours), theirs=keys(theirs)),
        suspect=np.zeros(0, dtype=np.int64),
        fetch=fetch,
        context=MatchContext(now=NOW, maturity=timedelta(minutes=15), rules=rules),
        edge_keys=np.unique([*_edge_keys(ours), *_edge_keys(theirs)])
        if rules.attributes
        else NO_KEYS,
        parts=parts,
    )


def _edge_keys(side: pd.DataFrame) -> Keys:
    keys: Keys = side["match_key"][~side["inside"]].to_numpy()
    return keys


def breaks_of(comparison: Comparison) -> list[tuple[str, str, int]]:
    columns = ["round_id", "kind", "difference"]
    return [tuple(row) for row in comparison.breaks[columns].itertuples(index=False)]


def test_a_history_without_our_round_ids_ties_out_by_attributes() -> None:
    ours = records("o", {"balance_before": 900}, {"balance_before": 800, "s": 1})
    theirs = records("t", {"balance_before": 800, "s": 2}, {"balance_before": 900, "s": 1})
    result = compared(ours, theirs)
    assert breaks_of(result) == []
    ties = zip(result.tied["round_id"], result.tied["alias"], result.tied["tie"], strict=True)
    assert list(ties) == [("o-0", "t-1", "balances"), ("o-1", "t-0", "balances")]


def test_with_our_round_ids_nothing_is_matched_by_attributes() -> None:
    result = compared(records("o", {}), records("t", {}), rules=Rules())
    assert breaks_of(result) == [
        ("o-0", "missing_at_provider", 100),
        ("t-0", "missing_in_ledger", -100),
    ]


def test_another_amount_at_the_same_place_of_the_chain_is_the_same_round() -> None:
    ours = records("o", {"balance_before": 900, "payout": 50})
    theirs = records("t", {"balance_before": 900, "payout": 80})
    assert breaks_of(compared(ours, theirs)) == [("o-0", "payout_mismatch", 30)]


def test_a_stranger_at_the_same_time_is_not_tied() -> None:
    result = compared(records("o", {}), records("t", {"player": "bob"}))
    assert [kind for _, kind, _ in breaks_of(result)] == [
        "missing_at_provider",
        "missing_in_ledger",
    ]


def test_rows_too_far_apart_in_time_are_not_tied() -> None:
    late = 1 + int(TIED.within.total_seconds())
    result = compared(records("o", {}), records("t", {"s": late}))
    assert len(breaks_of(result)) == 2


def test_one_too_many_among_equals_is_ambiguous_and_its_money_is_certain() -> None:
    ours = records("o", {"s": 0}, {"s": 1}, {"s": 2})
    theirs = records("t", {"s": 0}, {"s": 1})
    ((_, kind, difference),) = breaks_of(compared(ours, theirs))
    assert (kind, difference) == ("ambiguous_match", 100)


def test_balances_show_which_of_equals_is_missing() -> None:
    ours = records(
        "o", {"balance_before": 900}, {"balance_before": 800}, {"balance_before": 700}
    )
    theirs = records("t", {"balance_before": 900}, {"balance_before": 700})
    assert breaks_of(compared(ours, theirs)) == [("o-1", "missing_at_provider", 100)]


def test_one_line_stands_for_several_rounds_that_add_up_to_it() -> None:
    ours = records("o", {"stake": 30}, {"stake": 50, "payout": 10, "s": 1}, {"s": 400})
    theirs = records("t", {"stake": 80, "payout": 10, "s": 1})
    result = compared(ours, theirs)
    assert breaks_of(result) == [("o-2", "missing_at_provider", 100)]
    assert (result.ours.matched.rows, result.theirs.matched.rows) == (2, 1)


def test_one_round_stands_for_several_lines_that_add_up_to_it() -> None:
    ours = records("o", {"stake": 80, "payout": 10})
    theirs = records("t", {"stake": 30}, {"stake": 50, "payout": 10, "s": 1})
    assert breaks_of(compared(ours, theirs)) == []


def test_a_run_that_two_lines_could_claim_is_left_alone() -> None:
    ours = records("o", {"stake": 30}, {"stake": 50, "s": 1}, {"stake": 30, "s": 2})
    theirs = records("t", {"stake": 80, "s": 1})
    assert len(breaks_of(compared(ours, theirs))) == 4


def test_a_tolerance_accepts_and_sums_small_differences() -> None:
    ours = records("o", {"name": "r1"}, {"name": "r2"}, {"name": "r3"})
    theirs = records(
        "t",
        {"name": "r1", "stake": 99},
        {"name": "r2", "payout": 1},
        {"name": "r3", "payout": 2},
    )
    assert len(breaks_of(compared(ours, theirs, rules=Rules()))) == 3
    result = compared(ours, theirs, rules=Rules(tolerance={"USD": 1}))
    assert breaks_of(result) == [("r3", "payout_mismatch", 2)]
    assert result.residuals == {"USD": 2}
    assert result.ours.holds
    assert result.theirs.holds


def test_a_counterpart_outside_the_window_is_matched_and_counts_as_outside() -> None:
    ours = records("o", {}, {"s": 5, "stake": 70})
    theirs = records("t", {"s": 1, "inside": False}, {"s": 6, "stake": 70})
    result = compared(ours, theirs)
    assert breaks_of(result) == []
    assert (result.theirs.source.rows, result.theirs.outside.rows) == (1, 1)
    assert (result.ours.matched, result.theirs.matched) == (result.ours.source,) * 2
    assert result.edge_rounds == ("o-0", "t-0")


def test_edge_rows_matched_among_themselves_are_no_rows_of_the_window() -> None:
    ours = records("o", {}, {"s": 5, "inside": False}, {"s": 9, "stake": 3, "inside": False})
    theirs = records("t", {"s": 1}, {"s": 6, "inside": False})
    result = compared(ours, theirs)
    assert breaks_of(result) == []
    assert (result.ours.compared.rows, result.theirs.compared.rows) == (1, 1)
    assert (result.ours.edge.rows, result.theirs.edge.rows) == (2, 1)


def test_a_rival_outside_the_window_takes_the_counterpart_and_leaves_doubt() -> None:
    ours = records("o", {"s": 3}, {"inside": False})
    theirs = records("t", {"s": 1, "inside": False})
    assert breaks_of(compared(ours, theirs)) == [("o-0", "ambiguous_match", 100)]


def test_rounds_of_both_days_that_one_line_stands_for_are_one_group() -> None:
    ours = records("o", {"stake": 10}, {"s": 1, "stake": 20, "inside": False})
    theirs = records("t", {"s": 1, "stake": 30, "inside": False})
    result = compared(ours, theirs)
    assert breaks_of(result) == []
    assert (result.ours.outside.rows, result.theirs.outside.rows) == (1, 1)


def test_an_edge_row_matched_by_round_id_is_nobodys_counterpart() -> None:
    ours = records("o", {"name": "r1"}, {"name": "r2", "s": 1, "inside": False})
    theirs = records("t", {"name": "r2", "s": 1, "inside": False})
    assert breaks_of(compared(ours, theirs)) == [("r1", "missing_at_provider", 100)]
