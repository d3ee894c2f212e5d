"""What a released version was stays written down: its schema, its chapter of the changelog."""

import re
from collections.abc import Iterator, Mapping

from storage.schema_version import RELEASED_REVISIONS
from tests.meta.tree import ROOT
from vocabulary.build import BASE

VERSIONS = ROOT / "storage/migrations/versions"
_CHAPTER = re.compile(r"^## (\d+\.\d+\.\d+) — \d{4}-\d\d-\d\d$", re.MULTILINE)


def number_of(version: str) -> tuple[int, ...]:
    """A version as numbers, which have its order."""
    return tuple(int(part) for part in version.split("."))


def complaints(
    released: Mapping[str, str], revisions: set[str], changelog: str, base: str
) -> Iterator[str]:
    """What is wrong with a list of releases, in sentences."""
    chapters = set(_CHAPTER.findall(changelog))
    for version, revision in released.items():
        if revision not in revisions:
            yield f"{version} has revision {revision}, which does not exist"
        if version not in chapters:
            yield f"the changelog has no chapter with a date for {version}"
    for version in chapters - released.keys():
        yield f"{version} is in the changelog and not in RELEASED_REVISIONS"
    if list(released) != sorted(released, key=number_of):
        yield "the releases are not in their order"
    if list(released.values()) != sorted(released.values()):
        yield "a later release has an earlier schema"
    if number_of(base) < max(map(number_of, released)):
        yield f"the code bears {base}, which is before the newest release"


def test_every_release_has_its_schema_and_its_chapter() -> None:
    revisions = {path.name[:4] for path in VERSIONS.glob("[0-9]*_*.py")}
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert list(complaints(RELEASED_REVISIONS, revisions, changelog, BASE)) == []


def test_a_release_without_its_schema_chapter_or_order_is_found() -> None:
    released = {"0.2.0": "0140", "0.10.0": "0139", "0.9.0": "0139"}
    changelog = "## 0.2.0 — 2026-11-30\n\n## 0.3.0 — 2026-12-24\n"

    assert sorted(complaints(released, {"0139"}, changelog, "0.9.1")) == [
        "0.2.0 has revision 0140, which does not exist",
        "0.3.0 is in the changelog and not in RELEASED_REVISIONS",
        "a later release has an earlier schema",
        "the changelog has no chapter with a date for 0.10.0",
        "the changelog has no chapter with a date for 0.9.0",
        "the code bears 0.9.1, which is before the newest release",
        "the releases are not in their order",
    ]
