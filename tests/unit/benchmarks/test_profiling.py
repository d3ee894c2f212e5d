"""What a profile is made of: samples by function, shares of processor time, random arrivals."""

import os

import pytest

from benchmarks.loads.open_loop import instants
from benchmarks.profiling.functions import shares_of
from benchmarks.profiling.processes import Usage, family, since, usage_of


def test_samples_belong_to_the_function_that_ran() -> None:
    stacks = (
        "main (a/b/server.py:3);run (a/b/loop.py:7) 6\n"
        "main (a/b/server.py:3);run (a/b/loop.py:9) 2\n"
        "main (a/b/server.py:4) 2\n"
        "boot (x.py:1);_worker (concurrent/futures/thread.py:81) 90\n"
    )

    assert shares_of(stacks) == {"b/loop.py run": 0.8, "b/server.py main": 0.2}


def test_only_waits_in_the_middle_of_work_stretch_it() -> None:
    assert Usage(ran_s=2.0, waited_s=6.0, paused=1, preempted=2).running_share == pytest.approx(
        2 / 6
    )
    assert Usage(ran_s=2.0, waited_s=6.0, paused=3, preempted=0).running_share == 1.0
    assert Usage().running_share == 1.0


def test_a_process_is_measured_since_an_earlier_reading() -> None:
    before = {"own": usage_of(os.getpid())}
    sum(range(300_000))

    used = since(before, {"own": usage_of(os.getpid()), "new": Usage(1.0)})

    assert used["own"].ran_s > 0
    assert used["new"] == Usage(1.0)
    assert os.getpid() in family(os.getppid())


def test_arrivals_are_random_at_a_rate_and_the_same_each_time() -> None:
    arrivals = instants(1000, 10)

    assert 9_500 < len(arrivals) < 10_500
    assert arrivals == sorted(arrivals) == instants(1000, 10)
    assert arrivals[-1] < 10
