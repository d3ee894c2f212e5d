"""What the documents claim, as lists that a test can hold against the tree."""

import re
from pathlib import Path

from tests.meta.tree import ROOT

ADR_SECTIONS = (
    "Context",
    "Decision",
    "Consequences",
    "Rejected alternatives",
    "How we would know we were wrong",
)

_SPAN = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")
_FILE = re.compile(
    r"(?<![\w/<.{-])(\.?[\w-]+(?:/[\w.-]+)*(?:\.(?:py|md|sql|toml|lock|yml|svg)|/))(?![\w*<{])"
)
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
_TIEOUT = re.compile(r"\btieout ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")


def documents() -> list[Path]:
    """README, CONTRIBUTING, CHANGELOG and the pages of docs/, relative to the root."""
    tops = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    return [path.relative_to(ROOT) for path in (*tops, *sorted((ROOT / "docs").rglob("*.md")))]


def code_spans(text: str) -> list[str]:
    """Inline code and code blocks of a Markdown text."""
    return [block or inline for block, inline in _SPAN.findall(text)]


def files_named(text: str) -> set[str]:
    """Paths named in code spans that could be files or folders of this project."""
    spans = (span for span in code_spans(text) if "://" not in span)
    return {name for span in spans for name in _FILE.findall(span) if not name.startswith("-")}


def links(text: str) -> set[str]:
    """Targets of relative links and pictures."""
    found = {link or picture for link, picture in _LINK.findall(text)}
    return {target for target in found if "://" not in target}


def make_targets_named(text: str) -> set[str]:
    """Every X of ``make X`` in code spans."""
    return {name for span in code_spans(text) for name in _MAKE.findall(span)}


def commands_named(text: str) -> set[str]:
    """Every ``X`` or ``X Y`` of ``tieout X Y`` in code spans."""
    return {name for span in code_spans(text) for name in _TIEOUT.findall(span)}


def headings(text: str) -> list[str]:
    """The second-level headings."""
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def glossary_terms(text: str) -> list[str]:
    """The words a glossary defines: first column of its table, in bold."""
    return re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)
