"""The ledger on a real PostgreSQL against the auditor: a few days of `make simulate`."""

import ast
from collections import Counter

import pytest

from tests.conftest import PostgresServer
from tests.harness.auditor.workload import RULES, Step, batches, day, policies
from tests.meta.tree import ROOT
from tests.simulation.days import is_at_once, live_alone, live_stretch
from tests.simulation.engines import TEMPLATE, Template

#: The auditor's modules; none of them may import the ledger.
AUDITOR = (
    "auditor",
    "books",
    "memory",
    "own_operations",
    "situations",
    "totals",
)


@pytest.fixture
def template(postgres: PostgresServer) -> Template:
    return Template(postgres.url(TEMPLATE))


@pytest.mark.parametrize("first", [0, 10])
def test_every_day_of_mischief_ends_as_the_auditor_says(template: Template, first: int) -> None:
    lived = live_stretch(template, range(first, first + 6))

    assert (lived.failed, lived.first) == (None, None)
    assert lived.seeds == 6
    assert lived.operations > 100


def test_a_day_with_steps_left_out_is_still_a_day(template: Template) -> None:
    steps = day(5)

    assert live_alone(template, 5, steps[::3]) is None


def test_the_same_seed_tells_the_same_day() -> None:
    assert day(7) == day(7)
    assert day(7) != day(8)


def test_days_of_all_kinds_come_in_any_stretch() -> None:
    assert Counter(is_at_once(seed) for seed in range(20)) == {False: 15, True: 5}


def test_left_out_steps_change_nothing_of_how_the_others_are_told() -> None:
    told = {step.number: step for step in day(3)}
    rest: list[Step] = [step for number, step in told.items() if number % 2]

    assert [step.number for batch in batches(rest) for step in batch] == sorted(
        number for number in told if number % 2
    )
    assert all(len({step.receiver for step in batch}) == 1 for batch in batches(rest))


@pytest.mark.parametrize("module", AUDITOR)
def test_the_auditor_knows_the_vocabulary_and_nothing_of_the_ledger(module: str) -> None:
    source = (ROOT / f"tests/harness/auditor/{module}.py").read_text()

    imported = {
        node.module or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
    }
    ours = {name for name in imported if name.split(".")[0] in {"tests", *_rooms()}}
    allowed = {f"tests.harness.auditor.{name}" for name in AUDITOR}
    assert {name for name in ours if not name.startswith("vocabulary.")} <= allowed
    assert not any(
        isinstance(node, ast.Import) and "ledger" in node.names[0].name
        for node in ast.walk(ast.parse(source))
    )


def test_the_auditors_rules_are_what_the_dialects_ask_for() -> None:
    asked = {
        slug: (
            policy.orphan_win_credits,
            policy.rollback_of_rollback_accepts,
            policy.round_per_operation,
        )
        for slug, policy in policies().items()
    }

    assert asked == {
        slug: (rule.pays_orphans, rule.lets_rollbacks_be_rolled_back, rule.one_round_each)
        for slug, rule in RULES.items()
    }


def _rooms() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}
