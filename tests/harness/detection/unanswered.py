"""The fault of an operation that is booked and never answered, and what must be found of it."""

from datetime import timedelta

from tests.harness.detection.fault_kinds import Fault
from tests.harness.detection.month import Play, System
from tests.harness.detection.world import Scene


def leave_unanswered(scene: Scene, play: Play, fault: Fault) -> None:
    """Book the operations of a play without an answer, in one of four stories."""
    movements = [op for op in scene.ops if op.stake or op.payout]
    for op in movements[: 1 if _answers_the_rest(fault) else None]:
        op.unanswered = True
    if _is_repeated(fault):
        at = play.began + timedelta(seconds=9)
        scene.deliveries += [(play.system, op.key, "repeated", at) for op in movements]
    if not is_reported_all_the_same(fault):
        scene.lines.clear()


def _answers_the_rest(fault: Fault) -> bool:
    """Return whether only the first movement of the round is unanswered."""
    return fault.variant == 3


def _is_repeated(fault: Fault) -> bool:
    """Return whether the provider sends everything again, and gets its answers."""
    return fault.variant in {2, 5}


def is_reported_all_the_same(fault: Fault) -> bool:
    """Return whether the provider reports the round although it got no answer."""
    return fault.variant == 0


def is_a_break_of_its_own(play: Play, fault: Fault) -> bool:
    """Return whether every movement of the round stays unanswered."""
    answers_some = _answers_the_rest(fault) and _movements(play) > 1
    return not (_is_repeated(fault) or answers_some)


def _movements(play: Play) -> int:
    """Return how many operations of the play moved something."""
    if play.system is System.AGENT:
        return sum(part != (0, 0) for part in play.parts)
    return (play.stake > 0) + (play.payout > 0)
