"""``tieout archive request|approve|reject``: let archived bytes go, by two people."""

import typer

from ledger.archive.check import check_archive, seal_faults
from ledger.archive.months import month_end
from ledger.archive.release import let_go
from ledger.seal.seal import sealed_days
from ops.commands.archive.listing import Name
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.next_commands import print_next_for_another
from ops.commands.options import By, Reason
from ops.commands.progress import progress_bars
from storage.archive.archives import (
    decide_release,
    finish_release,
    get_archive,
    request_release,
)
from storage.archive.files import ArchiveFolder
from storage.transactions import reading, transaction
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction
from vocabulary.people import Right


def request(ctx: typer.Context, name: Name, *, reason: Reason, by: By = None) -> None:
    """Request that the bytes of an archived month leave the database; another approves."""
    engine, person = open_books_as(ctx, by, Right.ARCHIVE)
    now = SystemClock().now()
    with refusals(), transaction(engine, "archive") as connection:
        archive = get_archive(connection, name)
        release = request_release(connection, archive, reason=reason, by=person, now=now)
    typer.echo(f"{release} waits for a second person: nothing of {name} left the database")
    print_next_for_another(f"tieout archive approve {name}")


def approve(ctx: typer.Context, name: Name, *, by: By = None) -> None:
    """Approve another person's request, and let the bytes go; repeating finishes it.

    The archive is checked first. Callbacks may go on meanwhile.
    """
    engine, person = open_books_as(ctx, by, Right.LET_GO)
    with refusals():
        with reading(engine, "archive") as connection:
            archive = get_archive(connection, name)
            last = month_end(archive.month)
            seals = {
                seal.day: seal.hash for seal in sealed_days(connection, archive.month, last)
            }
        folder = ArchiveFolder(archive.location, name)
        manifest = folder.manifest(archive.manifest_hash)
        with progress_bars() as announce:
            findings = seal_faults(manifest, seals)
            findings += check_archive(folder, manifest, progress=announce("lines", None))
            if findings:
                raise Contradiction(f"{name} is not whole, so nothing goes: {findings[0]}")
            with transaction(engine, "archive") as connection:
                now = SystemClock().now()
                decide_release(connection, archive, "approved", by=person, now=now)
            gone = let_go(engine, folder, manifest, progress=announce("rows", manifest.rows))
        with transaction(engine, "archive") as connection:
            finish_release(connection, archive, by=person, rows=gone)
    typer.echo(f"{name}: the bytes of {gone} rows left the database")


def reject(ctx: typer.Context, name: Name, *, reason: Reason, by: By = None) -> None:
    """Reject another person's request; everything stays in the database."""
    engine, person = open_books_as(ctx, by, Right.LET_GO)
    now = SystemClock().now()
    with refusals(), transaction(engine, "archive") as connection:
        archive = get_archive(connection, name)
        decide_release(connection, archive, "rejected", by=person, now=now, why=reason)
    typer.echo(f"{name}: the request was rejected, and everything stays")
