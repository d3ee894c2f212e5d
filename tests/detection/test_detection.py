"""A small part of the detection campaign, and tests of the campaign itself."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from breaks.kinds import BreakKind
from tests.detection.planted import PLANTS
from tests.detection.stored import reconcile_by_command, reconcile_edge_by_command
from tests.harness.detection.expected import predicted
from tests.harness.detection.fault_kinds import POSSIBLE, Fault, FaultKind
from tests.harness.detection.month import month
from tests.harness.detection.seed import case_of, compare_edges, compare_in_memory, expected_of

HARNESS = Path(__file__).parents[1] / "harness"
SEEDS = range(8)
#: The database itself refuses a second round of one name in one wallet.
IMPOSSIBLE = {BreakKind.DUPLICATE_IN_LEDGER}


def test_months_of_every_provider_are_reported_exactly_as_predicted() -> None:
    verdict = compare_in_memory([case_of(seed) for seed in SEEDS])
    assert len(verdict.predicted) > 150
    assert verdict.missed == []
    assert verdict.invented == []


def test_days_that_meet_at_an_edge_report_exactly_their_own_breaks() -> None:
    verdict = compare_edges(SEEDS)
    assert len(verdict.predicted) > 40
    assert verdict.missed == []
    assert verdict.invented == []


def test_a_difference_across_the_edge_is_one_break_that_both_days_report() -> None:
    breaks = Counter(compare_edges(SEEDS).found)
    assert {break_.kind for break_, times in breaks.items() if times == 2} >= {
        "payout_mismatch"
    }
    assert {break_.kind for break_, times in breaks.items() if times == 1} >= {
        "missing_at_provider",
        "missing_in_ledger",
        "ambiguous_match",
    }


def test_a_stored_edge_is_reported_by_the_command_exactly_as_predicted(
    database: str,
) -> None:
    verdict = reconcile_edge_by_command(database, 4)
    assert len(verdict.predicted) >= 4
    assert verdict.missed == []
    assert verdict.invented == []


def test_a_month_without_faults_has_no_breaks() -> None:
    assert compare_in_memory([case_of(seed, ()) for seed in SEEDS[:2]]).found == []


def test_a_stored_month_is_reported_by_the_command_exactly_as_predicted(database: str) -> None:
    case = case_of(3)
    verdict = reconcile_by_command(database, case)
    assert verdict.predicted == expected_of(case)
    assert verdict.missed == []
    assert verdict.invented == []


@pytest.mark.parametrize(
    "module",
    ["month", "world", "fault_kinds", "faults", "unanswered", "plan", "expected", "edges"],
)
def test_the_prediction_shares_nothing_with_the_comparison(module: str) -> None:
    source = HARNESS / "detection" / f"{module}.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    packages = {str(name).split(".")[0] for name in imported}
    assert not packages & {
        "reconcile",
        "feeds",
        "breaks",
        "ledger",
        "storage",
        "providers",
        "simulator",
        "pandas",
    }


def test_every_kind_of_break_but_one_can_be_caused_from_outside() -> None:
    plays = {play.system: play for play in month(0) if play.net}
    kinds = {
        break_.kind
        for kind, systems in POSSIBLE.items()
        for system in systems
        for break_ in predicted(
            plays[system], Fault(kind=kind, play=0, by=3, variant=1, other="another")
        )
    }
    assert kinds == {kind.value for kind in set(BreakKind) - IMPOSSIBLE}


def test_every_fault_strikes_somewhere_and_no_play_is_hit_twice() -> None:
    assert POSSIBLE.keys() == set(FaultKind)
    for seed in SEEDS:
        hit = [fault.play for fault in case_of(seed).faults]
        assert len(hit) == len(set(hit)) > 0


def test_a_seed_is_the_same_month_with_the_same_faults() -> None:
    assert case_of(5) == case_of(5)
    assert case_of(5).faults != case_of(6).faults


def test_a_planted_bug_is_noticed() -> None:
    names = ["equal_amounts_are_enough", "a_stake_owes_the_wrong_way"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.detection.planted", "--within", "4", *names],
        cwd=HARNESS.parents[1],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 planted bugs noticed" in done.stdout


def test_every_plant_still_applies() -> None:
    root = HARNESS.parents[1]
    assert len(PLANTS) >= 5
    for plant in PLANTS:
        source = (root / f"{plant.module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert plant.applied_to(source) != source
