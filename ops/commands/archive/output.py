"""Archives as tables and as JSON."""

from collections.abc import Mapping, Sequence

import typer

from ops.commands.tables import print_rows
from storage.archive.archives import Archive, Release
from vocabulary.clock import iso
from vocabulary.plurals import counted

#: Most names in a refusal.
_NAMED_MAX = 5
_COLUMNS = ("archive", "state", "rows", "bytes", "location")


def first_of(names: Sequence[str]) -> str:
    """The first of what a refusal names, and whether there are others."""
    others = " and others" if len(names) > _NAMED_MAX else ""
    return f"{', '.join(names[:_NAMED_MAX])}{others}"


def archive_json(archive: Archive) -> dict[str, object]:
    """An archive as the commands print it."""
    release, row_release = archive.release, archive.row_release
    return {
        "archive": archive.archive_id,
        "month": f"{archive.month:%Y-%m}",
        "state": archive.standing,
        "rows": archive.rows,
        "bytes": archive.bytes,
        "location": archive.location,
        "manifest": archive.manifest_hash,
        "exported_by": archive.exported_by,
        "exported_at": iso(archive.exported_at),
        "requested_by": release and release.proposed_by,
        "reason": release and release.reason,
        "approved_by": release and release.decided_by,
        "let_go_at": _let_go_at(release),
        "rows_requested_by": row_release and row_release.proposed_by,
        "rows_approved_by": row_release and row_release.decided_by,
        "rows_let_go_at": _let_go_at(row_release),
    }


def _let_go_at(release: Release | None) -> str | None:
    return iso(release.let_go_at) if release and release.let_go_at else None


def print_archives(rows: Sequence[dict[str, object]], *, as_json: bool) -> None:
    """Print archives, one a line."""
    print_rows(list(rows), _COLUMNS, as_json=as_json)


def print_left(name: str, left: Mapping[str, int]) -> None:
    """Print what left the database with an archive, by what it is."""
    if "rows" in left:
        bytes_of, entries = counted(left["rows"], "row"), counted(left["entries"], "entry")
        typer.echo(f"{name}: the bytes of {bytes_of} left the database, and {entries}")
    else:
        operations = counted(left["operations"], "operation")
        rounds = counted(left["rounds"], "row of a round", "rows of rounds")
        typer.echo(f"{name}: {operations} and {rounds} left the database")
        records = counted(left["records"], "record")
        deliveries = counted(left["deliveries"], "delivery", "deliveries")
        logged = counted(left["logged"], "callback")
        typer.echo(f"{name}: {records}, {deliveries} and {logged} of providers' logs left")
        files = counted(left["files"], "statement file")
        typer.echo(f"{name}: the bytes of {files} left")
