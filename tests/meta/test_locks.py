"""What is installed is what was locked: hashes everywhere, addresses nowhere."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.tree import ROOT, project

LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(text: str) -> dict[str, str]:
    """Package → version of a lock file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def unhashed(text: str) -> list[str]:
    """Requirements of a lock file that any bytes would satisfy."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return [
        block.split()[0]
        for block in blocks
        if block.strip() and not block.startswith("#") and "--hash=sha256:" not in block
    ]


def addresses(text: str) -> list[str]:
    """Lines that say where to download from."""
    return [line for line in text.splitlines() if "://" in line or line.startswith("-")]


def unmet(declared: list[str], locked: dict[str, str]) -> list[str]:
    """Declared requirements that the lock misses or contradicts."""
    wanted = [Requirement(line) for line in declared]
    return [
        str(need)
        for need in wanted
        if not need.specifier.contains(locked.get(canonicalize_name(need.name), "0"))
    ]


def read(name: str) -> str:
    return Path(ROOT / name).read_text()


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    assert unhashed(read(name)) == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_says_where_to_download_from(name: str) -> None:
    assert addresses(read(name)) == []


def test_every_declared_dependency_is_locked_at_a_version_that_satisfies_it() -> None:
    declared = project()["project"]
    extras = declared["optional-dependencies"]

    assert unmet(declared["dependencies"] + extras["build"], pins(read(LOCKS[0]))) == []
    assert unmet(extras["dev"], pins(read(LOCKS[1]))) == []


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    shipped, tested = pins(read(LOCKS[0])), pins(read(LOCKS[1]))

    assert shipped.items() <= tested.items()


def test_a_lock_with_holes_is_found_out() -> None:
    holes = "good==1.0 \\\n    --hash=sha256:00\nbad==2.0\n--find-links https://x.example/\n"

    assert unhashed(holes) == ["bad==2.0"]
    assert addresses(holes) == ["--find-links https://x.example/"]
    assert unmet(["good>=1", "bad>=3", "absent>=1"], pins(holes)) == ["bad>=3", "absent>=1"]
