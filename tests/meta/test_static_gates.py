"""ruff and mypy, with this project's configuration, shown to fire."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.tree import ROOT

BIN = Path(sys.executable).parent

NO_VERIFY = """
from providers.dialect import Dialect


def build(full: Dialect) -> Dialect:
    return Dialect(
        name=full.name,
        routes=full.routes,
        options=full.options,
        policy=full.policy,
        parse=full.parse,
        respond=full.respond,
        history_policy=full.history_policy,
        statement=full.statement,
        api_fields=full.api_fields,
        api=full.api,
    )
"""

CASE_MISSING = """
from vocabulary.facts import BalanceQuery, Bet, BetAndWin, Fact, HistoryRecord, Rollback, Win


def name(fact: Fact) -> str:
    match fact:
        case BalanceQuery() | Bet() | Win() | BetAndWin() | Rollback():
            return "movement"
        case HistoryRecord():
            return "line"
"""

FLOAT_MONEY = """
from vocabulary.money import Money

half = Money(0.5, "EUR")
"""

HONEST = """
from vocabulary.facts import Bet, Fact
from vocabulary.money import Money


def stake(fact: Fact) -> Money | None:
    return fact.amount if isinstance(fact, Bet) else None
"""


def ruff(source: str, name: str) -> str:
    """What ruff says about a module of that name in this project."""
    result = subprocess.run(
        [str(BIN / "ruff"), "check", "--quiet", "--stdin-filename", name, "-"],
        input=source,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("DTZ005", "import datetime\n\nnow = datetime.datetime.now()"),
        ("TID251", "import time\n\nstarted = time.time()"),
        ("TID252", "from . import money"),
        ("BLE001", "try:\n    pass\nexcept Exception:\n    raised = True"),
        ("F401", "import os"),
        ("PGH003", "x = 1  # type: ignore"),
        ("D103", "def public() -> None:\n    return None"),
    ],
)
def test_ruff_refuses_it(rule: str, line: str) -> None:
    assert rule in ruff(f'"""A module."""\n\n{line}\n', "ledger/planted.py")


def test_ruff_lets_an_honest_module_pass() -> None:
    assert ruff('"""A module."""\n\nLIMIT = 3\n', "ledger/planted.py") == ""


def test_mypy_refuses_what_the_types_forbid(tmp_path: Path) -> None:
    """One run for all snippets: starting mypy costs more than checking them."""
    snippets = {
        "no_verify": NO_VERIFY,
        "case_missing": CASE_MISSING,
        "float_money": FLOAT_MONEY,
        "honest": HONEST,
    }
    for name, source in snippets.items():
        (tmp_path / f"{name}.py").write_text(f'"""A snippet."""\n{source}')

    said = mypy(*(tmp_path / f"{name}.py" for name in snippets))

    assert 'Missing named argument "verify"' in lines_of(said, "no_verify")
    assert "exhaustive-match" in lines_of(said, "case_missing")
    assert 'incompatible type "float"' in lines_of(said, "float_money")
    assert lines_of(said, "honest") == ""


def mypy(*files: Path) -> str:
    """What mypy says about the files, with this project's configuration."""
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml"]
    result = subprocess.run(
        command + [str(file) for file in files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    return result.stdout + result.stderr


def lines_of(said: str, name: str) -> str:
    return "\n".join(line for line in said.splitlines() if f"{name}.py" in line)
