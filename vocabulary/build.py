"""Which version and which commit of the code this is.

``pyproject.toml`` takes the version of a package from here. Its build part names the
commit: ``0.2.0+g1624c8eb986b``.
"""

import os
from functools import cache
from pathlib import Path

#: The version that the next release bears.
BASE = "0.2.0"
#: Names the commit where packages are built from files without ``.git``, as images are.
COMMIT_VARIABLE = "TIEOUT_COMMIT"
#: Digits of a commit that a version names.
DIGITS = 12

_ROOT = Path(__file__).resolve().parents[1]


@cache
def version() -> str:
    """The version of the code that runs, with its commit if that is known."""
    commit = commit_of(_ROOT)
    if commit:
        return _with_commit(commit)
    from importlib import metadata  # noqa: PLC0415 - 15 ms that a checkout does not need

    try:
        return metadata.version("tieout")
    except metadata.PackageNotFoundError:
        return BASE


@cache
def commit() -> str:
    """The commit of the code that runs, or ``unknown``."""
    return version().partition("+g")[2] or "unknown"


def commit_of(root: Path) -> str:
    """The commit that is checked out in a folder; empty if it is no checkout."""
    git = root / ".git"
    try:
        if git.is_file():  # a further work tree
            git = (root / git.read_text().removeprefix("gitdir:").strip()).resolve()
        return _resolved(git, (git / "HEAD").read_text().strip())
    except OSError:
        return ""


def _resolved(git: Path, head: str) -> str:
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    shared = git / "commondir"
    common = (git / shared.read_text().strip()).resolve() if shared.exists() else git
    if (common / name).exists():
        return (common / name).read_text().strip()
    packed = (common / "packed-refs").read_text().splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")


def _with_commit(commit: str) -> str:
    return f"{BASE}+g{commit[:DIGITS]}" if commit else BASE


#: The version of a package that is built from these files.
PACKAGE_VERSION = _with_commit(os.environ.get(COMMIT_VARIABLE, "") or commit_of(_ROOT))
