"""Reading forms from the wire: text fields, and files on the routes that take them.

Files are written to a folder of the request as they arrive, which is removed with the reply. A
form that is too long, or that nobody may send, is given up before its files are read.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import BodyPartReader, web

#: Longest form without its files, in bytes.
FORM_BYTES_MAX = 64 * 1024
#: Most text fields of a form; more are no form of ours. A form has a box for each provider.
FIELDS_MAX = 1_000
#: Most files of a form.
FILES_MAX = 20
#: Longest name of a file, in characters.
FILE_NAME_CHARS_MAX = 200
_CHUNK_BYTES = 64 * 1024

#: Is asked, with the fields before the first file, whether the form may be sent at all.
Admit = Callable[[Mapping[str, str]], Awaitable[bool]]


class FormTooLong(Exception):
    """A form or its files have more bytes than they may have.

    Attributes:
        limit: how many they may have.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class TooManyFiles(Exception):
    """A form has more than ``FILES_MAX`` files."""


class FormNotAdmitted(Exception):
    """Nobody may send this form; its files were not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file of a form; it is gone after the reply.

    Attributes:
        field: the name of the form's field.
        name: as the browser names it, without folders and control characters.
        media_type: as the browser guesses it.
        path: where the bytes are until the reply.
    """

    field: str
    name: str
    media_type: str
    path: Path
    size: int
    sha256: str

    def read(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedForm:
    """The fields of a form, each name once, and its files."""

    fields: Mapping[str, str]
    files: tuple[UploadedFile, ...] = ()


class UploadFolder:
    """A folder for the files of one request, which leaving the context removes."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)

    def new_file(self, number: int) -> Path:
        """A path for a file; the folder is made for the first one."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="tieout-upload-"))
        return self._path / str(number)


async def read_fields(request: web.Request) -> ReceivedForm:
    """A form without files.

    Raises:
        HTTPRequestEntityTooLarge: it has more than ``FORM_BYTES_MAX``.
        ValueError: it is no form, has a file, or has too many fields.
    """
    fields = await request.post()
    if len(fields) > FIELDS_MAX:
        raise ValueError("too many fields")
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    if texts.keys() != set(fields.keys()):
        raise ValueError("a file, which this address does not take")
    for part in (*texts, *texts.values()):
        part.encode()  # some charsets hold halves of characters
    return ReceivedForm(fields=texts)


async def read_files(
    request: web.Request, folder: UploadFolder, *, bytes_max: int, admit: Admit
) -> ReceivedForm:
    """A form with files; its text fields stand before the files.

    Args:
        request: its body was not read yet.
        folder: gets the files.
        bytes_max: most bytes of all files together.
        admit: is asked before the first file.

    Raises:
        FormTooLong: the fields or the files have more bytes than they may have.
        TooManyFiles: it has more than ``FILES_MAX``.
        FormNotAdmitted: nobody may send it.
        ValueError: it is no form, or has too many fields.
    """
    if request.content_type != "multipart/form-data":
        return await read_fields(request)
    if (request.content_length or 0) > bytes_max + FORM_BYTES_MAX:
        raise FormTooLong(bytes_max)
    fields: dict[str, str] = {}
    files: list[UploadedFile] = []
    fields_left, files_left = FORM_BYTES_MAX, bytes_max
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise ValueError("a part without a name")
        if part.filename is None:
            content = await _content_of(part, fields_left)
            fields_left -= len(content)
            fields[part.name] = content.decode()
        elif file_name := _name_of(part.filename):
            if not files and not await admit(fields):
                raise FormNotAdmitted
            path = folder.new_file(len(files))
            file = await _store(part, file_name, path, files_left, bytes_max)
            files_left -= file.size
            files.append(file)
        if len(files) > FILES_MAX:
            raise TooManyFiles
        if len(fields) > FIELDS_MAX:
            raise ValueError("too many fields")
    return ReceivedForm(fields=fields, files=tuple(files))


async def _content_of(part: BodyPartReader, bytes_max: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        content += chunk
        if len(content) > bytes_max:
            raise FormTooLong(FORM_BYTES_MAX)
    return bytes(content)


async def _store(
    part: BodyPartReader, name: str, path: Path, bytes_left: int, bytes_max: int
) -> UploadedFile:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while chunk := await part.read_chunk(_CHUNK_BYTES):
            size += len(chunk)
            if size > bytes_left:
                raise FormTooLong(bytes_max)
            digest.update(chunk)
            file.write(chunk)
    return UploadedFile(
        field=part.name or "",
        name=name,
        media_type=part.headers.get("Content-Type", "application/octet-stream")[:100],
        path=path,
        size=size,
        sha256=digest.hexdigest(),
    )


def _name_of(sent: str) -> str:
    """The last part of a file's name, printable; empty if no file was chosen."""
    last = sent.replace("\\", "/").rpartition("/")[2]
    printable = "".join(char for char in last if char.isprintable()).strip()
    return (printable or ("file" if sent else ""))[-FILE_NAME_CHARS_MAX:]
