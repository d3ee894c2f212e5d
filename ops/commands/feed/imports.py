"""``tieout feed import``: import a statement file."""

import gc
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from feeds.findings import NewFinding, by_kind, severity_of
from feeds.statements.importer import ImportRequest, ImportResult
from feeds.statements.keep import keep_and_import
from feeds.statements.reading.reader import StatementReader
from ops.commands.database import open_books
from ops.commands.feed.preview import print_preview
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, Provider
from ops.commands.progress import progress_of_steps
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.providers.configured import configured_provider
from ops.providers.statement_guess import suggest
from ops.providers.statements import preview_file, reader_of
from ops.settings.sections.statement import StatementSettings
from vocabulary.clock import SystemClock
from vocabulary.errors import Refused
from vocabulary.plurals import counted, plural

#: Findings of a kind printed one by one; the rest are counted.
SHOWN_MAX = 20
Replaces = Annotated[
    list[int] | None,
    typer.Option(min=1, max=2**63 - 1, help="Number of a file that it replaces; repeatable."),
]


def import_statement(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The statement.")
    ],
    *,
    provider: Provider,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what each column becomes; store nothing.")
    ] = False,
    restates: Annotated[
        bool, typer.Option("--restates", help="The file replaces one of its day, and is right.")
    ] = False,
    replaces: Replaces = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="The file covers its whole period, not a part.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a statement file; exit 1 if it has errors. Importing it again changes nothing.

    CSV, XLSX, JSON lines or Parquet. The whole file is kept in any case. Each unreadable line
    is a finding, which stays open until the line is read.
    """
    entry = entry_named(context_of(ctx).settings, provider)
    chosen = configured_provider(entry)
    if chosen.dialect.statement is None:
        raise typer.BadParameter(f"{provider} pushes its history; it has no statements")
    reader = reader_of(chosen, entry.statement)
    if preview:
        is_complete = _preview(file, reader, entry.statement, as_json=as_json)
        raise typer.Exit(0 if is_complete else 1)
    request = ImportRequest(
        path=file,
        zone=ZoneInfo(chosen.timezone),
        now=SystemClock().now(),
        expects_daily=entry.statement.daily,
        restates=restates,
        replaces=tuple(replaces or ()),
        complete=complete,
    )
    with progress_of_steps(1) as begin:
        begin(file.name)
        result = _imported(ctx, reader, request)
    if as_json:
        print_json(_import_json(result), indent=2)
    else:
        _print(file, result)
        if result.day is not None and not result.has_errors:
            print_next(f"tieout reconcile --provider {provider} --day {result.day}")
    raise typer.Exit(1 if result.has_errors else 0)


def _preview(
    file: Path, reader: StatementReader, declared: StatementSettings, *, as_json: bool
) -> bool:
    """Print a preview; returns whether all of the file's beginning can be read."""
    sample = preview_file(file, reader)
    is_complete = not sample.unreadable and not sample.missing
    suggestion = None if is_complete else suggest(file, reader, sample.readable, declared)
    print_preview(file, sample, suggestion, as_json=as_json)
    return is_complete


def _imported(
    ctx: typer.Context, reader: StatementReader, request: ImportRequest
) -> ImportResult:
    # Frozen imports are not searched for garbage, which would take a third of reading.
    gc.freeze()
    try:
        return keep_and_import(open_books(ctx), reader, request)
    except Refused as error:
        raise typer.BadParameter(str(error), param_hint="--replaces") from error


def _print(file: Path, result: ImportResult) -> None:
    """Print the result; what is wrong with the file goes to standard error."""
    for kind, findings in by_kind(result.findings).items():
        for finding in findings[:SHOWN_MAX]:
            typer.echo(f"{_place(file, finding)}: {finding.detail}", err=True)
        if len(findings) > SHOWN_MAX:
            typer.echo(f"and {len(findings) - SHOWN_MAX} more of the kind {kind}", err=True)
    if result.verdict == "quarantined":
        typer.echo(f"{file.name} is in quarantine: nothing of it was imported", err=True)
    if result.withdrawn:
        typer.echo(
            f"{counted(result.withdrawn, 'record is', 'records are')} withdrawn", err=True
        )
    if result.restatements:
        typer.echo(
            f"{counted(result.restatements, 'record')} of closed days"
            f" {plural(result.restatements, 'is', 'are')} restated",
            err=True,
        )
    currencies = ", ".join(f"{n} in {code}" for code, n in sorted(result.currencies.items()))
    typer.echo(
        f"{counted(result.count.received, 'record')}, {result.count.stored} new or changed,"
        f" {counted(result.refused, 'unreadable line')}"
    )
    typer.echo(
        f"file {result.file_id}: {result.verdict}, {result.day or 'of no single day'},"
        f" {currencies or 'no lines'}, {result.count.late} late"
    )


def _place(file: Path, finding: NewFinding) -> str:
    if finding.line is not None:
        return f"{file}:{finding.line}"
    return f"{file}: {finding.record_id}" if finding.record_id else str(file)


def _import_json(result: ImportResult) -> dict[str, Any]:
    return {
        "received": result.count.received,
        "stored": result.count.stored,
        "versions": result.count.versions,
        "unreadable": [
            {"line": finding.line, "reason": finding.detail}
            for finding in result.findings
            if finding.line is not None
        ],
        "refused": result.refused,
        "file_id": result.file_id,
        "verdict": result.verdict,
        "day": result.day,
        "currencies": result.currencies,
        "late": result.count.late,
        "gaps": result.gaps,
        "restated": result.restatements,
        "withdrawn": result.withdrawn,
        "findings": [
            {
                "kind": finding.kind,
                "severity": severity_of(finding.kind),
                "line": finding.line,
                "record_id": finding.record_id,
                "detail": finding.detail,
            }
            for finding in result.findings
        ],
    }
