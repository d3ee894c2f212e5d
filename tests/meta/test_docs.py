"""The documents are held against the tree: a claim that stopped being true is a failure."""

import re
from pathlib import Path

import pytest

from ledger.checks.run import CHECKS
from ops.cli import COMMANDS, load_command
from tests.meta import documents as docs
from tests.meta.tree import ROOT, modules, packages, project

#: Files that come to be on the reader's machine.
MADE_BY_THE_READER = frozenset(["tieout.toml", "demo-out/", "demo-out/reports/"])
DOCUMENTS = [str(path) for path in docs.documents()]
ADRS = [name for name in DOCUMENTS if name.startswith("docs/adr/0")]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def missing_files(name: str, text: str) -> list[str]:
    """Files a document names that are not there: from the root, or from its own folder."""
    places = (ROOT, (ROOT / name).parent)
    named = (docs.files_named(text) | docs.links(text)) - MADE_BY_THE_READER
    return sorted(
        file for file in named if not any((place / file).exists() for place in places)
    )


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))


def unknown_commands(named: set[str]) -> list[str]:
    """Commands a document names that the command line does not have."""
    return sorted(name for name in named if not _is_command(*name.split()))


def _is_command(name: str, sub: str | None = None) -> bool:
    if name not in COMMANDS:
        return False
    subs = getattr(load_command(name), "commands", None)
    return sub is None or subs is None or sub in subs


def test_the_document_of_proofs_counts_the_checks_of_verify() -> None:
    assert f"{len(CHECKS)} checks, one query each" in read("docs/evidence.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_a_document_names_exists(name: str) -> None:
    assert missing_files(name, read(name)) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_a_document_names_exists(name: str) -> None:
    assert docs.make_targets_named(read(name)) - make_targets() == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_a_document_names_exists(name: str) -> None:
    assert unknown_commands(docs.commands_named(read(name))) == []


def test_every_command_that_our_own_sentences_name_exists() -> None:
    named = {
        name
        for path in modules(*packages())
        for name in docs.commands_named((ROOT / path).read_text())
    }

    assert unknown_commands(named) == []


def test_a_false_claim_is_found_out() -> None:
    text = "See `ledger/nowhere.py` and [this](docs/gone.md): `make magic`, `tieout conjure`."

    assert missing_files("README.md", text) == ["docs/gone.md", "ledger/nowhere.py"]
    assert docs.make_targets_named(text) - make_targets() == {"magic"}
    assert unknown_commands(docs.commands_named(text)) == ["conjure"]
    assert unknown_commands({"ledger conjure"}) == ["ledger conjure"]


@pytest.mark.parametrize("name", ADRS)
def test_every_decision_is_written_in_full(name: str) -> None:
    assert docs.headings(read(name)) == list(docs.ADR_SECTIONS)


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    index = read("docs/adr/README.md")
    folded = re.findall(r"^\| ([0-9]{4}) \| .+; folded into [0-9]{4} \|$", index, re.MULTILINE)
    numbers = sorted([*map(int, folded), *(int(Path(name).name[:4]) for name in ADRS)])
    listed = docs.links(index)

    assert numbers == list(range(1, len(numbers) + 1))
    assert {Path(name).name for name in ADRS} <= listed
    rows = re.findall(r"^\| \[?([0-9]{4})", index, re.MULTILINE)
    assert rows == [f"{number:04}" for number in numbers]


def test_every_dependency_says_what_it_saves_us() -> None:
    declared = project()["project"]
    extras = declared["optional-dependencies"]
    shipped = [
        line for name, lines in extras.items() if name != "distributed" for line in lines
    ]
    wanted = [*declared["dependencies"], *shipped]
    names = {re.split(r"[<>=\[;]", line)[0] for line in wanted}
    explained = set(
        re.findall(r"^\| `([^`]+)` \|", read("docs/adr/0003-dependencies.md"), re.MULTILINE)
    )

    assert explained == names


def test_every_term_of_the_glossary_is_a_word_of_the_code() -> None:
    code = "\n".join(read(str(path)) for path in modules(*packages()))
    code += "\n".join(path.read_text() for path in sorted(ROOT.glob("storage/schema/*.sql")))
    words = code.lower().replace("_", " ")
    terms = docs.glossary_terms(read("docs/glossary.md"))

    assert len(terms) > 15
    assert [term for term in terms if term.lower() not in words] == []


def test_the_reading_list_for_newcomers_fits_one_sitting() -> None:
    section = read("CONTRIBUTING.md").split("## Read first")[1].split("\n## ")[0]
    files = [name for name in docs.files_named(section) if name.endswith(".py")]

    assert len(files) >= 6
    assert sum(len(read(name).splitlines()) for name in files) <= 1800


def test_every_room_is_drawn_in_the_picture_and_described() -> None:
    picture, architecture = read("docs/picture.svg"), read("docs/architecture.md")

    assert [package for package in packages() if f">{package}<" not in picture] == []
    assert [package for package in packages() if f"`{package}/`" not in architecture] == []


def test_every_invariant_names_a_test_that_exists() -> None:
    table = read("docs/invariants.md")
    rows = re.findall(r"^\| (I\d+) \|.*\| `([\w/]+\.py)`[^|]*\|$", table, re.MULTILINE)
    numbered = re.findall(r"^\| (I\d+) \|", table, re.MULTILINE)

    assert [number for number, _ in rows] == numbered
    assert numbered == [f"I{index}" for index in range(1, len(numbered) + 1)]
    assert [file for _, file in rows if not (ROOT / file).exists()] == []
