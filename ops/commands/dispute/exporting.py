"""``tieout dispute export``: write the pack that goes to the provider."""

from pathlib import Path
from typing import Annotated

import typer

from breaks.disputes.store import get_dispute
from breaks.store import transaction
from ops.commands.database import refusals
from ops.commands.dispute.named import DisputeId, complete_dispute
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, By
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.finance.disputes import disputed_provider
from reports.disputes.export import ExportedPack, export_dispute, pack_of
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import Malformed
from vocabulary.people import Right


def export(
    ctx: typer.Context,
    dispute: DisputeId,
    *,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(),
    number: Annotated[
        int | None, typer.Option(help="Write this earlier pack again, byte for byte.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Write the pack of a dispute; if nothing changed since the last one, that one."""
    engine, name = open_books_as(ctx, by, Right.DISPUTE)
    dispute_id = complete_dispute(engine, dispute)
    with refusals():
        if number is not None:
            pack = pack_of(engine, dispute_id, number)
        else:
            with transaction(engine) as connection:
                slug = get_dispute(connection, dispute_id).provider
            disputed = disputed_provider(entry_named(context_of(ctx).settings, slug))
            now = SystemClock().now()
            pack = export_dispute(engine, dispute_id, disputed, by=name, now=now)
    path = _write(pack, out)
    _print(pack, path, dispute_id, as_json=as_json)


def _write(pack: ExportedPack, folder: Path) -> Path:
    path = folder / pack.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack.content)
    except OSError as error:
        raise Malformed("--out", f"a writable folder is expected: {error.strerror}") from error
    return path


def _print(pack: ExportedPack, path: Path, dispute_id: str, *, as_json: bool) -> None:
    export = pack.export
    if as_json:
        document = {
            "dispute": dispute_id,
            "path": path,
            "pack": export.number,
            "is_new": pack.is_new,
            "exported_by": export.exported_by,
            "exported_at": export.exported_at,
            "due": export.due_at,
            "sha256": export.pack_sha256,
            "document_sha256": export.document_sha256,
            "bytes": export.size,
        }
        print_json(document, indent=2, instant=iso)
        return
    typer.echo(path)
    verb = "written" if pack.is_new else "as written"
    typer.echo(
        f"pack {export.number}, {verb} {iso(export.exported_at)} by {export.exported_by};"
        f" answers are due {iso(export.due_at)}"
    )
    typer.echo(f"sha256 {export.pack_sha256}")
    typer.echo("send it with this number; when the answer is here:")
    print_next(f"tieout dispute import FILE --provider {_slug(pack)} --dry-run")


def _slug(pack: ExportedPack) -> str:
    return pack.name.rpartition("-dispute-")[0]
