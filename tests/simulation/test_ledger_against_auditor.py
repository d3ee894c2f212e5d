"""The ledger on a real PostgreSQL against the auditor: a few days of `make simulate`."""

import ast
from collections import Counter

import pytest

from tests.conftest import PostgresServer
from tests.harness.auditor.workload import RULES, batches, day, policies
from tests.meta.tree import ROOT
from tests.simulation.days import is_concurrent, run_day_alone, run_days
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
def test_every_day_ends_as_the_auditor_predicts(template: Template, first: int) -> None:
    result = run_days(template, range(first, first + 6))

    assert (result.failed, result.first) == (None, None)
    assert result.seeds == 6
    assert result.operations > 100


def test_a_day_without_some_steps_also_passes(template: Template) -> None:
    steps = day(5)

    assert run_day_alone(template, 5, steps[::3]) is None


def test_the_same_seed_gives_the_same_day() -> None:
    assert day(7) == day(7)
    assert day(7) != day(8)


def test_one_day_in_four_is_concurrent() -> None:
    assert Counter(is_concurrent(seed) for seed in range(20)) == {False: 15, True: 5}


def test_leaving_out_steps_does_not_change_how_the_others_are_sent() -> None:
    odd = [step for step in day(3) if step.number % 2]

    grouped = batches(odd)

    assert [step for batch in grouped for step in batch] == odd
    assert [step.number for step in odd] == sorted(step.number for step in odd)
    assert all(len({step.receiver for step in batch}) == 1 for batch in grouped)


@pytest.mark.parametrize("module", AUDITOR)
def test_the_auditor_imports_the_vocabulary_and_nothing_of_the_ledger(module: str) -> None:
    source = (ROOT / f"tests/harness/auditor/{module}.py").read_text()

    imported = {
        node.module or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
    }
    own = {name for name in imported if name.split(".")[0] in {"tests", *_packages()}}
    allowed = {f"tests.harness.auditor.{name}" for name in AUDITOR}
    assert {name for name in own if not name.startswith("vocabulary.")} <= allowed
    assert not any(
        isinstance(node, ast.Import) and "ledger" in node.names[0].name
        for node in ast.walk(ast.parse(source))
    )


def test_the_auditors_rules_equal_the_dialects_policies() -> None:
    by_policy = {
        slug: (
            policy.orphan_win_credits,
            policy.rollback_of_rollback_accepts,
            policy.round_per_operation,
        )
        for slug, policy in policies().items()
    }

    assert by_policy == {
        slug: (
            rules.pays_orphan_wins,
            rules.accepts_rollback_of_rollback,
            rules.round_per_operation,
        )
        for slug, rules in RULES.items()
    }


def _packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}
