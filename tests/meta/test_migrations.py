"""A migration that landed never changes: databases were made by it as it was.

``migrations.sha256`` holds a hash of every file that a revision runs. A new revision appends
its own: ``sha256sum FILE >> tests/meta/migrations.sha256``.
"""

import hashlib
import re
from pathlib import Path

from tests.meta.tree import ROOT

LANDED = ROOT / "tests/meta/migrations.sha256"
FOLDERS = ("storage/migrations/versions", "storage/schema")

Hashes = dict[str, str]


def landed(text: str) -> Hashes:
    """The recorded hash of each file, by its path."""
    return {
        path: digest for digest, path in re.findall(r"^(\w{64})  (\S+)$", text, re.MULTILINE)
    }


def present(root: Path) -> Hashes:
    """The hash of each file that revisions run, by its path."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in sorted((root / folder).iterdir())
        if path.suffix in {".py", ".sql"}
    }


def complaints(recorded: Hashes, files: Hashes) -> list[str]:
    """Which files changed, are gone, or were never recorded."""
    changed = [
        f"{path} changed" for path in recorded.keys() & files if recorded[path] != files[path]
    ]
    gone = [f"{path} is gone" for path in recorded.keys() - files]
    return sorted(
        [*changed, *gone, *(f"{path} is not recorded" for path in files.keys() - recorded)]
    )


def test_every_migration_is_as_it_landed() -> None:
    assert complaints(landed(LANDED.read_text()), present(ROOT)) == []


def test_a_changed_a_removed_and_an_unrecorded_migration_are_found(tmp_path: Path) -> None:
    versions, schema = (tmp_path / folder for folder in FOLDERS)
    for folder in (versions, schema):
        folder.mkdir(parents=True)
    (versions / "0100_baseline.py").write_text("revision = '0100'")
    (schema / "ledger.sql").write_text("CREATE TABLE players ();")
    recorded = present(tmp_path)
    assert complaints(recorded, present(tmp_path)) == []

    (schema / "ledger.sql").write_text("CREATE TABLE players (name text);")
    (versions / "0100_baseline.py").rename(versions / "0101_more.py")

    assert complaints(recorded, present(tmp_path)) == [
        "storage/migrations/versions/0100_baseline.py is gone",
        "storage/migrations/versions/0101_more.py is not recorded",
        "storage/schema/ledger.sql changed",
    ]


def test_the_record_is_read_as_sha256sum_writes_it() -> None:
    digest = "0" * 64
    assert landed(f"{digest}  storage/schema/a.sql\n") == {"storage/schema/a.sql": digest}
