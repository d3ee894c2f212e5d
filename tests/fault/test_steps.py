"""Kill processes exactly between two steps; ``make chaos`` does so at every step."""

import signal
from pathlib import Path

import pytest

from tests.harness.chaos.campaign import attempt
from tests.harness.chaos.faults import Fault
from tests.harness.chaos.stack import Stack
from vocabulary.fault_points import Step

#: Durable and not answered; answered and workers not notified; posted and not committed.
KILLED_AT = (Step.COMMITTED, Step.ANSWERED, Step.MARKED)


def kill_at_some_steps(stack: Stack) -> None:
    for step in KILLED_AT:
        stack.signal_at(step, signal.SIGKILL)


@pytest.mark.timeout(900)
def test_processes_killed_between_two_steps_lose_and_double_nothing(tmp_path: Path) -> None:
    trial = attempt(Fault(name="killed at some steps", inject=kill_at_some_steps), 1, tmp_path)

    assert trial.proof.holds, trial.proof
