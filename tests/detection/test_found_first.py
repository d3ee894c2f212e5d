"""Defects that the campaign found first, each as the smallest case that shows it."""

from datetime import UTC, datetime, timedelta

from tests.harness.detection.expected import Expected
from tests.harness.detection.fault_kinds import Fault, FaultKind
from tests.harness.detection.month import Part, Play, System
from tests.harness.detection.seed import Case, compare_in_memory, expected_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AT_ONCE = timedelta(0)


def _play(number: int, system: System, part: Part, *, after: timedelta = AT_ONCE) -> Play:
    return Play(
        seed=0,
        number=number,
        system=system,
        player="player-0.0",
        currency="USD",
        parts=(part,),
        began=NOON + after,
        lasts=timedelta(milliseconds=300),
        ahead=timedelta(milliseconds=-200),
    )


def _fault(kind: FaultKind, play: int, by: int = 30) -> Fault:
    return Fault(kind=kind, play=play, by=by, variant=2, other="player-0.1")


def _found(plays: list[Play], *faults: Fault) -> list[Expected]:
    """Return the breaks that are found, after checking that they were predicted."""
    case = Case(plays, faults)
    verdict = compare_in_memory([case], sorted({play.system for play in plays}))
    assert verdict.found == expected_of(case)
    return verdict.found


def test_a_logged_callback_that_never_came_names_the_player_and_not_the_handle() -> None:
    (break_,) = _found(
        [_play(1, System.XIGS, (500, 0))], _fault(FaultKind.LOGGED_NOT_RECEIVED, 1)
    )
    assert (break_.kind, break_.player) == ("delivery_missing", "player-0.0")


def test_of_two_rounds_at_one_balance_nobody_can_say_which_was_not_reported() -> None:
    (break_,) = _found([_play(1, System.UNNAMED, (500, 0))], _fault(FaultKind.RETURNED, 1))
    assert (break_.kind, break_.difference) == ("ambiguous_match", 30)


def test_rounds_lost_in_a_row_shift_balances_by_their_sum_and_are_no_gap() -> None:
    plays = [_play(n, System.NAMED, (100 + n, 0), after=timedelta(minutes=n)) for n in range(6)]
    lost = [_fault(FaultKind.LOST_DRIFT, number) for number in (1, 2, 4)]
    breaks = _found(plays, *lost)
    assert [(break_.kind, break_.difference) for break_ in breaks] == [
        ("missing_in_ledger", -101),
        ("missing_in_ledger", -102),
        ("missing_in_ledger", -104),
    ]


def test_a_round_at_the_same_balance_on_another_day_does_not_hide_a_wrong_payout() -> None:
    plays = [
        _play(1, System.UNNAMED, (500, 500)),
        _play(2, System.UNNAMED, (500, 700), after=timedelta(days=2)),
    ]
    breaks = _found(plays, _fault(FaultKind.PAYOUT, 1), _fault(FaultKind.DROPPED, 2))
    assert [(break_.kind, break_.difference) for break_ in breaks] == [
        ("missing_at_provider", -200),
        ("payout_mismatch", 30),
    ]
