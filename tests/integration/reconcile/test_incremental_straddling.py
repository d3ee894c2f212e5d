"""Incremental runs of windows that a round began before, and of windows that overlap."""

from datetime import UTC, datetime, timedelta

import pytest

from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from tests.detection.stored import store
from tests.harness.detection.month import System
from tests.harness.detection.world import Line, Op, Scene, lay_out
from vocabulary.clock import FrozenClock
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

SLUG = System.NAMED.value
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AGES = MaturityAges(bet=10 * MINUTE, win=30 * MINUTE, rollback=60 * MINUTE)
#: Rounds of the test begin before it or in it.
WINDOW = Window(start=NOON - 100 * MINUTE, end=NOON + timedelta(days=1))
WIDER = Window(start=WINDOW.start - timedelta(days=1), end=WINDOW.end)
CHANGES = RunOptions(incremental=True)


def _op(name: str, kind: str, ago: int, stake: int, payout: int, *, ends: bool = True) -> Op:
    return Op(
        system=System.NAMED,
        key=f"{kind}:{name}",
        kind=kind,
        player="alice",
        currency="USD",
        round_id=name,
        at=NOON - ago * MINUTE,
        stake=stake,
        payout=payout,
        ends=ends,
    )


def _line(name: str, ago: int, stake: int, payout: int) -> Line:
    return Line(
        system=System.NAMED,
        record_id=name,
        round_id=name,
        player="alice",
        currency="USD",
        at=NOON - ago * MINUTE,
        stake=stake,
        payout=payout,
    )


def _run(
    url: str,
    minutes: int = 0,
    *,
    options: RunOptions = CHANGES,
    window: Window = WINDOW,
    ages: MaturityAges = AGES,
    rules: Rules = BY_ROUND_ID,
    open_after: timedelta | None = None,
) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=SLUG, window=window, maturity=ages, rules=rules, open_after=open_after
        ),
        clock=FrozenClock(NOON + minutes * MINUTE),
        options=options,
    )


def _found(result: RunResult) -> list[tuple[str, str, int]]:
    return [(b.round_id, str(b.kind), b.difference) for b in result.breaks]


def test_a_round_that_began_before_the_window_matures_in_an_incremental_run(
    database: str,
) -> None:
    scene = Scene()
    scene.ops += [_op("across", "bet", 105, 100, 0), _op("across", "win", 20, 0, 250)]
    scene.lines.append(_line("across", 95, 100, 0))
    store(database, lay_out([scene]))
    assert _found(_run(database)) == []

    changes = _run(database, 60)

    assert changes.inputs["whole"] is False
    assert _found(changes) == [("across", "payout_mismatch", -250)]


def test_a_round_that_began_before_the_window_is_overdue_in_an_incremental_run(
    database: str,
) -> None:
    scene = Scene()
    scene.ops.append(_op("across", "bet", 105, 100, 0, ends=False))
    scene.lines.append(_line("across", 95, 100, 0))
    store(database, lay_out([scene]))
    day = timedelta(days=1)
    assert _found(_run(database, open_after=day)) == []

    changes = _run(database, 24 * 60, open_after=day)

    assert changes.inputs["whole"] is False
    assert _found(changes) == [("across", "open_round_overdue", 0)]


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"ages": MaturityAges.uniform(timedelta(days=2))}, id="ages"),
        pytest.param({"rules": Rules(tolerance={"USD": 250})}, id="tolerance"),
    ],
)
def test_an_incremental_run_finds_what_a_run_of_another_window_has_closed(
    database: str, terms: dict[str, object]
) -> None:
    scene = Scene()
    scene.ops += [_op("in", "bet", 95, 100, 0), _op("in", "win", 90, 0, 250)]
    scene.lines.append(_line("in", 95, 100, 0))
    store(database, lay_out([scene]))
    found = [("in", "payout_mismatch", -250)]
    assert _found(_run(database)) == found
    assert _found(_run(database, 10, window=WIDER, **terms)) == []  # type: ignore[arg-type]

    changes = _run(database, 20)

    assert changes.inputs["whole"] is False
    assert _found(changes) == found
