"""Import contracts: kept by the tree, and broken by a planted violation of each."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, packages, project

#: Contract, the module to spoil, what is written into it.
VIOLATIONS = [
    ("Packages import only lower layers", "vocabulary/__init__.py", "import ledger"),
    ("Packages import only lower layers", "webhooks/__init__.py", "import workers"),
    ("Packages import only lower layers", "storage/__init__.py", "import providers"),
    (
        "The receiver imports no pandas, reconciliation or reports",
        "webhooks/__init__.py",
        "import pandas",
    ),
    ("Packages import only lower layers", "reports/__init__.py", "import console"),
    ("Packages import only lower layers", "webhooks/__init__.py", "import console.config"),
    (
        "The receiver imports no pandas, reconciliation or reports",
        "webhooks/fast_parser.py",
        "import console.config",
    ),
    (
        "The console imports no pandas and no comparison",
        "console/pages/people.py",
        "import reconcile.runs.run",
    ),
    (
        "Dialects do not import each other",
        "providers/aggregator/__init__.py",
        "import providers.sportsbook",
    ),
    (
        "Dialects do not import each other",
        "providers/wire/fields.py",
        "import providers.xigs.amounts",
    ),
    (
        "Layers of a reconciliation",
        "reconcile/snapshot/rules.py",
        "import reconcile.matching.exact",
    ),
    (
        "Layers of a reconciliation",
        "reconcile/findings/__init__.py",
        "import reconcile.partitions.compare_parts",
    ),
    ("Pure code imports no framework", "vocabulary/money.py", "import sqlalchemy"),
    ("Pure code imports no framework", "reconcile/matching/exact.py", "import psycopg"),
    ("Pure code imports no framework", "ledger/accepting/decide.py", "import asyncpg"),
    ("Pure code imports no framework", "providers/aggregator/client.py", "import aiohttp"),
    (
        "Dialects call their APIs through the transport they are given",
        "providers/sportsbook/parse.py",
        "import providers.outbound.http_transport",
    ),
    (
        "Simulated systems do not import each other",
        "simulator/systems/xigs/stories.py",
        "import simulator.systems.aggregator.stories",
    ),
    (
        "The simulator shares no code with dialects or ledger",
        "simulator/__init__.py",
        "import providers",
    ),
    ("No import cycles between siblings", "vocabulary/errors.py", "import vocabulary.outcomes"),
]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree that has the project's configuration."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their configuration, free to spoil."""
    for package in packages():
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_every_contract() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout
    assert ", 0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_planted_import_breaks_the_contract(
    copy: Path, contract: str, module: str, line: str
) -> None:
    with (copy / module).open("a") as spoiled:
        spoiled.write(f"\n{line}\n")

    result = lint(copy)

    assert result.returncode == 1
    assert re.search(rf"^{re.escape(contract)} BROKEN", result.stdout, re.MULTILINE)


def test_every_contract_has_a_planted_violation() -> None:
    contracts = {
        contract["name"] for contract in project()["tool"]["importlinter"]["contracts"]
    }

    assert {name for name, _, _ in VIOLATIONS} == contracts


def test_a_new_dialect_is_held_to_the_contract_without_a_line_in_the_configuration(
    copy: Path,
) -> None:
    folder = copy / "providers" / "planted"
    folder.mkdir()
    (folder / "__init__.py").write_text("import providers.xigs.parse\n")

    result = lint(copy)

    assert re.search(r"^Dialects do not import each other BROKEN", result.stdout, re.MULTILINE)
    assert "providers.planted -> providers.xigs.parse" in result.stdout


def test_every_package_of_the_checkout_has_a_layer() -> None:
    (layers,) = [
        contract["layers"]
        for contract in project()["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and "containers" not in contract
    ]
    layered = {package for layer in layers for package in layer.split(" | ")}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "tests",
        "benchmarks",
    }

    assert folders == layered == set(packages())
    assert {f"{package}*" for package in packages()} == set(
        project()["tool"]["setuptools"]["packages"]["find"]["include"]
    )
