"""Background work pauses while callbacks are slow, and keeps its least share."""

import math
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from ops.background.governor import (
    PAUSE_MAX_S,
    Governor,
    PauseLimit,
    is_slow,
    longest_pause_s,
)
from ops.background.latency import buckets_in, quantile_of
from vocabulary.errors import Unavailable

LIMIT_S = 0.025
LIMIT = PauseLimit(
    p99_s=LIMIT_S,
    least_share=0.5,
    work="proofs",
    receivers=("http://nowhere",),
    database_url="",
)
EXPOSITION = """
# TYPE tieout_callback_seconds histogram
tieout_callback_seconds_bucket{le="0.01",provider="agg"} 90.0
tieout_callback_seconds_bucket{le="0.02",provider="agg"} 100.0
tieout_callback_seconds_bucket{le="+Inf",provider="agg"} 100.0
tieout_callback_seconds_bucket{provider="slots",le="0.01"} 10.0
tieout_callback_seconds_bucket{provider="slots",le="0.02"} 50.0
tieout_callback_seconds_bucket{provider="slots",le="+Inf"} 100.0
tieout_callback_seconds_count{provider="slots"} 100.0
"""


def reading(values: Iterator[float | None]) -> Callable[[], float | None]:
    return lambda: next(values)


@pytest.mark.parametrize(
    ("p99_s", "was_slow", "pauses"),
    [
        (0.026, False, True),
        (0.024, False, False),
        (0.024, True, True),  # not yet far enough below the limit
        (0.019, True, False),
        (math.inf, False, True),
        (None, True, False),  # no callbacks, or no receiver: the work goes on
    ],
)
def test_work_pauses_above_the_limit_until_well_below_it(
    p99_s: float | None, was_slow: bool, pauses: bool
) -> None:
    assert is_slow(p99_s, LIMIT_S, was_slow=was_slow) is pauses


@pytest.mark.parametrize(
    ("worked_s", "share", "longest_s"),
    [(1.0, 0.5, 1.0), (1.0, 0.25, 3.0), (1.0, 1.0, 0.0), (60.0, 0.5, PAUSE_MAX_S)],
)
def test_a_pause_leaves_the_least_share(
    worked_s: float, share: float, longest_s: float
) -> None:
    assert longest_pause_s(worked_s, share) == pytest.approx(longest_s)


def test_work_pauses_only_while_callbacks_are_slow() -> None:
    instants = iter([0.0, 1.0, 1.0, 1.01, 1.02, 2.0, 3.0])
    governor = Governor(
        LIMIT, read_p99_s=reading(iter([0.01, 0.1, 0.01])), clock=lambda: next(instants)
    )

    governor.read()
    governor.pause()  # fine: worked until 1.0
    governor.read()
    governor.pause()  # slow from 1.0 on: it worked for no time, so it pauses for none
    paused_s = governor.paused_s
    governor.read()
    governor.pause()

    assert paused_s == pytest.approx(0.01)
    assert governor.paused_s == paused_s


def test_the_beginning_and_the_end_of_pauses_are_logged_once() -> None:
    governor = Governor(LIMIT, read_p99_s=reading(iter([0.1, 0.1, 0.01, 0.01])))

    with capture_logs() as lines:
        for _ in range(4):
            governor.read()

    assert [(line["event"], line["p99_ms"], line["limit_ms"]) for line in lines] == [
        ("background_slowed", 100.0, 25.0),
        ("background_resumed", 10.0, 25.0),
    ]


def test_work_goes_on_without_a_receiver_and_that_is_logged_once() -> None:
    def nobody() -> float:
        raise Unavailable("no receiver serves metrics at http://nowhere")

    governor = Governor(LIMIT, read_p99_s=nobody)

    with capture_logs() as lines:
        governor.read()
        governor.read()
    governor.pause()

    assert [line["event"] for line in lines] == ["background_unpaced"]
    assert governor.paused_s == 0


def test_buckets_of_all_providers_are_added_up() -> None:
    buckets = buckets_in(EXPOSITION)

    assert buckets == {0.01: 100.0, 0.02: 150.0, math.inf: 200.0}
    assert quantile_of(buckets, 0.5) == pytest.approx(0.01)
    assert quantile_of(buckets, 0.625) == pytest.approx(0.015)
    assert quantile_of(buckets, 0.99) == math.inf
    assert quantile_of({}, 0.99) is None
