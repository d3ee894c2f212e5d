"""A small part of the corpus of statement files; ``make files`` reads all of it."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.files.plants import PLANTS
from tests.files.stored import Imports
from tests.harness.files.corpus import StatementFile, statement_file
from tests.harness.files.verdicts import Outcome, verdict_on

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "tests" / "harness" / "files"
#: Files that are none of those that ``make files`` reads by default.
FIRST, FILES = 10_000, 150


@pytest.fixture(scope="module")
def files() -> list[StatementFile]:
    return [statement_file(seed) for seed in range(FIRST, FIRST + FILES)]


def test_files_are_read_as_the_truth_or_refused_for_their_damage(
    files: list[StatementFile],
) -> None:
    verdicts = {file.seed: verdict_on(file) for file in files}

    assert {
        seed: verdict.difference
        for seed, verdict in verdicts.items()
        if verdict.outcome is Outcome.WRONG
    } == {}
    outcomes = Counter(verdict.outcome for verdict in verdicts.values())
    assert outcomes[Outcome.READ] > 50
    assert outcomes[Outcome.REFUSED] > 50


def test_files_are_stored_by_the_command_as_the_truth(
    files: list[StatementFile], database: str
) -> None:
    imports = Imports(database)
    chosen = [files[0], files[1], *(file for file in files if file.needs_store)][:6]

    assert any(file.needs_store for file in chosen)
    for file in chosen:
        assert imports.verdict_on(file).difference == "", file.seed


def test_a_child_process_reads_files_alike(files: list[StatementFile]) -> None:
    for form in ("xlsx", "parquet", "csv.gz"):
        file = next(file for file in files if file.form == form and not file.damage)

        assert verdict_on(file, apart=True).outcome is Outcome.READ


def test_a_seed_is_the_same_file(files: list[StatementFile]) -> None:
    for file in files[:30]:
        again = statement_file(file.seed)
        assert (again.lines, again.settings) == (file.lines, file.settings)
        # Workbooks have the time of their making.
        assert again.data == file.data or file.form == "xlsx"


@pytest.mark.parametrize(
    "module", [path.stem for path in HARNESS.glob("*.py") if path.stem != "verdicts"]
)
def test_the_corpus_shares_nothing_with_the_readers(module: str) -> None:
    tree = ast.parse((HARNESS / f"{module}.py").read_text(encoding="utf-8"))
    imported = {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    imported |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    packages = {name.split(".")[0] for name in imported}
    assert not packages & {"feeds", "ops", "providers", "storage", "vocabulary", "ledger"}
    assert all(name.startswith("tests.harness.files") for name in imported if "tests" in name)


def test_planted_bugs_are_noticed() -> None:
    names = [
        "thousands_are_cut_at_their_mark",
        "lines_are_read_instead_of_records",
        "smallest_units_are_read_as_whole_ones",
        "day_and_month_are_swapped_where_they_can_be",
        "a_word_for_nothing_is_an_id",
        "declared_currencies_are_a_hint",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.files.planted", "--within", "150", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 planted bugs noticed" in done.stdout


def test_every_plant_still_applies() -> None:
    assert len(PLANTS) >= 10
    for plant in PLANTS:
        source = (ROOT / f"{plant.module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert plant.applied_to(source) != source
