"""``tieout archive export``: write sealed and signed months to Parquet files."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from feeds.archived.archived_versions import VERSIONS
from ledger.archive.export import ExportedMonth, export_month, sealed_month
from ledger.archive.months import month_bounds, month_end
from ledger.seal.seal import first_sealed_day
from ops.commands.archive.output import archive_json, print_archives
from ops.commands.database import refusals
from ops.commands.identity import open_books_as
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, By
from ops.commands.progress import progress_bars
from ops.context import context_of
from reconcile.days.signed import unsigned_stretches
from storage.archive.archives import (
    ArchiveRefused,
    archive_name,
    get_archive,
    list_archives,
    store_archive,
)
from storage.transactions import reading, transaction
from vocabulary.errors import Malformed
from vocabulary.people import Right

_UNSIGNED_MAX = 5


def export(
    ctx: typer.Context,
    *,
    before: Annotated[
        str, typer.Option(help="Archive every month before this one, such as 2026-08.")
    ],
    to: Annotated[
        str | None,
        typer.Option(help="A folder or s3://bucket/prefix; default: archive in the data."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Export sealed and signed months to Parquet, and check them by reading back.

    Nothing leaves the database. Exit 1 if a month is not sealed or not signed.
    """
    limit = _month(before)
    engine, name = open_books_as(ctx, by, Right.ARCHIVE)
    location = to or str((context_of(ctx).data_dir / "archive").absolute())
    if "://" not in location:
        location = str(Path(location).expanduser().absolute())
    done = []
    with refusals():
        for month in _months_due(engine, limit):
            _require_signed(engine, month)
            with progress_bars() as announce:
                exported = export_month(
                    engine,
                    month,
                    location,
                    others=(VERSIONS,),
                    progress=announce("rows", None),
                )
            _store(engine, month, location, exported, by=name)
            done.append(month)
    _print(engine, done, as_json=as_json)


def _months_due(engine: Engine, limit: date) -> Iterator[date]:
    """The months before ``limit`` that have no archive, the oldest first."""
    with reading(engine, "archive") as connection:
        first = first_sealed_day(connection)
        archived = {archive.month for archive in list_archives(connection)}
    if first is None:
        raise ArchiveRefused("no day is sealed: seal days with `tieout ledger seal`")
    month = first.replace(day=1)
    while month < limit:
        if month not in archived:
            sealed_month(engine, month)
            yield month
        month = month_end(month)


def _require_signed(engine: Engine, month: date) -> None:
    since, until = month_bounds(month)
    with reading(engine, "archive") as connection:
        unsigned = unsigned_stretches(connection, since, until)
    if unsigned:
        first = "; ".join(stretch.text for stretch in unsigned[:_UNSIGNED_MAX])
        more = len(unsigned) - _UNSIGNED_MAX
        raise ArchiveRefused(
            f"{month:%Y-%m} is not signed: {first}{f'; and {more} more' if more > 0 else ''}."
            " Close and sign these days with `tieout day`"
        )


def _store(
    engine: Engine, month: date, location: str, exported: ExportedMonth, *, by: str
) -> None:
    with transaction(engine, "archive") as connection:
        store_archive(
            connection,
            month=month,
            location=location,
            manifest_hash=exported.manifest_hash,
            rows=exported.manifest.rows,
            bytes_=exported.manifest.bytes,
            by=by,
        )


def _print(engine: Engine, months: list[date], *, as_json: bool) -> None:
    with reading(engine, "archive") as connection:
        archives = [get_archive(connection, archive_name(month)) for month in months]
    print_archives([archive_json(archive) for archive in archives], as_json=as_json)
    if archives and not as_json:
        print_next(f"tieout archive request {archives[0].archive_id} --reason …")


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month, no instant
    except ValueError:
        raise Malformed("--before", "a month such as 2026-08 is expected") from None
