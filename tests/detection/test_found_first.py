"""What the campaign found first: each divergence as the smallest case that shows it."""

from datetime import UTC, datetime, timedelta

from tests.harness.detection.expected import Expected
from tests.harness.detection.fault_kinds import Fault, Lie
from tests.harness.detection.month import Part, Play, System
from tests.harness.detection.seed import Case, expected_of, judged_in_memory

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


def _fault(lie: Lie, play: int, by: int = 30) -> Fault:
    return Fault(lie=lie, play=play, by=by, variant=2, other="player-0.1")


def _found(plays: list[Play], *faults: Fault) -> list[Expected]:
    """What is found, having checked that it is what was predicted."""
    case = Case(plays, faults)
    verdict = judged_in_memory([case], sorted({play.system for play in plays}))
    assert verdict.found == expected_of(case)
    return verdict.found


def test_a_logged_callback_that_never_came_names_the_player_and_not_the_handle() -> None:
    (found,) = _found([_play(1, System.XIGS, (500, 0))], _fault(Lie.UNHEARD, 1))
    assert (found.kind, found.player) == ("delivery_missing", "player-0.0")


def test_of_two_rounds_at_one_balance_nobody_can_say_which_was_not_told() -> None:
    (found,) = _found([_play(1, System.UNNAMED, (500, 0))], _fault(Lie.RETURNED, 1))
    assert (found.kind, found.difference) == ("ambiguous_match", 30)


def test_rounds_lost_in_a_row_shift_balances_by_their_sum_and_are_no_gap() -> None:
    plays = [_play(n, System.NAMED, (100 + n, 0), after=timedelta(minutes=n)) for n in range(6)]
    lost = [_fault(Lie.LOST_DRIFT, number) for number in (1, 2, 4)]
    found = _found(plays, *lost)
    assert [(one.kind, one.difference) for one in found] == [
        ("missing_in_ledger", -101),
        ("missing_in_ledger", -102),
        ("missing_in_ledger", -104),
    ]


def test_a_round_at_the_same_balance_on_another_day_does_not_hide_a_wrong_payout() -> None:
    plays = [
        _play(1, System.UNNAMED, (500, 500)),
        _play(2, System.UNNAMED, (500, 700), after=timedelta(days=2)),
    ]
    found = _found(plays, _fault(Lie.PAYOUT, 1), _fault(Lie.DROPPED, 2))
    assert [(one.kind, one.difference) for one in found] == [
        ("missing_at_provider", -200),
        ("payout_mismatch", 30),
    ]
