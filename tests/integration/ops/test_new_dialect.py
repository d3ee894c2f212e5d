"""``make dialect``: a fifth dialect in a copy of the tree, failing until its samples exist."""

import shutil
import subprocess
import sys
from hashlib import sha256
from hmac import new as keyed
from pathlib import Path

import pytest

from ops.tools.new_dialect import Misnamed, scaffold
from tests.harness.providers.samples import SECRET
from tests.meta.tree import ROOT

NAME = "fifth_house"
TESTS = f"tests/unit/test_providers_{NAME}_samples.py"
BODY = (
    b'{"transaction_id":"T-1","type":"bet","player_id":"p","currency":"USD","amount":"10.00"}'
)
#: Writes what a sample means beside it, from the dialect as it is.
TELL = f"""
import json
from pathlib import Path
from providers.{NAME} import DIALECT
from tests.harness.providers.samples import expected, read_request
path = Path("providers/{NAME}/samples/bet.http")
told = expected(DIALECT, read_request(path))
assert told["fact"]["kind"] == "Bet"
path.with_suffix(".json").write_text(json.dumps(told))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the scaffold and its tests read."""
    left = shutil.ignore_patterns("__pycache__", ".*")
    for folder in ("providers", "vocabulary", "tests", "simulator", "ops", "ledger", "storage"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def python(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=tree, capture_output=True, text=True, timeout=120
    )


def sampled(tree: Path) -> subprocess.CompletedProcess[str]:
    return python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS)


def add_sample(tree: Path) -> None:
    signature = keyed(SECRET.encode(), BODY, sha256).hexdigest()
    head = f"POST  HTTP/1.1\nContent-Type: application/json\nX-Signature: {signature}\n\n"
    folder = tree / "providers" / NAME / "samples"
    (folder / "bet.http").write_bytes(head.encode() + BODY)
    output = python(tree, "-c", TELL)
    assert output.returncode == 0, output.stderr


def test_a_new_dialect_fails_until_its_samples_exist(tree: Path) -> None:
    made = python(tree, "-m", "ops.tools.new_dialect", NAME)
    assert made.returncode == 0, made.stderr
    assert TESTS in made.stdout

    before = sampled(tree)
    add_sample(tree)
    after = sampled(tree)

    assert before.returncode == 1
    assert "2 failed, 1 passed" in before.stdout
    assert after.returncode == 0, after.stdout


def test_a_new_dialect_fails_the_contract_of_all_dialects_too(tree: Path) -> None:
    scaffold(tree, NAME)

    contract = "tests/contract/test_samples.py"
    ran = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", contract, "-k", NAME)

    assert ran.returncode == 1
    assert "test_every_route_has_a_sample_and_a_dialect_with_statements_has_one" in ran.stdout


def test_what_is_written_keeps_the_house_rules_and_is_registered(tree: Path) -> None:
    written = [str(path) for path in scaffold(tree, NAME) if path.suffix == ".py"]

    checked = [*written, "providers/registry.py"]
    for words in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        ran = python(tree, "-m", "ruff", *words, *checked)
        assert ran.returncode == 0, ran.stdout
    output = python(tree, "-c", "from providers.registry import DIALECTS; print(*DIALECTS)")
    assert output.stdout.split() == sorted(
        ["agent_platform", "aggregator", NAME, "sportsbook", "xigs"]
    )
    assert (
        f'"providers.aggregator", "providers.{NAME}", "providers.sportsbook"'
        in (tree / "pyproject.toml").read_text()
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "a name of small letters"),
        ("Fifth", "a name of small letters"),
        ("../fifth", "a name of small letters"),
        ("class", "a name of small letters"),
        ("sportsbook", "something called sportsbook"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    tree: Path, name: str, why: str
) -> None:
    before = {path: path.read_bytes() for path in tree.rglob("*.py")}

    with pytest.raises(Misnamed, match=why):
        scaffold(tree, name)

    assert {path: path.read_bytes() for path in tree.rglob("*.py")} == before


def test_it_is_run_in_a_checkout_only(tmp_path: Path) -> None:
    with pytest.raises(Misnamed, match="a checkout is expected"):
        scaffold(tmp_path, NAME)
