"""What the gates look at: the packages, the tracked files, the project's own configuration."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def project() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def packages() -> list[str]:
    """The first-party packages, as the import contracts name them."""
    return list(project()["tool"]["importlinter"]["root_packages"])


def modules(*tops: str) -> list[Path]:
    """Every Python file below the given top folders, relative to the root, sorted."""
    found = [path for top in tops for path in (ROOT / top).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)


def text_files() -> list[Path]:
    """Every file that is or may be committed and reads as UTF-8, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    return [name for name in names if (ROOT / name).is_file() and _is_text(ROOT / name)]


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def dockerfile() -> str:
    """The text of the image's recipe."""
    return (ROOT / "deploy" / "Dockerfile").read_text()
