"""Mutation testing of money, deciding and the posting rules: what would no test notice?

    python -m tests.mutation.run            # minutes; needs `pip install mutmut`

A copy of the tree is mutated, never the checkout. Exit codes: 0 measured; 2 mutmut is missing;
otherwise what mutmut ended with.
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
#: What is mutated. Constants and SQL are not: the planted bugs of the simulation stand there.
MUTATED = (
    "vocabulary/money.py",
    "ledger/accepting/decide.py",
    "ledger/accepting/effects.py",
    "ledger/accepting/limits.py",
    "ledger/posting/rules.py",
)
#: What is expected to notice: everything about the ledger and money that needs no engine.
NOTICING = (
    "tests/unit/vocabulary/test_money.py",
    "tests/unit/ledger/test_*.py",
    "tests/property/test_ledger_*.py",
    "tests/property/test_vocabulary_laws.py",
    "tests/mutation/test_*.py",
)
#: Importable beside what is mutated.
COPIED = ("providers", "storage", "feeds", "breaks", "ops", "workers", "webhooks", "tests")
_RESULT = re.compile(r"^\s*([\w.ǁ]+__mutmut_\d+): ([\w ]+)$", re.MULTILINE)
out = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Mutate, test, and print the score and what survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work here, and keep it")
    asked = parser.parse_args(arguments)
    if importlib.util.find_spec("mutmut") is None:
        out.print("mutmut is not installed; it is needed only here: pip install mutmut")
        return 2
    if asked.keep is not None:
        return _measured(asked.keep, asked.jobs)
    with tempfile.TemporaryDirectory(prefix="tieout-mutants-") as folder:
        return _measured(Path(folder), asked.jobs)


def _measured(place: Path, jobs: int) -> int:
    _copy(place)
    ran = subprocess.run([*_mutmut(), "run", "--max-children", str(jobs)], cwd=place)
    listed = subprocess.run(
        [*_mutmut(), "results", "--all", "true"], cwd=place, capture_output=True, text=True
    )
    fates = {name: fate.strip() for name, fate in _RESULT.findall(listed.stdout)}
    _show(place, fates)
    return ran.returncode


def _mutmut() -> list[str]:
    return [sys.executable, "-m", "mutmut"]


def _copy(place: Path) -> None:
    """The part of the tree that is mutated and what it needs, with mutmut's settings."""
    mutated = sorted({name.split("/", maxsplit=1)[0] for name in MUTATED})
    for room in (*mutated, *COPIED):
        shutil.copytree(
            ROOT / room,
            place / room,
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )
    shutil.copy(ROOT / "pyproject.toml", place)
    noticing = sorted(
        str(path.relative_to(ROOT)) for glob in NOTICING for path in ROOT.glob(glob)
    )
    settings = {
        "source_paths": [f"{room}/" for room in mutated],
        "only_mutate": MUTATED,
        "also_copy": [room for room in COPIED if room != "tests"],
        "pytest_add_cli_args_test_selection": noticing,
        "pytest_add_cli_args": ["-o", "timeout=0"],
        "use_git_change_detection": ["false"],
    }
    lines = [f"{key}=" + "".join(f"\n    {x}" for x in many) for key, many in settings.items()]
    flat = "\n".join(lines).replace(
        "use_git_change_detection=\n    ", "use_git_change_detection="
    )
    (place / "setup.cfg").write_text(f"[mutmut]\n{flat}\n")


def _show(place: Path, fates: dict[str, str]) -> None:
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for name, fate in fates.items():
        modules[module_of(name)][fate] += 1
    table = Table("module", "mutants", "noticed", "survived", "no test", "score")
    for module, counted in sorted(modules.items()):
        table.add_row(module, *_figures(counted))
    table.add_row("all", *_figures(sum(modules.values(), Counter())))
    out.print(table)
    for name in sorted(name for name, fate in fates.items() if fate == "survived"):
        shown = subprocess.run(
            [*_mutmut(), "show", name], cwd=place, capture_output=True, text=True
        )
        changed = [x for x in shown.stdout.splitlines() if re.match(r"^[+-](?![+-])", x)]
        out.print(name, *changed, sep="\n  ", markup=False)


def module_of(mutant: str) -> str:
    """The module a mutant's name stands in: ``ledger.accepting.decide.x_decide__mutmut_1``."""
    return mutant.rsplit(".", maxsplit=1)[0]


def _figures(counted: Counter[str]) -> tuple[str, ...]:
    """Mutants, noticed ones (a test that hangs notices too), survivors, untested, score."""
    total = sum(counted.values())
    noticed = counted["killed"] + counted["timeout"] + counted["suspicious"]
    score = f"{100 * noticed // total} %" if total else "-"
    rest = (counted["survived"], counted["no tests"])
    return (str(total), str(noticed), *(str(figure) for figure in rest), score)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
