"""``tieout archive request|approve|reject``: let archived months go, by two people."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from feeds.archived.record_release import let_records_go
from ledger.amounts.listing import forget_archived_operation_amounts
from ledger.archive.check import check_archive, seal_faults
from ledger.archive.months import month_end
from ledger.archive.release import let_entries_go, let_go, require_owner, take_month_end
from ledger.archive.row_release import let_rows_go, require_all_follow
from ledger.seal.seal import Progress, sealed_days
from ops.commands.archive.listing import Name
from ops.commands.archive.open_invoices import require_invoices_decided
from ops.commands.archive.output import print_left
from ops.commands.archive.signed_figures import require_figures_as_signed
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.next_commands import print_next_for_another
from ops.commands.options import By, Reason
from ops.commands.progress import Announce, progress_bars
from ops.context import context_of
from ops.providers.configured import configured_provider
from reconcile.days.day_amounts import forget_archived_amounts
from storage.archive.archives import (
    Archive,
    Leaving,
    decide_release,
    finish_release,
    get_archive,
    request_release,
)
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import Manifest
from storage.transactions import engine_at, reading, transaction
from storage.vacuum import vacuum
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction
from vocabulary.people import Right

Rows = Annotated[
    bool, typer.Option("--rows", help="Rows of operations, rounds and records, at last.")
]


def request(
    ctx: typer.Context, name: Name, *, rows: Rows = False, reason: Reason, by: By = None
) -> None:
    """Request that an archived month leaves the database; another person approves."""
    engine, person = open_books_as(ctx, by, Right.ARCHIVE)
    now, what = SystemClock().now(), _leaving(rows=rows)
    with refusals(), transaction(engine, "archive") as connection:
        archive = get_archive(connection, name)
        release = request_release(connection, archive, what, reason=reason, by=person, now=now)
    typer.echo(f"{release} waits for a second person: nothing of {name} left the database")
    print_next_for_another(f"tieout archive approve {name}{' --rows' if rows else ''}")


def approve(ctx: typer.Context, name: Name, *, rows: Rows = False, by: By = None) -> None:
    """Approve another person's request; bytes and entries go; repeating finishes it.

    The archive is checked first. Callbacks may go on meanwhile. Needs the owner of the tables.
    With --rows, the rows of operations and rounds go, and the records of the feeds.
    """
    engine, person = open_books_as(ctx, by, Right.LET_GO)
    with refusals(), engine_at(context_of(ctx).owner_url) as owner:
        require_owner(owner)
        with reading(engine, "archive") as connection:
            archive = get_archive(connection, name)
        folder = ArchiveFolder(archive.location, name)
        manifest = folder.manifest(archive.manifest_hash)
        with progress_bars() as announce:
            _require_whole(engine, folder, manifest, announce("lines", None))
            if rows:
                _require_decided(ctx, engine, archive)
            with transaction(engine, "archive") as connection:
                now, what = SystemClock().now(), _leaving(rows=rows)
                decide_release(connection, archive, "approved", what, by=person, now=now)
            if rows:
                left = _let_rows_go(engine, owner, archive, announce, by=person)
            else:
                left = _let_bytes_go(owner, archive, folder, manifest, announce)
        with transaction(engine, "archive") as connection:
            finish_release(connection, archive, what, by=person, **left)
        print_left(name, left)
        ended = None if rows else take_month_end(owner, by=person)
    if ended is not None:
        typer.echo(f"`tieout ledger verify --from-month-end` begins after {ended:%Y-%m}")


def _leaving(*, rows: bool) -> Leaving:
    return Leaving.ROWS if rows else Leaving.BYTES


def _let_bytes_go(
    owner: Engine,
    archive: Archive,
    folder: ArchiveFolder,
    manifest: Manifest,
    announce: Announce,
) -> dict[str, int]:
    rows = archive.row_release
    if rows is not None and rows.state == "approved":
        # All bytes left before, and rows of the archive are no longer here to be compared.
        return {"rows": 0, "entries": 0}
    gone = let_go(owner, folder, manifest, progress=announce("rows", manifest.rows))
    entries = let_entries_go(
        owner, manifest, progress=announce("entries", _entries_in(manifest))
    )
    return {"rows": gone, "entries": entries}


def _let_rows_go(
    engine: Engine, owner: Engine, archive: Archive, announce: Announce, *, by: str
) -> dict[str, int]:
    """Let rows go, then records; a round that does not follow keeps nothing else here."""
    gone = let_rows_go(owner, archive, progress=announce("operations", None))
    records = let_records_go(owner, archive, by=by, progress=announce("records", None))
    _forget_amounts(engine, owner)
    require_all_follow(archive, gone)
    return {
        "operations": gone.operations,
        "rounds": gone.rounds,
        "records": records.records,
        "deliveries": records.deliveries,
        "logged": records.logged,
        "files": records.files,
    }


def _forget_amounts(engine: Engine, owner: Engine) -> None:
    """Remove the lists of amounts of days and batches whose rows left."""
    with transaction(engine, "archive") as connection:
        forget_archived_amounts(connection)
        forget_archived_operation_amounts(connection)
    for table in ("day_amounts", "operation_amounts", "listed_batches"):
        vacuum(owner, table)


def _require_decided(ctx: typer.Context, engine: Engine, archive: Archive) -> None:
    """Check that nobody has to decide by the rows of a month any more."""
    providers = context_of(ctx).settings.providers
    exponents = {
        entry.slug: configured_provider(entry).provider.exponents for entry in providers
    }
    zones = {entry.slug: entry.timezone for entry in providers}
    with reading(engine, "archive") as connection:
        require_figures_as_signed(connection, archive.month, exponents)
        require_invoices_decided(connection, archive.month, zones)


def _entries_in(manifest: Manifest) -> int:
    return sum(file.rows for file in manifest.files_of("entries"))


def _require_whole(
    engine: Engine, folder: ArchiveFolder, manifest: Manifest, progress: Progress
) -> None:
    with reading(engine, "archive") as connection:
        seals = sealed_days(connection, manifest.month, month_end(manifest.month))
    findings = seal_faults(manifest, {seal.day: seal.hash for seal in seals})
    findings += check_archive(folder, manifest, progress=progress)
    if findings:
        raise Contradiction(f"{manifest.archive} is not whole, so nothing goes: {findings[0]}")


def reject(
    ctx: typer.Context, name: Name, *, rows: Rows = False, reason: Reason, by: By = None
) -> None:
    """Reject another person's request; everything stays in the database."""
    engine, person = open_books_as(ctx, by, Right.LET_GO)
    now, what = SystemClock().now(), _leaving(rows=rows)
    with refusals(), transaction(engine, "archive") as connection:
        archive = get_archive(connection, name)
        decide_release(connection, archive, "rejected", what, by=person, now=now, why=reason)
    typer.echo(f"{name}: the request was rejected, and everything stays")
