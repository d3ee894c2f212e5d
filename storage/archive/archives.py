"""The database's rows about archives, and the requests of people to let them go.

Tables written: ``archives``, ``archive_releases``, ``audit``.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, RowMapping, text

from storage.audit import record
from vocabulary.errors import NotAllowed

_ARCHIVES = """
SELECT a.archive_id, a.month, a.location, a.manifest_hash, a.rows, a.bytes, a.exported_by,
       a.exported_at, to_jsonb(b) AS release, to_jsonb(r) AS row_release
  FROM archives a
  LEFT JOIN archive_releases b
    ON b.archive_id = a.archive_id AND b.state <> 'rejected' AND b.what = 'bytes'
  LEFT JOIN archive_releases r
    ON r.archive_id = a.archive_id AND r.state <> 'rejected' AND r.what = 'rows'
"""
_RELEASES = ("release", "row_release")
_LIST = f"{_ARCHIVES} ORDER BY a.month"
_ONE = f"{_ARCHIVES} WHERE a.archive_id = :archive"
_INSERT = """
INSERT INTO archives (archive_id, month, location, manifest_hash, rows, bytes, exported_by)
VALUES (:archive, :month, :location, :manifest_hash, :rows, :bytes, :by)
"""
_MOVE = "UPDATE archives SET location = :location WHERE archive_id = :archive"
_REQUEST = """
INSERT INTO archive_releases (release_id, archive_id, what, reason, state, proposed_by,
                              proposed_at)
VALUES (:release, :archive, :what, :reason, 'proposed', :by, :now)
"""
_DECIDE = """
UPDATE archive_releases SET state = :state, decided_by = :by, decided_at = :now
 WHERE release_id = :release
"""
_ROWS_STAY = "SELECT rows_stay_because(:month)"
_LOCK = "SELECT state FROM archive_releases WHERE release_id = :release FOR UPDATE"
_FINISH = """
UPDATE archive_releases SET let_go_at = clock_timestamp()
 WHERE release_id = :release AND let_go_at IS NULL
"""


class ArchiveRefused(NotAllowed):
    """The rules do not allow a step of an archive; nothing was changed."""


class Leaving(StrEnum):
    """What a request lets leave the database: bytes and entries first, rows after them."""

    BYTES = "bytes"
    ROWS = "rows"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A request to let something of an archived month go, that was not rejected.

    Attributes:
        let_go_at: when the last of it left the database.
    """

    release_id: str
    state: str
    reason: str
    proposed_by: str
    decided_by: str | None
    let_go_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archived month, and the requests about it that count.

    Attributes:
        month: its first day.
        location: the folder or URL above its own folder.
        rows, bytes: of its files.
        release: the request to let its bytes and entries go, if there is one.
        row_release: the request to let its rows go, if there is one.
    """

    archive_id: str
    month: date
    location: str
    manifest_hash: str
    rows: int
    bytes: int
    exported_by: str
    exported_at: datetime
    release: Release | None
    row_release: Release | None

    @property
    def state(self) -> str | None:
        """Of the request to let its bytes go; None: there is none."""
        return None if self.release is None else self.release.state

    @property
    def standing(self) -> str:
        """How far it is from leaving the database, in words."""
        if self.row_release is not None:
            return f"let go, rows {_standing(self.row_release, 'wait')}"
        return "exported" if self.release is None else _standing(self.release, "waits")

    def release_of(self, what: Leaving) -> Release | None:
        """The request about its bytes or its rows, if there is one."""
        return self.release if what is Leaving.BYTES else self.row_release


def _standing(release: Release, waits: str) -> str:
    if release.let_go_at is not None:
        return "let go"
    if release.state == "proposed":
        return f"{waits} for a second person"
    return "being let go"


def archive_name(month: date) -> str:
    """The id of a month's archive, which is also the name of its folder."""
    return f"arc-{month:%Y-%m}"


def list_archives(connection: Connection) -> list[Archive]:
    """All archives, the oldest month first."""
    return [_archive(row) for row in connection.execute(text(_LIST)).mappings()]


def get_archive(connection: Connection, name: str) -> Archive:
    """One archive.

    Raises:
        ArchiveRefused: there is none.
    """
    row = connection.execute(text(_ONE), {"archive": name}).mappings().one_or_none()
    if row is None:
        raise ArchiveRefused(f"there is no archive {name}; `tieout archive list` shows all")
    return _archive(row)


def _archive(row: RowMapping) -> Archive:
    releases = {name: msgspec.convert(row[name], Release | None) for name in _RELEASES}
    return Archive(**{**row, **releases})


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
    connection: Connection,
    archive: Archive,
    what: Leaving = Leaving.BYTES,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> str:
    """Request that bytes or rows of an archive leave the database; returns the request's id.

    Raises:
        ArchiveRefused: no reason, there is such a request, or these rows may not leave yet.
    """
    if not reason.strip():
        raise ArchiveRefused("a reason is expected")
    if (earlier := archive.release_of(what)) is not None:
        raise ArchiveRefused(
            f"{archive.archive_id}: {earlier.proposed_by} requested {earlier.release_id}, which"
            f" is {earlier.state}"
        )
    if what is Leaving.ROWS:
        require_rows_may_leave(connection, archive)
    release = f"rel-{uuid.uuid4().hex}"
    params = {
        "release": release,
        "archive": archive.archive_id,
        "what": what,
        "reason": reason.strip(),
        "by": by,
        "now": now,
    }
    connection.execute(text(_REQUEST), params)
    detail = {"reason": reason.strip(), **_detail_of(what)}
    record(connection, by, "archive.requested", archive.archive_id, detail)
    return release


def require_rows_may_leave(connection: Connection, archive: Archive) -> None:
    """Check that the rows of an archived month are the next ones to leave.

    Raises:
        ArchiveRefused: its bytes or an earlier month's rows are still there, or no month end
            is taken of it.
    """
    reason = connection.execute(text(_ROWS_STAY), {"month": archive.month}).scalar_one()
    if reason is not None:
        raise ArchiveRefused(f"the rows of {archive.archive_id} stay: {reason}")


def decide_release(
    connection: Connection,
    archive: Archive,
    state: str,
    what: Leaving = Leaving.BYTES,
    *,
    by: str,
    now: datetime,
    why: str = "",
) -> None:
    """Approve or reject another person's request; approving an approved one does nothing.

    Raises:
        ArchiveRefused: there is no request, it is decided, or it is the person's own.
    """
    release = archive.release_of(what)
    if release is None:
        option = " --rows" if what is Leaving.ROWS else ""
        raise ArchiveRefused(
            f"{archive.archive_id}: nobody requested to let its {what} go; see"
            f" `tieout archive request{option}`"
        )
    params = {"release": release.release_id, "state": state, "by": by, "now": now}
    current = connection.execute(text(_LOCK), params).scalar_one()
    if current == state == "approved":
        return
    if current != "proposed":
        raise ArchiveRefused(f"{archive.archive_id}: {release.release_id} is {current}")
    if release.proposed_by == by:
        raise ArchiveRefused(f"{by} requested {release.release_id}: another person decides")
    connection.execute(text(_DECIDE), params)
    detail = {**({"why": why} if why else {}), **_detail_of(what)}
    record(connection, by, f"archive.{state}", archive.archive_id, detail)


def finish_release(
    connection: Connection,
    archive: Archive,
    what: Leaving = Leaving.BYTES,
    *,
    by: str,
    **left: int,
) -> None:
    """Store that all that may leave the database of an archive has left it.

    ``left`` is what left now, such as rows that lost their bytes, and entries.
    """
    release = archive.release_of(what)
    assert release is not None
    connection.execute(text(_FINISH), {"release": release.release_id})
    detail = {**left, **_detail_of(what)}
    record(connection, by, "archive.let_go", archive.archive_id, detail)


def _detail_of(what: Leaving) -> dict[str, str]:
    return {} if what is Leaving.BYTES else {"what": what}
