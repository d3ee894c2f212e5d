"""The files of archives: in a folder, or in an object store by its URL.

Imports Arrow: only for processes that work on archives. Others read through
``storage.archive.rows``.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from pyarrow import fs

from storage.archive.manifest import NAME, Manifest, hash_of, read_manifest
from vocabulary.errors import Malformed, Unavailable

# Each is a request to an object store.
_CHUNK_BYTES = 8 << 20
# Without it, Arrow tries Google's store for a quarter of an hour.
_GCS_LIMIT, _GCS_LIMIT_S = "retry_limit_seconds", 20
# What Amazon's store and Google's call it.
_REFUSALS = ("ACCESS_DENIED", "PERMISSION_DENIED", "UNAUTHENTICATED")
_ADVICE = "; are the credentials right, and do they allow to read and write there?"


class ArchiveFolder:
    """The folder of one archive.

    Args:
        location: the folder above it: a path, or a URL such as ``s3://bucket/prefix``.
        name: of the archive.

    Raises:
        Malformed: the location is no path and no URL that Arrow knows, or it has a secret.
        Unavailable: the object store is out of reach.
    """

    def __init__(self, location: str, name: str) -> None:
        shown = _without_secrets(location)
        self.place = f"{shown.rstrip('/')}/{name}"
        try:
            if "://" in location:
                with self.reaching():
                    self._files, root = fs.FileSystem.from_uri(_with_time_limit(location))
            else:
                self._files, root = fs.LocalFileSystem(), str(Path(location).absolute())
        except ValueError as error:
            reason = f"a folder or an object store is expected: {error}"
            raise Malformed(shown, reason) from None
        self._root = f"{root.rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether it is on a file system of this machine."""
        return isinstance(self._files, fs.LocalFileSystem)

    def exists(self, path: str = NAME) -> bool:
        """Whether the folder has such a file; by default, whether the archive is complete."""
        with self.reaching():
            info = self._files.get_file_info(f"{self._root}/{path}")
        return bool(info.type == fs.FileType.File)

    def open_input(self, path: str) -> Any:
        """Open a file for random access."""
        with self.reaching():
            return self._files.open_input_file(f"{self._root}/{path}")

    def create(self, path: str) -> "HashedFile":
        """Create or replace a file.

        An object store needs no folder, and making one asks it about the bucket, which who may
        work on objects alone may not.
        """
        name = f"{self._root}/{path}"
        with self.reaching():
            if self.is_local:
                self._files.create_dir(name.rpartition("/")[0], recursive=True)
            stream = self._files.open_output_stream(name)
        return HashedFile(stream, Path(name) if self.is_local else None, self.reaching)

    def write(self, path: str, content: bytes) -> None:
        """Write a whole file: never is a part of it there under its name.

        Object stores show an object once all of it arrived.
        """
        written = f"{path}.part" if self.is_local else path
        file = self.create(written)
        file.write(content)
        file.close()
        if self.is_local:
            with self.reaching():
                self._files.move(f"{self._root}/{written}", f"{self._root}/{path}")
                _sync(Path(f"{self._root}/{path}").parent)

    def read(self, path: str) -> bytes:
        """Read a whole file."""
        with self.reaching(), self.open_input(path) as file:
            content: bytes = file.read()
            return content

    def hash(self, path: str) -> tuple[int, str]:
        """How many bytes a file has, and their SHA-256 in hex."""
        digest, size = sha256(), 0
        with self.reaching(), self.open_input(path) as file:
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

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Report a failure of the file system or object store.

        Raises:
            Unavailable: there was one; says what the store said.
        """
        try:
            yield
        except OSError as error:
            is_refusal = any(refusal in str(error) for refusal in _REFUSALS)
            advice = _ADVICE if is_refusal else ""
            raise Unavailable(f"{self.place} is out of reach: {error}{advice}") from error


class HashedFile:
    """A file that is written once, with the hash of its bytes.

    Attributes:
        size: bytes written so far.
    """

    def __init__(
        self,
        stream: BinaryIO,
        local: Path | None,
        reaching: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._stream = stream
        self._local = local
        self._reaching = reaching
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
        with self._reaching():
            self._stream.write(content)
        size = len(content)
        self.size += size
        return size

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Pass on what is buffered."""
        with self._reaching():
            self._stream.flush()

    def close(self) -> None:
        """Close the file; on a file system its bytes are then on the disk."""
        if self.closed:
            return
        self.closed = True
        with self._reaching():
            self._stream.close()
            if self._local is not None:
                for path in (self._local, self._local.parent):
                    _sync(path)


def _without_secrets(location: str) -> str:
    """A location as it may be shown: without the options of its URL.

    Raises:
        Malformed: it has a secret, which would be stored with the archive.
    """
    if "://" not in location:
        return location
    url = urlsplit(location)
    shown = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
    if url.password is not None or (url.scheme == "s3" and url.username is not None):
        raise Malformed(
            shown, "credentials are expected in the environment or a profile, not in the URL"
        )
    return shown


def _with_time_limit(location: str) -> str:
    """A location whose store is not tried for longer than one command should wait."""
    if not location.startswith(("gs://", "gcs://")) or _GCS_LIMIT in location:
        return location
    return f"{location}{'&' if '?' in location else '?'}{_GCS_LIMIT}={_GCS_LIMIT_S}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
