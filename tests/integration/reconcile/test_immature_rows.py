"""Every timing verdict depends on the maturity of the operations that a row holds."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from ops.providers.rule_trials import proposed
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from reconcile.runs.what_if import what_if
from reconcile.totals.tie_out import totals
from tests.detection.stored import store
from tests.harness.detection.month import System
from tests.harness.detection.world import Line, Op, Scene, lay_out
from vocabulary.clock import FrozenClock
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

SLUG = System.NAMED.value
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
AGES = MaturityAges(bet=10 * MINUTE, win=30 * MINUTE, rollback=60 * MINUTE)


def _op(
    name: str,
    kind: str,
    ago: int,
    stake: int,
    payout: int,
    key: str = "",
    player: str = "alice",
) -> Op:
    return Op(
        system=System.NAMED,
        key=key or f"{kind}:{name}",
        kind=kind,
        player=player,
        currency="USD",
        round_id=name,
        at=NOON - ago * MINUTE,
        stake=stake,
        payout=payout,
    )


def _line(
    name: str,
    ago: int,
    stake: int,
    payout: int,
    *,
    undone: bool = False,
    player: str = "alice",
) -> Line:
    return Line(
        system=System.NAMED,
        record_id=name,
        round_id=name,
        player=player,
        currency="USD",
        at=NOON - ago * MINUTE,
        stake=stake,
        payout=payout,
        rolled_back=undone,
    )


def _scene() -> Scene:
    """Return rounds whose names say whether their difference is mature at noon."""
    scene = Scene()
    scene.ops += [
        *(_op("immature-bet", "bet", 5, 100, 0), _op("mature-bet", "bet", 15, 100, 0)),
        *(_op("immature-win", "bet", 45, 100, 0), _op("immature-win", "win", 20, 0, 250)),
        *(_op("mature-win", "bet", 45, 100, 0), _op("mature-win", "win", 31, 0, 250)),
        *(_op("part", "bet", 45, 100, 0), _op("part", "win", 20, 0, 250)),
        *(_op("old-part", "bet", 45, 100, 0), _op("old-part", "win", 31, 0, 250)),
        *(_op("wrong", "bet", 45, 100, 0), _op("wrong", "win", 20, 0, 250)),
        *(_op("two", "win", 20, 0, 30, "w1"), _op("two", "win", 19, 0, 40, "w2")),
        _op("not-received", "bet", 45, 100, 0),
        _op("cancelled", "bet", 45, 100, 0),
        *(_op("undo", "bet", 80, 100, 0), _op("undo", "rollback", 45, -100, 0)),
        *(_op("old-undo", "bet", 80, 100, 0), _op("old-undo", "rollback", 61, -100, 0)),
    ]
    scene.lines += [
        *(_line("part", 45, 100, 0), _line("old-part", 45, 100, 0)),
        *(
            _line("wrong", 45, 100, 249),
            _line("two", 20, 0, 30),
            _line("not-received", 20, 100, 70),
        ),
        *(_line("cancelled", 50, 100, 70, undone=True), _line("undo", 80, 100, 0)),
        _line("old-undo", 80, 100, 0),
    ]
    return scene


#: By round, the break and its difference at noon.
AT_NOON = {
    "mature-bet": ("missing_at_provider", 100),
    "mature-win": ("missing_at_provider", -150),
    "old-part": ("payout_mismatch", -250),
    "wrong": ("payout_mismatch", -1),
    "old-undo": ("status_mismatch", -100),
}
#: The breaks that mature until an hour later.
LATER = {
    "immature-bet": ("missing_at_provider", 100),
    "immature-win": ("missing_at_provider", -150),
    "part": ("payout_mismatch", -250),
    "two": ("payout_mismatch", -40),
    "not-received": ("payout_mismatch", 70),
    "cancelled": ("status_mismatch", 100),
    "undo": ("status_mismatch", -100),
}


@pytest.fixture
def url(database: str) -> str:
    store(database, lay_out([_scene()]))
    post_all_at(database)
    return database


def _run(
    url: str,
    *,
    now: datetime = NOON,
    options: RunOptions | None = None,
    ages: MaturityAges = AGES,
) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=SLUG,
            window=DAY,
            maturity=ages,
        ),
        clock=FrozenClock(now),
        options=options or RunOptions(),
    )


def _found(result: RunResult) -> Mapping[str, tuple[str, int]]:
    breaks = {b.round_id: (str(b.kind), b.difference) for b in result.breaks}
    assert len(breaks) == len(result.breaks)
    return breaks


def test_each_round_waits_for_the_kinds_that_it_holds(url: str, tmp_path: Path) -> None:
    first = _run(url)
    assert _found(first) == AT_NOON
    assert (first.ours.timing.rows, first.theirs.timing.rows) == (7, 5)
    assert first.manifest()["maturity_s"] == 3600
    assert first.inputs["ages"] == AGES.as_json()

    whole = first
    for minutes in (10, 60):
        now = NOON + minutes * MINUTE
        changes = _run(url, now=now, options=RunOptions(incremental=True))
        whole = _run(
            url, now=now, options=RunOptions(parts=7, checkpoint=tmp_path / "checkpoint")
        )
        assert (changes.inputs["whole"], whole.inputs["whole"]) == (False, True)
        assert _found(changes) == _found(whole)
    assert _found(whole) == {**AT_NOON, **LATER}
    assert whole.ours.timing.rows == 0


def test_a_balance_shifted_by_a_win_under_way_is_no_gap(
    database: str,
) -> None:
    scene = Scene()
    scene.ops += [
        _op("paid", "bet", 25, 100, 0, player="bob"),
        _op("next", "bet", 15, 50, 0, player="bob"),
    ]
    scene.lines += [
        _line("paid", 25, 100, 70, player="bob"),
        _line("next", 15, 50, 0, player="bob"),
    ]
    scene.drift.append((System.NAMED, "bob", NOON - 16 * MINUTE, 70))
    store(database, lay_out([scene]))
    assert _found(_run(database)) == {}
    # Whether the win arrives or never does: one cause makes one break.
    later = _run(database, now=NOON + 60 * MINUTE)
    assert _found(later) == {"paid": ("payout_mismatch", 70)}
    alone = _run(database, ages=replace(AGES, bet=MINUTE, win=MINUTE, rollback=MINUTE))
    assert _found(alone) == {"paid": ("payout_mismatch", 70)}


def test_a_round_rolled_back_in_one_of_two_lines_matures_in_an_incremental_run(
    database: str,
) -> None:
    """The sums of the lines equal ours, those of the round do not (seeds 59 and 62)."""
    scene = Scene()
    scene.ops.append(_op("twice", "bet", 45, 100, 0))
    standing = replace(_line("twice", 45, 100, 0), record_id="standing")
    scene.lines += [_line("twice", 45, 100, 0, undone=True), standing]
    store(database, lay_out([scene]))
    assert _found(_run(database)) == {}
    changes = _run(database, now=NOON + 60 * MINUTE, options=RunOptions(incremental=True))
    assert changes.inputs["whole"] is False
    assert _found(changes) == {"twice": ("status_mismatch", 100)}


def test_totals_name_what_is_immature_and_tie(url: str) -> None:
    request = RunRequest(provider=SLUG, window=DAY, maturity=AGES)
    tied = totals(url, request, now=NOON, zone="UTC")
    assert tied.ties
    causes = {line.round_id: line.cause for line in tied.lines}
    assert causes == {
        **{name: kind for name, (kind, _) in AT_NOON.items()},
        **dict.fromkeys(LATER, "timing"),
    }


def test_a_proposed_age_of_one_kind_opens_what_waits_for_it_alone(url: str) -> None:
    current = RunRequest(provider=SLUG, window=DAY, maturity=AGES)
    proposal = proposed(current, ["maturity.win=10m"])
    assert proposal.request.maturity == replace(AGES, win=10 * MINUTE)

    effect = what_if(url, current, proposal.request, now=NOON, names={})

    assert effect.hidden == ()
    assert {break_.round_id for break_ in effect.opened} == {
        "immature-win",
        "part",
        "two",
        "not-received",
    }
    with pytest.raises(ValueError, match=r"'maturity.loss' is no rule"):
        proposed(current, ["maturity.loss=10m"])


def test_a_run_is_verified_with_its_ages(url: str) -> None:
    run = _run(url)
    assert verify_run(url, run.run_id).problems == ()


def test_an_old_run_is_verified_with_its_one_age(url: str) -> None:
    """In old runs, rounds of both sides never waited, and all others had one age."""
    run = _run(url, ages=MaturityAges.uniform(30 * MINUTE, in_part=False))
    assert {"part", "two", "not-received"} <= set(_found(run))
    manifest = run.manifest()
    manifest["rules"] = {**manifest["rules"], "classify": 2, "witness": 1}
    del manifest["inputs"]["ages"]
    with psycopg.connect(url) as connection:
        query = b"UPDATE runs SET manifest = %s WHERE run_id = %s"
        connection.execute(query, [json.dumps(manifest), run.run_id])

    verification = verify_run(url, run.run_id)

    assert verification.problems == ()
    assert all(check.same for check in verification.checks)
