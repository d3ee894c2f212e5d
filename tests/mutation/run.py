"""Mutation testing of money, deciding and the posting rules: which changes no test notices.

    python -m tests.mutation.run            # minutes; needs `pip install mutmut`

A copy of the tree is mutated, never the checkout. Exit codes: 2 mutmut is missing; otherwise
that of mutmut.
"""

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
#: Modules to mutate. Constants and SQL are not mutated: the simulation plants bugs there.
MUTATED = (
    "vocabulary/money.py",
    "ledger/accepting/decide.py",
    "ledger/accepting/effects.py",
    "ledger/accepting/limits.py",
    "ledger/posting/rules.py",
)
#: Tests to run against each mutant: all of ledger and money that need no database.
TESTS = (
    "tests/unit/vocabulary/test_money.py",
    "tests/unit/ledger/test_*.py",
    "tests/property/test_ledger_*.py",
    "tests/property/test_vocabulary_laws.py",
    "tests/mutation/test_*.py",
)
#: Packages that the mutated modules and the tests import.
COPIED = ("providers", "storage", "feeds", "breaks", "ops", "workers", "webhooks", "tests")
_RESULT = re.compile(r"^\s*([\w.ǁ]+__mutmut_\d+): ([\w ]+)$", re.MULTILINE)
out = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Mutate, test, and print the score and the surviving mutants."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("mutmut") is None:
        out.print("mutmut is not installed; it is needed only here: pip install mutmut")
        return 2
    if options.keep is not None:
        return _measure(options.keep, options.jobs)
    with tempfile.TemporaryDirectory(prefix="tieout-mutants-") as folder:
        return _measure(Path(folder), options.jobs)


def _measure(workspace: Path, jobs: int) -> int:
    _copy(workspace)
    ran = subprocess.run([*_mutmut(), "run", "--max-children", str(jobs)], cwd=workspace)
    listed = subprocess.run(
        [*_mutmut(), "results", "--all", "true"], cwd=workspace, capture_output=True, text=True
    )
    outcomes = {name: outcome.strip() for name, outcome in _RESULT.findall(listed.stdout)}
    _show(workspace, outcomes)
    return ran.returncode


def _mutmut() -> list[str]:
    return [sys.executable, "-m", "mutmut"]


def _copy(workspace: Path) -> None:
    """Copy the mutated packages and what they need, and write mutmut's settings."""
    mutated = sorted({name.split("/", maxsplit=1)[0] for name in MUTATED})
    for package in (*mutated, *COPIED):
        shutil.copytree(
            ROOT / package,
            workspace / package,
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )
    shutil.copy(ROOT / "pyproject.toml", workspace)
    tests = sorted(str(path.relative_to(ROOT)) for glob in TESTS for path in ROOT.glob(glob))
    settings = {
        "source_paths": [f"{package}/" for package in mutated],
        "only_mutate": MUTATED,
        "also_copy": [package for package in COPIED if package != "tests"],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": ["-o", "timeout=0"],
        "use_git_change_detection": ["false"],
    }
    lines = [f"{key}=" + "".join(f"\n    {x}" for x in many) for key, many in settings.items()]
    flat = "\n".join(lines).replace(
        "use_git_change_detection=\n    ", "use_git_change_detection="
    )
    (workspace / "setup.cfg").write_text(f"[mutmut]\n{flat}\n")


def _show(workspace: Path, outcomes: dict[str, str]) -> None:
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for name, outcome in outcomes.items():
        modules[module_of(name)][outcome] += 1
    table = Table("module", "mutants", "noticed", "survived", "no test", "score")
    for module, counted in sorted(modules.items()):
        table.add_row(module, *_figures(counted))
    table.add_row("all", *_figures(sum(modules.values(), Counter())))
    out.print(table)
    for name in sorted(name for name, outcome in outcomes.items() if outcome == "survived"):
        shown = subprocess.run(
            [*_mutmut(), "show", name], cwd=workspace, capture_output=True, text=True
        )
        changed = [x for x in shown.stdout.splitlines() if re.match(r"^[+-](?![+-])", x)]
        out.print(name, *changed, sep="\n  ", markup=False)


def module_of(mutant: str) -> str:
    """The module of a mutant named ``ledger.accepting.decide.x_decide__mutmut_1``."""
    return mutant.rsplit(".", maxsplit=1)[0]


def _figures(counted: Counter[str]) -> tuple[str, ...]:
    """Numbers of mutants, noticed (also by a timeout), survived and untested, and the score."""
    total = sum(counted.values())
    noticed = counted["killed"] + counted["timeout"] + counted["suspicious"]
    score = f"{100 * noticed // total} %" if total else "-"
    return (str(total), str(noticed), str(counted["survived"]), str(counted["no tests"]), score)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
