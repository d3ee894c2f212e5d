"""Missing rounds whose ids differ only in spelling become one break that names both."""

import pandas as pd
import pytest

from breaks.kinds import BreakKind
from reconcile.findings.breaks import Break, breaks_from_rows
from reconcile.findings.id_settings import joining_settings
from reconcile.matching.comparison import Comparison
from reconcile.snapshot.rules import BY_ROUND_ID
from tests.unit.reconcile.test_passes import NOW, compared, records

ONE, OTHER = {"name": "ab-1"}, {"name": "AB-1"}


def found(ours: pd.DataFrame, theirs: pd.DataFrame, parts: int = 1) -> list[Break]:
    comparison: Comparison = compared(ours, theirs, rules=BY_ROUND_ID, parts=parts)
    return list(breaks_from_rows(comparison.break_rows, provider="book", exponents={}, now=NOW))


@pytest.mark.parametrize(
    "theirs", ["aB-1", "AB-1 ", "\N{NO-BREAK SPACE}ab-1", "a b-1", "ab\N{ZERO WIDTH SPACE}-1"]
)
def test_rounds_that_differ_by_case_or_blanks_are_one_break_that_names_both(
    theirs: str,
) -> None:
    (break_,) = found(records("o", ONE), records("t", {"name": theirs}))

    assert break_.kind is BreakKind.ID_SPELLING
    assert (break_.round_id, break_.alias, break_.difference) == ("ab-1", theirs, 0)
    assert break_.ours is not None
    assert break_.theirs is not None
    assert break_.explanation.startswith('The ledger has round "ab-1" and book has "')
    assert "both have a stake of 1.00 USD and a payout of 0.00 USD" in break_.explanation
    assert break_.explanation.endswith("; no money is owed.")


def test_the_difference_of_such_rounds_is_theirs_less_ours() -> None:
    (break_,) = found(records("o", ONE), records("t", {**OTHER, "stake": 150, "payout": 75}))

    assert (break_.kind, break_.difference) == (BreakKind.ID_SPELLING, 25)
    assert break_.explanation == (
        'The ledger has round "ab-1" and book has "AB-1", ids that differ only by case or'
        ' blanks; in a statement file, id_case = "lower" would read them as one; besides, the'
        " ledger booked a stake of 1.00 USD and a payout of 0.00 USD, and book reports"
        " 1.50 USD and 0.75 USD; the player is owed 0.25 USD."
    )


@pytest.mark.parametrize("parts", [1, 2, 64])
def test_any_number_of_parts_joins_the_same_rounds_and_conserves_all_rows(parts: int) -> None:
    ours = records("o", *({"name": f"ab-{n}", "s": n} for n in range(40)))
    theirs = records("t", *({"name": f"AB-{n}", "s": n} for n in range(40)))

    comparison = compared(ours, theirs, rules=BY_ROUND_ID, parts=parts)

    assert comparison.breaks["kind"].tolist() == ["id_spelling"] * 40
    assert (comparison.ours.breaks.rows, comparison.theirs.breaks.rows) == (40, 40)
    assert comparison.ours.holds
    assert comparison.theirs.holds


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([ONE], [{"name": "AB-2"}]),
        ([ONE], [{**OTHER, "currency": "EUR"}]),
        ([ONE], [{**OTHER, "player": "bob"}]),
        ([ONE, {"name": "Ab-1"}], [OTHER]),
        ([ONE], [OTHER, {"name": "Ab-1"}]),
    ],
    ids=["another id", "another currency", "another player", "two of ours", "two of theirs"],
)
def test_rounds_that_may_be_others_stay_missing_on_either_side(
    ours: list[dict[str, object]], theirs: list[dict[str, object]]
) -> None:
    kinds = {break_.kind for break_ in found(records("o", *ours), records("t", *theirs))}

    assert kinds == {BreakKind.MISSING_IN_LEDGER, BreakKind.MISSING_AT_PROVIDER}


def test_a_player_whose_name_is_spelled_alike_or_left_out_is_the_same() -> None:
    for player in ("ALICE", " alice", ""):
        (break_,) = found(records("o", ONE), records("t", {**OTHER, "player": player}))
        assert break_.kind is BreakKind.ID_SPELLING


def test_a_round_that_only_one_side_has_twice_is_not_joined() -> None:
    breaks = found(records("o", ONE, OTHER), records("t"))

    assert [break_.kind for break_ in breaks] == [BreakKind.MISSING_AT_PROVIDER] * 2


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ("ab-1", "AB-1", 'in a statement file, id_case = "lower" would read them as one'),
        ("AB-1", "ab-1", 'in a statement file, id_case = "upper" would read them as one'),
        ("ab-1", "ab-1 ", "in a statement file, id_trim = true would read them as one"),
        (
            "ab-1",
            "AB-1 ",
            'in a statement file, id_trim = true and id_case = "lower" would read them as one',
        ),
        (
            "aB-1",
            "Ab-1",
            "neither id_trim nor id_case would read them as one, so ask the provider",
        ),
    ],
)
def test_the_sentence_says_which_settings_read_both_ids_as_one(
    ours: str, theirs: str, sentence: str
) -> None:
    assert joining_settings(ours, theirs) == sentence
