"""Supplements of archives: further files, written when rows of an archived month leave.

A supplement is a folder in the archive's own, with a manifest of its own. Tables written:
``archive_supplements``, ``audit``; read: ``archived_records``,
``archived_files``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from storage.archive.archives import Archive, archive_name
from storage.archive.row_cut import RowName, RowsAreAway
from storage.archive.rows_request import RowsRequest
from storage.audit import record
from vocabulary.plurals import counted

_COLUMNS = "s.archive_id, a.month, a.location, s.number, s.manifest_hash, s.rows, s.bytes"
_ALL = f"""
SELECT {_COLUMNS} FROM archive_supplements s JOIN archives a USING (archive_id)
 WHERE CAST(:archive AS text) IS NULL OR s.archive_id = :archive
 ORDER BY a.month, s.number
"""  # noqa: S608 - only the constant above is put in
_OF_FILES = f"""
SELECT f.file_id, {_COLUMNS}
  FROM archived_files f JOIN archive_supplements s USING (archive_id, number)
  JOIN archives a USING (archive_id)
 WHERE f.file_id = ANY (CAST(:files AS bigint[])) ORDER BY f.file_id
"""  # noqa: S608 - only the constant above is put in
_INSERT = """
INSERT INTO archive_supplements (archive_id, number, manifest_hash, rows, bytes)
VALUES (:archive, :number, :manifest_hash, :rows, :bytes)
"""
_MONTHS = """
SELECT DISTINCT DATE '1970-01-01' + make_interval(months => v.month) AS month
  FROM archived_versions(record_hash(:provider, :record)) v
 WHERE NOT EXISTS (SELECT FROM feed_records r
                    WHERE r.provider = :provider AND r.record_id = :record)
 ORDER BY 1
"""
_HISTORIES = """
SELECT q.name
  FROM unnest(CAST(:names AS text[]), CAST(:keys AS bigint[])) AS q (name, match_key)
 WHERE (SELECT EXISTS (SELECT FROM archive_supplements))
   AND is_history_away(:provider, q.name, q.match_key)
 ORDER BY q.name
"""
#: Rounds that a refusal names.
_NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """One supplement of an archive.

    Attributes:
        month, location: of its archive.
        rows, bytes: of its files.
    """

    archive_id: str
    month: date
    location: str
    number: int
    manifest_hash: str
    rows: int
    bytes: int

    @property
    def folder(self) -> str:
        """Its folder below the archive's location."""
        return supplement_folder(self.archive_id, self.number)


def supplement_folder(archive: str, number: int) -> str:
    """The folder of a supplement below the location of its archive."""
    return f"{archive}/supplement-{number}"


def list_supplements(connection: Connection, archive: str | None = None) -> list[Supplement]:
    """The supplements of one archive or of all, in the order in which they were written."""
    rows = connection.execute(text(_ALL), {"archive": archive}).mappings()
    return [Supplement(**row) for row in rows]


def supplements_of_files(connection: Connection, files: Sequence[int]) -> dict[int, Supplement]:
    """Which supplements have the bytes of statement files, by file; of those that left."""
    rows = connection.execute(text(_OF_FILES), {"files": list(files)}).mappings()
    return {columns.pop("file_id"): Supplement(**columns) for columns in map(dict, rows)}


def store_supplement(
    connection: Connection,
    archive: Archive,
    *,
    number: int,
    manifest_hash: str,
    rows: int,
    bytes_: int,
    by: str,
) -> None:
    """Store that a supplement was written and read back, before any row of it leaves."""
    params = {
        "archive": archive.archive_id,
        "number": number,
        "manifest_hash": manifest_hash,
        "rows": rows,
        "bytes": bytes_,
    }
    connection.execute(text(_INSERT), params)
    detail = {name: params[name] for name in ("number", "manifest_hash", "rows", "bytes")}
    record(connection, by, "archive.supplemented", archive.archive_id, detail)


def archives_of_record(connection: Connection, provider: str, record_id: str) -> list[str]:
    """The archives whose supplements have a record that left; empty: it is here, or new."""
    params = {"provider": provider, "record": record_id}
    months = connection.execute(text(_MONTHS), params).scalars()
    return [archive_name(month) for month in months]


def require_histories(
    connection: Connection, provider: str, rounds: Sequence[RowName], subject: str
) -> None:
    """Check that what a provider reported of rounds before the cut is here.

    Raises:
        RowsAreAway: it may be in supplements only; names the first rounds, with the command.
    """
    params = {
        "provider": provider,
        "names": [name.name for name in rounds],
        "keys": [name.match_key for name in rounds],
    }
    if away := connection.execute(text(_HISTORIES), params).scalars().all():
        raise histories_away(provider, away, subject)


def histories_away(provider: str, rounds: Sequence[str], subject: str) -> RowsAreAway:
    """The refusal of what needs earlier records of rounds."""
    commands = "; ".join(
        f"`tieout archive recall --provider {provider} --round {name} --records`"
        for name in rounds[:_NAMED_MAX]
    )
    return RowsAreAway(
        f"{subject} {counted(len(rounds), 'round')} of {provider} whose earlier records left"
        f" for an archive. Recall them, and try again: {commands}",
        provider=provider,
    )


def supplement_request(
    supplement: Supplement,
    table: str,
    columns: Sequence[str],
    *,
    key: str = "",
    values: Sequence[int] | Sequence[str] = (),
    checked: bool = True,
) -> RowsRequest:
    """The request for rows of a table of a supplement; its file is hashed first, or not."""
    return RowsRequest(
        location=supplement.location,
        archive=supplement.folder,
        manifest_hash=supplement.manifest_hash,
        table=table,
        columns=list(columns),
        key=key,
        values=list(values),
        checked=checked,
    )
