"""No product code names a dialect: only its own folders and commented examples may."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from providers.registry import DIALECTS
from tests.meta.tree import ROOT, packages, text_files

#: Where a dialect and its simulated system live, and the templates of new ones.
FOLDERS = ("providers", "simulator/systems")


def named(text: str, names: Iterable[str]) -> list[str]:
    """Lines that name one of the dialects, in any spelling, with their number."""
    spellings = "|".join(name.replace("_", "[-_ ]?") for name in names)
    pattern = re.compile(rf"(?<![a-z0-9])(?:{spellings})", re.IGNORECASE)
    lines = enumerate(text.splitlines(), start=1)
    return [f"{number}: {line.strip()[:120]}" for number, line in lines if pattern.search(line)]


def product_files() -> list[Path]:
    """Every text file of the packages that belongs to no dialect."""
    own = {f"{folder}/{name}" for folder in FOLDERS for name in DIALECTS}
    return [
        path
        for path in text_files()
        if path.parts[0] in packages()
        and not own & {str(parent) for parent in path.parents}
        and not path.name.endswith(".example.toml")
    ]


def test_no_product_code_names_a_dialect() -> None:
    found = [
        f"{path}:{line}"
        for path in product_files()
        for line in named((ROOT / path).read_text(encoding="utf-8"), DIALECTS)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'if dialect == "sportsbook":',
        '    """The aggregator\'s history."""',
        "class AgentPlatformLaunch:",
        "# as the agent platform does",
        "from providers.xigs.client import XigsClient",
        'help="Only for agent-platform."',
    ],
)
def test_a_planted_name_is_found(line: str) -> None:
    assert named(f"x = 1\n{line}\n", DIALECTS) == [f"2: {line.strip()}"]


def test_the_gate_reads_every_package_and_the_shared_half_of_the_dialects() -> None:
    read = {str(path) for path in product_files()}

    assert {path.split("/", 1)[0] for path in read} == set(packages())
    assert {
        "providers/registry.py",
        "providers/wire/fields.py",
        "ops/commands/simulation/demo.py",
    } <= read
    assert not [path for path in read if path.startswith("providers/xigs/")]
