"""One statement file: what became of it, what is wrong with it, and how it begins."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from console.config import Visit
from console.pages.parameters import read_number, zone_values
from console.pages.records.evidence import BYTES_TYPE
from console.replies import FileDownload, HtmlPage, RequestRefused, not_found
from console.sentences import counted
from feeds.statements.archive import file_parts
from feeds.statements.file_details import (
    PREVIEW_BYTES,
    FileDetail,
    archive_of_file,
    effects_of_file,
    file_numbered,
    files_of_day,
    findings_of_file,
    start_of_file,
)
from reports.stored_runs import RunLine, runs_since
from storage.archive.rows import ArchiveUnreadable
from storage.audit import trail
from vocabulary.errors import NotAllowed
from vocabulary.window import Window

#: What one page lists of each.
FINDINGS_MAX, RUNS_MAX, FILES_MAX = 200, 10, 20
#: Lines of a preview, and characters of a line.
PREVIEW_LINES, LINE_CHARS_MAX = 40, 400
#: Largest file that a browser gets; the command copies larger ones.
DOWNLOAD_BYTES_MAX = 64 * 1024 * 1024


def show(visit: Visit) -> HtmlPage:
    """The file as it was received, with what reading it found."""
    with visit.console.readers.connect() as connection:
        file = _named(visit, connection)
        findings, count = findings_of_file(connection, file, limit=FINDINGS_MAX)
        start, why_away = _start(connection, file)
        values: dict[str, Any] = {
            "file": file,
            "sentence": sentence_of(file),
            "findings": findings,
            "findings_count": count,
            "related": files_of_day(connection, file, limit=FILES_MAX),
            "effects": effects_of_file(connection, file.file_id),
            "runs": _runs(connection, file),
            "steps": trail(connection, f"file {file.file_id}"),
            "archive": archive_of_file(connection, file.file_id),
            "why_away": why_away,
        }
    values |= {
        "preview": preview_of(start),
        "is_cut": file.size > PREVIEW_BYTES,
        "download_max": DOWNLOAD_BYTES_MAX,
        "mapping": [
            line
            for line in visit.config.settings
            if line.key.startswith(f"providers.{file.provider}.statement")
            and line.source != "default"
        ],
        **zone_values(visit.config, file.provider),
    }
    return HtmlPage(template="records/file.html", values=values)


def download(visit: Visit) -> FileDownload:
    """Every byte of the file as received."""
    with visit.console.readers.connect() as connection:
        file = _named(visit, connection)
        if file.size > DOWNLOAD_BYTES_MAX:
            raise NotAllowed(
                f"the file has {file.size} bytes, more than a browser gets: copy it with"
                f" `tieout feed file {file.file_id} COPY`"
            )
        content = b"".join(file_parts(connection, file.file_id))
    return FileDownload(
        name=f"file-{file.file_id}.bin", content_type=BYTES_TYPE, content=content
    )


def sentence_of(file: FileDetail) -> str:
    """What became of the file, in a sentence."""
    read = f"{counted(file.records, 'record')} read, {counted(file.refused, 'line')} refused"
    if file.verdict == "quarantined":
        answer = f"Nothing of this file counts: it is in quarantine; {read}"
    elif file.replaced_by is not None:
        answer = f"File {file.replaced_by} restates this one; {read}"
    elif file.verdict == "partly":
        answer = f"This file was imported in part: {read}"
    else:
        answer = f"This file was imported: {read}"
    return f"{answer}."


def preview_of(start: bytes) -> list[bytes] | None:
    """The first lines as they are; None: it is no text."""
    if b"\0" in start[:4096] or start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"PAR1")):
        return None
    return [line[:LINE_CHARS_MAX] for line in start.splitlines()[:PREVIEW_LINES]]


def _start(connection: Connection, file: FileDetail) -> tuple[bytes, str | None]:
    """How the file begins; if its archive is out of reach, why."""
    try:
        return start_of_file(connection, file.file_id), None
    except ArchiveUnreadable as error:
        return b"", str(error)


def _named(visit: Visit, connection: Connection) -> FileDetail:
    number = read_number("file", visit.path["id"])
    file = file_numbered(connection, number)
    if file is None:
        raise _unknown(visit)
    return file


def _unknown(visit: Visit) -> RequestRefused:
    return not_found("file", visit.path["id"])


def _runs(connection: Connection, file: FileDetail) -> list[RunLine]:
    """The first runs after its arrival over what it covers; none if nothing was read."""
    if file.covers_from is None or file.covers_to is None:
        return []
    end = file.covers_to + timedelta(microseconds=1)
    window = Window(start=file.covers_from, end=end)
    return runs_since(connection, file.provider, window, file.received_at, limit=RUNS_MAX)
