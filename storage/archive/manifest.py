"""The manifest of an archive: its days with their seals, its files with their hashes. Pure.

The manifest is written last, so an archive without one is not complete. The database keeps the
hash of the manifest, which covers every file.
"""

from collections.abc import Iterator
from datetime import date
from hashlib import sha256

import msgspec

from vocabulary.errors import Malformed

#: Version of the layout of files.
FORMAT = 1
NAME = "manifest.json"


class ArchiveFile(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file with rows of one table.

    Attributes:
        path: relative to the archive's folder.
        day: whose rows they are; None: of the whole month.
        sha256: of its bytes, in hex.
    """

    path: str
    table: str
    day: date | None
    rows: int
    bytes: int
    sha256: str


class ArchivedDay(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed day; see ``ledger.seal.seal.Seal``."""

    day: date
    previous: str
    seal: str
    layout: dict[str, list[str]]
    counts: dict[str, int]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``manifest.json``.

    Attributes:
        month: its first day.
        schema: the revision of the database that it was read from.
    """

    archive: str
    month: date
    schema: str
    days: list[ArchivedDay]
    files: list[ArchiveFile]
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return sum(file.bytes for file in self.files)

    def files_of(self, table: str, day: date | None = None) -> Iterator[ArchiveFile]:
        """The files of a table, of one day or in the order of days."""
        for file in self.files:
            if file.table == table and day in {None, file.day}:
                yield file


def manifest_bytes(manifest: Manifest) -> bytes:
    """The file's content."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def hash_of(content: bytes) -> str:
    """The SHA-256 of a manifest's content, in hex."""
    return sha256(content).hexdigest()


def read_manifest(content: bytes, place: str) -> Manifest:
    """Read a manifest.

    Raises:
        Malformed: it is none, or of another format; names the place.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise Malformed(place, f"the manifest of an archive is expected ({error})") from None
    if manifest.format != FORMAT:
        raise Malformed(place, f"format {FORMAT} is expected, it has {manifest.format}")
    return manifest
