"""Files that people attach to a break: bounded, their type read from the bytes, kept for ever.

Tables written: ``break_notes``, ``break_files``, ``audit``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from breaks.actions import Note, add_note, is_noted
from breaks.states import ActionRefused
from breaks.store import lock_break, transaction
from vocabulary.plurals import counted

#: Largest file, in bytes.
FILE_BYTES_MAX = 10 * 1024 * 1024
#: Most files of one break.
FILES_MAX = 20
#: First bytes by type; anything else is text or unknown.
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
)
_COUNT = """
SELECT count(*) FROM break_files JOIN break_notes USING (note_id) WHERE break_id = :id
"""
_OF_BREAK = """
SELECT note_id FROM break_files JOIN break_notes USING (note_id) WHERE break_id = :id
"""
_GET = """
SELECT n.body AS name, f.media_type, f.content
  FROM break_files f JOIN break_notes n USING (note_id)
 WHERE n.break_id = :id AND f.note_id = :note_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """A file; ``media_type`` as its bytes say."""

    name: str
    media_type: str
    content: bytes


def type_of(content: bytes) -> str:
    """The type of a file by its bytes; never one that a browser would run."""
    for magic, media_type in _MAGIC:
        if content.startswith(magic):
            return media_type
    try:
        is_text = "\0" not in content.decode()
    except UnicodeDecodeError:
        is_text = False
    return "text/plain" if is_text else "application/octet-stream"


def attach_files(
    engine: Engine,
    break_id: str,
    files: Sequence[tuple[str, bytes]],
    *,
    by: str,
    now: datetime,
    seen: int | None = None,
) -> None:
    """Attach files, each with its name, to a break: all of them or none.

    Phones give several pictures one name, so a name may come twice; the same file counts once.
    A form that is sent twice attaches once: ``seen`` is the newest note when it was made.

    Raises:
        ActionRefused: there is no such break, a file is empty or too large, or the break would
            have more than ``FILES_MAX``.
        Unavailable: the database is out of reach.
    """
    for name, content in files:
        check_size(name, len(content))
    with transaction(engine) as connection:
        lock_break(connection, break_id)  # of two who attach, one counts the other's file
        notes = [
            Note(kind="file", body=name, content=content, media_type=type_of(content))
            for name, content in dict.fromkeys(files)
        ]
        if seen is not None:
            notes = [
                note
                for note in notes
                if not is_noted(connection, break_id, note, by=by, seen=seen)
            ]
        count = connection.execute(text(_COUNT), {"id": break_id}).scalar_one()
        if count + len(notes) > FILES_MAX:
            raise ActionRefused(
                f"{break_id} has {counted(count, 'file')}, and at most {FILES_MAX} are kept"
            )
        for note in notes:
            add_note(connection, break_id, note, by=by, now=now)


def check_size(name: str, size: int) -> None:
    """Check that a file is neither empty nor too large.

    Raises:
        ActionRefused: it is.
    """
    if not 0 < size <= FILE_BYTES_MAX:
        most = FILE_BYTES_MAX // 1024**2
        raise ActionRefused(f"{name} has {size} bytes: 1 byte to {most} MiB are expected")


def attached_notes(connection: Connection, break_id: str) -> frozenset[int]:
    """The notes of a break whose file can be downloaded."""
    return frozenset(connection.execute(text(_OF_BREAK), {"id": break_id}).scalars())


def attached_file(connection: Connection, break_id: str, note_id: int) -> AttachedFile | None:
    """The file of a note; None if the break has no such file."""
    params = {"id": break_id, "note_id": note_id}
    row = connection.execute(text(_GET), params).one_or_none()
    if row is None:
        return None
    return AttachedFile(name=row.name, media_type=row.media_type, content=bytes(row.content))
