"""The files of archives: in a folder, or in an object store by its URL.

Imports Arrow: only for processes that work on archives. Others read through
``storage.archive.rows``.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pyarrow import fs

from storage.archive.manifest import NAME, Manifest, hash_of, read_manifest
from vocabulary.errors import Malformed, Unavailable

_CHUNK_BYTES = 1 << 20


class ArchiveFolder:
    """The folder of one archive.

    Args:
        location: the folder above it: a path, or a URL such as ``s3://bucket/prefix``.
        name: of the archive.

    Raises:
        Malformed: the location is no path and no URL that Arrow knows.
    """

    def __init__(self, location: str, name: str) -> None:
        try:
            if "://" in location:
                self._files, root = fs.FileSystem.from_uri(location)
            else:
                self._files, root = fs.LocalFileSystem(), str(Path(location).absolute())
        except (OSError, ValueError) as error:
            reason = f"a folder or an object store is expected: {error}"
            raise Malformed(location, reason) from None
        self.place = f"{location.rstrip('/')}/{name}"
        self._root = f"{root.rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether it is on a file system of this machine."""
        return isinstance(self._files, fs.LocalFileSystem)

    def exists(self, path: str = NAME) -> bool:
        """Whether the folder has such a file; by default, whether the archive is complete."""
        found = self._reached(lambda: self._files.get_file_info(f"{self._root}/{path}"))
        return bool(found.type == fs.FileType.File)

    def open_input(self, path: str) -> Any:
        """Open a file for random access."""
        return self._reached(lambda: self._files.open_input_file(f"{self._root}/{path}"))

    def create(self, path: str) -> "HashedFile":
        """Create or replace a file."""
        name = f"{self._root}/{path}"

        def open_output() -> Any:
            self._files.create_dir(name.rpartition("/")[0], recursive=True)
            return self._files.open_output_stream(name)

        return HashedFile(self._reached(open_output), Path(name) if self.is_local else None)

    def write(self, path: str, content: bytes) -> None:
        """Write a whole file."""
        file = self.create(path)
        file.write(content)
        file.close()

    def read(self, path: str) -> bytes:
        """Read a whole file."""
        with self.open_input(path) as file:
            content: bytes = file.read()
            return content

    def hash(self, path: str) -> tuple[int, str]:
        """How many bytes a file has, and their SHA-256 in hex."""
        digest, size = sha256(), 0
        with self.open_input(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()

    def manifest(self, expected_hash: str | None = None) -> Manifest:
        """The archive's manifest.

        Raises:
            Malformed: it is not the one with this hash.
            Unavailable: it is out of reach.
        """
        content = self.read(NAME)
        if expected_hash is not None and hash_of(content) != expected_hash:
            raise Malformed(f"{self.place}/{NAME}", "it is not the manifest of this archive")
        return read_manifest(content, f"{self.place}/{NAME}")

    def _reached(self, action: Any) -> Any:
        try:
            return action()
        except OSError as error:
            raise Unavailable(f"{self.place} is out of reach: {error}") from error


class HashedFile:
    """A file that is written once, with the hash of its bytes.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, stream: BinaryIO, local: Path | None) -> None:
        self._stream = stream
        self._local = local
        self._digest = sha256()
        self.size = 0
        self.closed = False

    @property
    def sha256(self) -> str:
        """Of the bytes written so far, in hex."""
        return self._digest.hexdigest()

    def write(self, content: bytes) -> int:
        """Append bytes."""
        self._digest.update(content)
        self._stream.write(content)
        size = len(content)
        self.size += size
        return size

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._stream.flush()

    def close(self) -> None:
        """Close the file; on a file system its bytes are then on the disk."""
        if self.closed:
            return
        self.closed = True
        self._stream.close()
        if self._local is not None:
            for path in (self._local, self._local.parent):
                _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
