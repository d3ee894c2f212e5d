"""``tieout journal export``: signed days as a file for an accounting program."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.database import refusals
from ops.commands.identity import open_books_for
from ops.commands.option_values import read_period
from ops.commands.options import By, ProviderFilter, check_currency
from ops.commands.provider_choice import entry_named
from ops.context import Context, context_of, database_url
from ops.finance.journals import (
    ExportRequest,
    export_journals,
    export_request,
    in_currency,
    journal_file_terms,
)
from reports.journal.formats import JournalFormat, render_journals
from storage.transactions import transaction
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted

_DEFAULT_FORMAT = JournalFormat.CSV


def export(
    ctx: typer.Context,
    *,
    period: Annotated[str, typer.Option(help="A month such as 2026-06, DAY or DAY..DAY.")],
    target: Annotated[
        JournalFormat, typer.Option("--format", help="Whose import the file is for.")
    ] = _DEFAULT_FORMAT,
    out: Annotated[
        Path | None, typer.Option(help="The file; else standard output.", dir_okay=False)
    ] = None,
    provider: ProviderFilter = None,
    currency: Annotated[
        str | None,
        typer.Option(
            help="Only journals in this currency are written.", callback=check_currency
        ),
    ] = None,
    by: By = None,
) -> None:
    """Export signed days as balanced, numbered journals; exit 1 if a day is not signed."""
    if out is not None and not out.absolute().parent.is_dir():
        raise Malformed("--out", f"the folder {out.absolute().parent} is not there: create it")
    context = context_of(ctx)
    engine, request = _request(ctx, context, period, provider, by)
    terms = journal_file_terms(context.settings)
    with refusals(), transaction(engine, "journals") as connection:
        issued = export_journals(connection, request, SystemClock().now())
        # Nothing is issued that the file cannot hold.
        journals = in_currency(issued, currency, path="--currency")
        parts = render_journals(journals, target, terms)
        if out is None and len(parts) > 1:
            filled = f"a file is expected: the journals fill {counted(len(parts), 'file')}"
            raise Malformed("--out", filled)
    _write(parts, out)
    lines = sum(len(journal.lines) for journal in journals)
    typer.echo(f"{counted(len(journals), 'journal')} with {counted(lines, 'line')}", err=True)


def _request(
    ctx: typer.Context, context: Context, period: str, provider: str | None, by: str | None
) -> tuple[Engine, ExportRequest]:
    """Read the options and the fees of the period."""
    settings = context.settings
    entry = None if provider is None else entry_named(settings, provider)
    zone = settings.reporting.zone if entry is None else entry.timezone
    days = read_period(period, "--period", zone=zone)
    engine, actor = open_books_for(ctx, by, Right.EXPORT_JOURNALS)
    request = export_request(
        settings,
        database_url(context),
        days,
        entry=entry,
        by=actor.person.name,
        clock=SystemClock(),
    )
    return engine, request


def _write(parts: list[bytes], out: Path | None) -> None:
    """Write the file, or numbered files beside each other if one does not hold all."""
    if out is None:
        typer.echo(parts[0], nl=False)
        return
    for number, part in enumerate(parts, start=1):
        name = out.name if len(parts) == 1 else f"{out.stem}-{number}{out.suffix}"
        path = out.with_name(name)
        try:
            path.write_bytes(part)
        except OSError as error:
            raise Malformed("--out", f"{path} cannot be written") from error
        typer.echo(str(path), err=True)
