"""``tieout archive list|check|move``: which months are archived, where, and whether whole."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from ledger.archive.check import check_archive, seal_faults
from ledger.archive.months import month_end
from ledger.seal.seal import Progress, sealed_days
from ops.commands.archive.output import archive_json, print_archives
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.commands.progress import progress_bars
from storage.archive.archives import Archive, get_archive, list_archives, move_archive
from storage.archive.files import ArchiveFolder
from storage.archive.supplements import Supplement, list_supplements
from storage.transactions import reading, transaction
from vocabulary.errors import TieoutError
from vocabulary.people import Right

Name = Annotated[str, typer.Argument(help="The archive, such as arc-2026-06.")]
OptionalName = Annotated[
    str | None, typer.Argument(help="Only this archive, such as arc-2026-06; else all.")
]


def list_(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List archived months: where they are, and whether their bytes left the database."""
    with reading(open_books(ctx), "archive") as connection:
        archives = list_archives(connection)
    print_archives([archive_json(archive) for archive in archives], as_json=as_json)


def check(ctx: typer.Context, name: OptionalName = None, *, as_json: AsJson = False) -> None:
    """Read archives back: hashes of files, seals of days; exit 1 if one is damaged."""
    engine = open_books(ctx)
    with refusals(), reading(engine, "archive") as connection:
        archives = (
            list_archives(connection) if name is None else [get_archive(connection, name)]
        )
        results: list[dict[str, object]] = []
        for archive in archives:
            with progress_bars() as announce:
                findings = _findings(connection, archive, announce("lines", None))
            results.append({"archive": archive.archive_id, "findings": findings})
    _print_results(archives, results, as_json=as_json)


def move(
    ctx: typer.Context,
    name: Name,
    *,
    to: Annotated[str, typer.Option(help="The folder or URL that has the archive now.")],
    by: By = None,
) -> None:
    """Note that the files of an archive are somewhere else now; they must be there already."""
    engine, person = open_books_as(ctx, by, Right.ARCHIVE)
    location = to if "://" in to else str(Path(to).expanduser().absolute())
    with refusals(), transaction(engine, "archive") as connection:
        archive = get_archive(connection, name)
        ArchiveFolder(location, name).manifest(archive.manifest_hash)
        for supplement in list_supplements(connection, name):
            ArchiveFolder(location, supplement.folder).manifest(supplement.manifest_hash)
        move_archive(connection, archive, location, by=person)
    typer.echo(f"{name} is at {location}")


def _findings(connection: Connection, archive: Archive, progress: Progress) -> list[str]:
    """What is wrong with an archive; one that is out of reach is one finding."""
    seals = sealed_days(connection, archive.month, month_end(archive.month))
    try:
        folder = ArchiveFolder(archive.location, archive.archive_id)
        manifest = folder.manifest(archive.manifest_hash)
        return [
            *seal_faults(manifest, {seal.day: seal.hash for seal in seals}),
            *check_archive(folder, manifest, progress=progress),
            *(
                fault
                for supplement in list_supplements(connection, archive.archive_id)
                for fault in _faults_of(supplement)
            ),
        ]
    except TieoutError as error:
        return [str(error)]


def _faults_of(supplement: Supplement) -> list[str]:
    """What is wrong with the files of a supplement.

    Raises:
        Malformed: its manifest has changed.
        Unavailable: it is out of reach.
    """
    folder = ArchiveFolder(supplement.location, supplement.folder)
    manifest = folder.manifest(supplement.manifest_hash)
    faults = check_archive(folder, manifest, progress=lambda _: None)
    return [f"supplement {supplement.number}: {fault}" for fault in faults]


def _print_results(
    archives: list[Archive], results: list[dict[str, object]], *, as_json: bool
) -> None:
    clean = not any(result["findings"] for result in results)
    if as_json:
        print_json({"clean": clean, "archives": results})
    else:
        for result in results:
            findings = result["findings"]
            assert isinstance(findings, list)
            typer.echo(f"{'FAIL' if findings else 'ok  '} {result['archive']}")
            for finding in findings:
                typer.echo(f"     {finding}")
        if not archives:
            typer.echo("nothing is archived", err=True)
    raise typer.Exit(0 if clean else 1)
