"""The database's rows about archives, and the requests of people to let their bytes go.

Tables written: ``archives``, ``archive_releases``, ``audit``.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from storage.audit import record
from vocabulary.errors import NotAllowed

_ARCHIVES = """
SELECT a.archive_id, a.month, a.location, a.manifest_hash, a.rows, a.bytes, a.exported_by,
       a.exported_at, r.release_id, r.state, r.reason, r.proposed_by, r.decided_by, r.let_go_at
  FROM archives a
  LEFT JOIN archive_releases r ON r.archive_id = a.archive_id AND r.state <> 'rejected'
"""
_LIST = f"{_ARCHIVES} ORDER BY a.month"
_ONE = f"{_ARCHIVES} WHERE a.archive_id = :archive"
_INSERT = """
INSERT INTO archives (archive_id, month, location, manifest_hash, rows, bytes, exported_by)
VALUES (:archive, :month, :location, :manifest_hash, :rows, :bytes, :by)
"""
_MOVE = "UPDATE archives SET location = :location WHERE archive_id = :archive"
_REQUEST = """
INSERT INTO archive_releases (release_id, archive_id, reason, state, proposed_by, proposed_at)
VALUES (:release, :archive, :reason, 'proposed', :by, :now)
"""
_DECIDE = """
UPDATE archive_releases SET state = :state, decided_by = :by, decided_at = :now
 WHERE release_id = :release
"""
_LOCK = "SELECT state FROM archive_releases WHERE release_id = :release FOR UPDATE"
_FINISH = """
UPDATE archive_releases SET let_go_at = clock_timestamp()
 WHERE release_id = :release AND let_go_at IS NULL
"""


class ArchiveRefused(NotAllowed):
    """The rules do not allow a step of an archive; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archived month, and the request to let its bytes go that counts.

    Attributes:
        month: its first day.
        location: the folder or URL above its own folder.
        rows, bytes: of its files.
        state: of the request; None: there is none, or it was rejected.
        let_go_at: when the last bytes left the database.
    """

    archive_id: str
    month: date
    location: str
    manifest_hash: str
    rows: int
    bytes: int
    exported_by: str
    exported_at: datetime
    release_id: str | None
    state: str | None
    reason: str | None
    proposed_by: str | None
    decided_by: str | None
    let_go_at: datetime | None

    @property
    def standing(self) -> str:
        """How far its bytes are from leaving the database, in words."""
        if self.let_go_at is not None:
            return "let go"
        match self.state:
            case "proposed":
                return "waits for a second person"
            case "approved":
                return "being let go"
            case _:
                return "exported"


def archive_name(month: date) -> str:
    """The id of a month's archive, which is also the name of its folder."""
    return f"arc-{month:%Y-%m}"


def list_archives(connection: Connection) -> list[Archive]:
    """All archives, the oldest month first."""
    rows = connection.execute(text(_LIST)).mappings()
    return [Archive(**row) for row in rows]


def get_archive(connection: Connection, name: str) -> Archive:
    """One archive.

    Raises:
        ArchiveRefused: there is none.
    """
    row = connection.execute(text(_ONE), {"archive": name}).mappings().one_or_none()
    if row is None:
        raise ArchiveRefused(f"there is no archive {name}; `tieout archive list` shows all")
    return Archive(**row)


def store_archive(
    connection: Connection,
    *,
    month: date,
    location: str,
    manifest_hash: str,
    rows: int,
    bytes_: int,
    by: str,
) -> None:
    """Store that a month was exported and checked."""
    params = {
        "archive": archive_name(month),
        "month": month,
        "location": location,
        "manifest_hash": manifest_hash,
        "rows": rows,
        "bytes": bytes_,
        "by": by,
    }
    connection.execute(text(_INSERT), params)
    detail = {name: params[name] for name in ("location", "manifest_hash", "rows", "bytes")}
    record(connection, by, "archive.exported", archive_name(month), detail)


def move_archive(connection: Connection, archive: Archive, location: str, *, by: str) -> None:
    """Store that the files of an archive are somewhere else now."""
    params = {"archive": archive.archive_id, "location": location}
    connection.execute(text(_MOVE), params)
    detail = {"from": archive.location, "to": location}
    record(connection, by, "archive.moved", archive.archive_id, detail)


def request_release(
    connection: Connection, archive: Archive, *, reason: str, by: str, now: datetime
) -> str:
    """Request that the bytes of an archive leave the database; returns the request's id.

    Raises:
        ArchiveRefused: no reason, or there is such a request.
    """
    if not reason.strip():
        raise ArchiveRefused("a reason is expected")
    if archive.release_id is not None:
        raise ArchiveRefused(
            f"{archive.archive_id}: {archive.proposed_by} requested {archive.release_id}, which"
            f" is {archive.state}"
        )
    release = f"rel-{uuid.uuid4().hex}"
    params = {
        "release": release,
        "archive": archive.archive_id,
        "reason": reason.strip(),
        "by": by,
        "now": now,
    }
    connection.execute(text(_REQUEST), params)
    record(connection, by, "archive.requested", archive.archive_id, {"reason": reason.strip()})
    return release


def decide_release(
    connection: Connection,
    archive: Archive,
    state: str,
    *,
    by: str,
    now: datetime,
    why: str = "",
) -> None:
    """Approve or reject another person's request; approving an approved one does nothing.

    Raises:
        ArchiveRefused: there is no request, it is decided, or it is the person's own.
    """
    if archive.release_id is None:
        raise ArchiveRefused(
            f"{archive.archive_id}: nobody requested to let its bytes go; see"
            " `tieout archive request`"
        )
    params = {"release": archive.release_id, "state": state, "by": by, "now": now}
    current = connection.execute(text(_LOCK), params).scalar_one()
    if current == state == "approved":
        return
    if current != "proposed":
        raise ArchiveRefused(f"{archive.archive_id}: {archive.release_id} is {current}")
    if archive.proposed_by == by:
        raise ArchiveRefused(f"{by} requested {archive.release_id}: another person decides")
    connection.execute(text(_DECIDE), params)
    record(connection, by, f"archive.{state}", archive.archive_id, {"why": why} if why else {})


def finish_release(
    connection: Connection, archive: Archive, *, by: str, rows: int, entries: int
) -> None:
    """Store that all that may leave the database of an archive has left it.

    ``rows`` lost their bytes now, and ``entries`` left now.
    """
    connection.execute(text(_FINISH), {"release": archive.release_id})
    detail = {"rows": rows, "entries": entries}
    record(connection, by, "archive.let_go", archive.archive_id, detail)
