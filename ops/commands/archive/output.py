"""Archives as tables and as JSON."""

from collections.abc import Sequence

from ops.commands.tables import print_rows
from storage.archive.archives import Archive
from vocabulary.clock import iso

_COLUMNS = ("archive", "state", "rows", "bytes", "location")


def archive_json(archive: Archive) -> dict[str, object]:
    """An archive as the commands print it."""
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
        "requested_by": archive.proposed_by,
        "reason": archive.reason,
        "approved_by": archive.decided_by,
        "let_go_at": archive.let_go_at and iso(archive.let_go_at),
    }


def print_archives(rows: Sequence[dict[str, object]], *, as_json: bool) -> None:
    """Print archives, one a line."""
    print_rows(list(rows), _COLUMNS, as_json=as_json)
