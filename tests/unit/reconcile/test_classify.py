"""Verdicts on hand-made rows: each kind of break, its sign, and who is owed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from breaks.kinds import BY_ROUND, BreakKind, Impact, impact_of
from reconcile.findings.breaks import break_id, breaks_from_rows
from reconcile.matching.classify import Classified, classify
from reconcile.matching.rounds import fold, pair
from reconcile.snapshot.frames import RECORDS, FrameWrong
from reconcile.snapshot.rules import MatchContext
from vocabulary.maturity import MaturityAges

NOW = datetime(2026, 3, 2, tzinfo=UTC)
THEN = NOW - timedelta(hours=12)


def _records(*rows: Mapping[str, object]) -> pd.DataFrame:
    """A RECORDS frame; each row says only what matters to its test."""
    usual: dict[str, object] = {
        "match_key": 1,
        "round_id": "r1",
        "record_id": "r1",
        "occurrence": 1,
        "player": "alice",
        "currency": "USD",
        "stake": 100,
        "payout": 0,
        "rolled_back": False,
        "declared_net": pd.NA,
        "balance_before": pd.NA,
        "balance_after": pd.NA,
        "declared_stake": pd.NA,
        "declared_payout": pd.NA,
        "began": pd.Timestamp(THEN),
        "at": pd.Timestamp(THEN),
        "overdue": False,
        "inside": True,
    }
    kinds = {
        name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
        for name, kind in RECORDS.columns.items()
    }
    frame = pd.DataFrame([{**usual, **row} for row in rows], columns=list(RECORDS.columns))
    return RECORDS.check(frame.astype(kinds))


def _joined(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


def _classify(ours: pd.DataFrame, theirs: pd.DataFrame) -> Classified:
    together = pair(fold(ours), fold(theirs))
    return classify(together, MatchContext(now=NOW, maturity=timedelta(minutes=15)))


def _breaks(classified: Classified) -> list[tuple[str, int]]:
    return list(zip(classified.breaks["kind"], classified.breaks["difference"], strict=True))


def test_equal_rounds_match() -> None:
    classified = _classify(_records({}), _records({}))
    assert _breaks(classified) == []
    assert list(classified.as_frame()["bucket"]) == ["matched"]


def test_a_round_twice_in_the_ledger_is_owed_back_to_the_player() -> None:
    classified = _classify(_records({}, {"occurrence": 2}), _records({}))
    assert _breaks(classified) == [("duplicate_in_ledger", 100)]


def test_three_lines_under_one_id_are_one_break_over_both_extras() -> None:
    lines = [{"occurrence": n, "payout": 30} for n in (1, 2, 3)]
    classified = _classify(_records({"payout": 30}), _records(*lines))
    assert _breaks(classified) == [("duplicate_at_provider", -140)]


def test_a_duplicate_does_not_hide_a_wrong_amount() -> None:
    lines = [{"occurrence": n, "stake": 130} for n in (1, 2)]
    classified = _classify(_records({}), _records(*lines))
    assert _breaks(classified) == [("duplicate_at_provider", -130), ("stake_mismatch", -30)]


def test_differences_add_up_to_what_the_sides_differ_by() -> None:
    lines = [{"occurrence": n, "stake": 130, "payout": 5} for n in (1, 2)]
    classified = _classify(_records({}), _records(*lines))
    assert classified.breaks["difference"].sum() == 2 * (5 - 130) - (0 - 100)


def test_a_rolled_back_line_takes_its_whole_round_back() -> None:
    undo = {"record_id": "undo", "rolled_back": True, "stake": 0}
    classified = _classify(_records({"stake": 0}), _records({}, undo))
    assert _breaks(classified) == []


def test_a_rolled_back_line_may_contradict_the_balances() -> None:
    line = {"rolled_back": True, "balance_before": 500, "balance_after": 500}
    assert _breaks(_classify(_records({"stake": 0}), _records(line))) == []


@pytest.mark.parametrize(
    ("before", "after", "net", "wrong"),
    [
        (500, 400, -100, False),
        (500, 400, -99, True),
        (500, 401, -100, True),
        (500, 401, None, True),
        (None, 400, -100, False),
        (500, None, None, False),
    ],
)
def test_a_line_is_judged_by_whatever_sums_it_gives(
    before: int | None, after: int | None, net: int | None, wrong: bool
) -> None:
    line = {
        "balance_before": pd.NA if before is None else before,
        "balance_after": pd.NA if after is None else after,
        "declared_net": pd.NA if net is None else net,
    }
    classified = _classify(_records({}), _records(line))
    assert _breaks(classified) == ([("arithmetic_error", 0)] if wrong else [])


def test_a_record_for_two_players_is_a_player_mismatch() -> None:
    lines = [{"record_id": "a", "stake": 50}, {"record_id": "b", "stake": 50, "player": "bob"}]
    assert _breaks(_classify(_records({}), _records(*lines))) == [("player_mismatch", 0)]


def test_a_third_currency_is_a_break_in_every_currency_it_touches() -> None:
    lines = [{"currency": "EUR"}, {"currency": "JPY", "record_id": "j"}]
    classified = _classify(_records({}), _records(*lines))
    breaks = dict(
        zip(classified.breaks["currency"], classified.breaks["difference"], strict=True)
    )
    assert set(classified.breaks["kind"]) == {"currency_mismatch"}
    assert breaks == {"EUR": -100, "JPY": -100, "USD": 100}


@pytest.mark.parametrize(("seconds", "bucket"), [(-1, "timing"), (0, "break"), (1, "break")])
def test_timing_ends_exactly_at_the_maturity(seconds: int, bucket: str) -> None:
    at = pd.Timestamp(NOW - timedelta(minutes=15, seconds=seconds))
    classified = _classify(_records({"at": at}), _records().head(0))
    assert list(classified.as_frame()["bucket"]) == [bucket]


def test_a_mismatch_without_immature_movements_is_never_timing() -> None:
    at = pd.Timestamp(NOW)
    classified = _classify(_records({"at": at}), _records({"at": at, "payout": 1}))
    assert _breaks(classified) == [("payout_mismatch", 1)]


AGES = MaturityAges(
    bet=timedelta(minutes=10), win=timedelta(minutes=20), rollback=timedelta(minutes=30)
)


@pytest.mark.parametrize(
    ("holds", "minutes"), [(1, 10), (2, 20), (3, 20), (4, 30), (5, 30), (0, 30), (None, 30)]
)
def test_a_one_sided_round_waits_for_the_longest_of_what_it_holds(
    holds: int | None, minutes: int
) -> None:
    """An unknown kind of operation may be any kind."""
    holdings = {"holds": pd.NA if holds is None else holds}
    for seconds, bucket in ((-1, "timing"), (0, "break")):
        at = {"at": pd.Timestamp(NOW - timedelta(minutes=minutes, seconds=seconds))}
        sides = [fold(_records({**holdings, **at})), fold(_records().head(0))]
        for ours, theirs in (sides, sides[::-1]):
            classified = classify(pair(ours, theirs), MatchContext(now=NOW, maturity=AGES))
            assert list(classified.as_frame()["bucket"]) == [bucket]


@pytest.mark.parametrize(
    ("ours", "theirs", "our_movements", "their_movements", "breaks"),
    [
        ((100, 250), (100, 0), "0,250", "", []),
        ((100, 250), (100, 0), "100,0", "", [("payout_mismatch", -250)]),
        ((100, 250), (100, 249), "0,250", "", [("payout_mismatch", -1)]),
        ((100, 70), (100, 40), "0,30;0,40", "", []),
        ((100, 0), (100, 70), "", "0,70", []),
        ((100, 0), (100, 70), "0,70", "", [("payout_mismatch", 70)]),
        # Each side may lack a movement, but not both a payout or both a stake.
        ((200, 0), (100, 70), "100,0", "0,70", []),
        ((100, 30), (100, 70), "0,30", "0,70", [("payout_mismatch", 40)]),
    ],
)
def test_amounts_that_differ_by_immature_movements_alone_are_timing(
    ours: tuple[int, int],
    theirs: tuple[int, int],
    our_movements: str,
    their_movements: str,
    breaks: list[tuple[str, int]],
) -> None:
    classified = _classify(
        _records({"stake": ours[0], "payout": ours[1], "immature": our_movements}),
        _records({"stake": theirs[0], "payout": theirs[1], "immature": their_movements}),
    )
    assert _breaks(classified) == breaks
    assert list(classified.as_frame()["bucket"]) == ["break" if breaks else "timing"]


def test_a_round_just_taken_back_by_the_provider_is_timing_whatever_we_hold() -> None:
    undone = {"rolled_back": True, "immature": "u"}
    assert _breaks(_classify(_records({"payout": 7}), _records(undone))) == []
    assert _breaks(
        _classify(_records({"payout": 7}), _records({**undone, "immature": ""}))
    ) == [("status_mismatch", 93)]


def test_other_breaks_are_found_while_an_amount_is_immature() -> None:
    ours = _records({"payout": 250, "immature": "0,250"})
    classified = _classify(ours, _records({"player": "bob"}))
    assert _breaks(classified) == [("player_mismatch", 0)]


def test_an_immature_line_that_is_repeated_is_a_duplicate() -> None:
    lines = [{"occurrence": n, "payout": 30, "immature": "0,30"} for n in (1, 2)]
    classified = _classify(_records({}), _records(*lines))
    assert _breaks(classified) == [("duplicate_at_provider", -70)]


def test_every_kind_has_a_sentence_with_decimal_amounts() -> None:
    ours = _records(
        {"round_id": "a", "record_id": "a"},
        {"round_id": "b", "record_id": "b", "stake": 5, "currency": "JPY"},
        {"round_id": "c", "record_id": "c", "player": "bob", "overdue": True},
        {"round_id": "d", "record_id": "d", "occurrence": 1},
        {"round_id": "d", "record_id": "d", "occurrence": 2},
    )
    theirs = _records(
        {"round_id": "b", "record_id": "b", "stake": 6, "payout": 7, "currency": "JPY"},
        {"round_id": "c", "record_id": "c", "declared_net": 1},
        {"round_id": "d", "record_id": "d"},
        {"round_id": "d", "record_id": "d", "occurrence": 2},
        {"round_id": "e", "record_id": "e"},
        {"round_id": "a", "record_id": "a", "currency": "EUR"},
        {"round_id": "g", "record_id": "g", "stake": 0, "payout": 12},
    )
    further = _records(
        {"round_id": "f", "record_id": "f", "stake": 10},
        {"round_id": "h", "record_id": "h", "declared_payout": 70},
        {"round_id": "i", "record_id": "i", "stake": 0, "rolled_back": True},
        {"round_id": "k", "record_id": "k", "overdue": True},
    )
    same = [{"round_id": name, "record_id": name} for name in "hik"]
    classified = _classify(_joined(ours, further), _joined(theirs, _records(*same)))
    breaks = breaks_from_rows(classified.break_rows, provider="agg", exponents={}, now=NOW)
    by_other_rows = {BreakKind.AMBIGUOUS, BreakKind.ID_SPELLING, BreakKind.UNANSWERED}
    assert {break_.kind for break_ in breaks} == BY_ROUND - by_other_rows
    sentences = {(b.kind, b.round_id): b.explanation for b in breaks}
    assert sentences[BreakKind.STAKE, "b"] == (
        "agg reports a stake of 6 JPY for round b, the ledger booked 5 JPY;"
        " the operator is owed 1 JPY."
    )
    assert sentences[BreakKind.MISSING_IN_LEDGER, "g"].endswith("the player is owed 0.12 USD.")
    assert sentences[BreakKind.ROUND_TOTAL, "h"] == (
        "agg ended round h naming a stake of 1.00 USD and a payout of 0.70 USD, but the ledger"
        " booked 1.00 USD and 0.00 USD; by those totals the player is owed 0.70 USD."
    )
    assert sentences[BreakKind.STATUS, "i"] == (
        "Round i was rolled back at the ledger, but agg says that it stands; the operator is"
        " owed 1.00 USD."
    )
    assert all(break_.explanation.endswith(".") for break_ in breaks)


def test_overridden_exponents_reach_the_sentence() -> None:
    classified = _classify(_records({}), _records().head(0))
    (break_,) = breaks_from_rows(
        classified.break_rows, provider="agg", exponents={"USD": 5}, now=NOW
    )
    assert "0.00100 USD" in break_.explanation


def test_impact_follows_the_sign() -> None:
    assert [impact_of(n) for n in (-1, 0, 1)] == [
        Impact.OPERATOR_OWED,
        Impact.NONE,
        Impact.PLAYER_OWED,
    ]


def test_a_break_id_depends_on_everything_that_names_the_difference() -> None:
    name = ("agg", "stake_mismatch", "r1", "USD")
    assert break_id(*name) == break_id(*name)
    other_names = [
        ("x", *name[1:]),
        ("agg", "x", "r1", "USD"),
        ("agg", "stake_mismatch", "r1", "X"),
    ]
    assert len({break_id(*parts) for parts in [name, *other_names]}) == 4


def test_a_float_amount_is_refused_at_the_door() -> None:
    with pytest.raises(FrameWrong, match="float64"):
        RECORDS.check(_records({}).astype({"stake": "float64"}))


def test_a_repeated_record_is_refused_at_the_door() -> None:
    with pytest.raises(FrameWrong, match="repeat"):
        RECORDS.check(pd.concat([_records({}), _records({})], ignore_index=True))


def test_a_missing_text_is_refused_at_the_door() -> None:
    broken = _records({}).assign(player=pd.Series([pd.NA], dtype="str"))
    with pytest.raises(FrameWrong, match="missing"):
        RECORDS.check(broken)


def test_a_round_that_both_sides_leave_open_too_long_is_a_break_worth_nothing_yet() -> None:
    ours = _records({"overdue": True}, {"round_id": "r2", "record_id": "r2"})
    theirs = _records({}, {"round_id": "r2", "record_id": "r2"})

    classified = _classify(ours, theirs)

    assert classified.breaks[["round_id", "kind", "difference"]].values.tolist() == [
        ["r1", "open_round_overdue", 0]
    ]
    assert classified.as_frame()["bucket"].tolist() == ["break", "matched"]
