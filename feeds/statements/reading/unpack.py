"""Compressed statement files: unpacked once, to a temporary file, with a limit.

The whole file is unpacked before any of it is read: only its end has the checksum.
"""

import bz2
import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.confined.limits import LimitExceeded
from feeds.statements.reading.table import UnreadableRow

#: Bytes by which a packed file is recognized.
MAGIC_BYTES = 8

_CHUNK_BYTES = 1 << 16
_ZIP = b"PK\x03\x04"
_OPENERS: Mapping[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_SUFFIXES = frozenset({".gz", ".gzip", ".bz2", ".xz"})
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old or an encrypted workbook: save it as XLSX without a password",
    b"%PDF": "a PDF: ask for the table itself",
    b"(\xb5/\xfd": "packed with zstd: unpack it, or ask for gzip",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"PK\x05\x06": "an empty ZIP archive",
}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A file that is not packed any more.

    Attributes:
        stream: its bytes, from the start.
        name: its own name.
    """

    stream: BinaryIO
    name: str


def is_packed(start: bytes) -> bool:
    """Whether a file with these first bytes is compressed, as workbooks are too."""
    return start.startswith((_ZIP, *_OPENERS))


@contextmanager
def unpacked(stream: BinaryIO, name: str, bytes_max: int) -> Iterator[Unpacked | UnreadableRow]:
    """The file in a compressed file, or the file itself if it is none.

    Raises:
        LimitExceeded: it is larger than ``bytes_max``.
    """
    start = stream.read(MAGIC_BYTES)
    stream.seek(0)
    with ExitStack() as stack:
        try:
            member = _opened(stream, name, start)
            if isinstance(member, Unpacked) and member.stream is not stream:
                copy = stack.enter_context(tempfile.TemporaryFile())
                member = Unpacked(_copied(member.stream, copy, bytes_max), member.name)
        except _DAMAGE:
            reason = "a compressed statement is expected, this file is broken or cut"
            member = UnreadableRow(1, reason, FindingKind.TRUNCATED_FILE)
        yield member


def _opened(stream: BinaryIO, name: str, start: bytes) -> Unpacked | UnreadableRow:
    for magic, content in _OTHERS.items():
        if start.startswith(magic):
            reason = f"a statement is expected, this is {content}"
            return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if start.startswith(_ZIP):
        return _zip_member(stream, name)
    for magic, opener in _OPENERS.items():
        if start.startswith(magic):
            path = PurePosixPath(name)
            inner = path.stem if path.suffix.lower() in _SUFFIXES else name
            return Unpacked(cast(BinaryIO, opener(stream)), inner)
    return Unpacked(stream, name)


def _zip_member(stream: BinaryIO, name: str) -> Unpacked | UnreadableRow:
    """The only file of an archive; a workbook is an archive and no packed file."""
    archive = zipfile.ZipFile(stream)
    names = {info.filename.lower().lstrip("/") for info in archive.infolist()}
    if "[content_types].xml" in names or any(name.startswith("xl") for name in names):
        stream.seek(0)
        return Unpacked(stream, name)
    if "mimetype" in names:
        reason = "a statement is expected, this is an OpenDocument file: save it as XLSX"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    files = [info for info in archive.infolist() if _is_content(info)]
    if len(files) != 1:
        reason = f"one file in the ZIP archive is expected, it has {len(files)}: unpack it"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if files[0].flag_bits & 1:
        reason = "a statement is expected, this ZIP archive is encrypted: unpack it"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    return Unpacked(cast(BinaryIO, archive.open(files[0])), files[0].filename)


def _is_content(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a file that a person packed."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    return not info.is_dir() and "__MACOSX" not in path.parts and path.name != ".DS_Store"


def _copied(source: BinaryIO, target: IO[bytes], bytes_max: int) -> BinaryIO:
    size = 0
    while chunk := source.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > bytes_max:
            raise LimitExceeded("unpacked_bytes", bytes_max)
        target.write(chunk)
    target.seek(0)
    return cast(BinaryIO, target)
