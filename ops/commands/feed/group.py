"""``tieout feed``: import statements, pull history, and see how far it reaches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from feeds.arrival_delay import maturity_for
from feeds.coverage import feed_health
from feeds.findings import Severity, open_findings
from feeds.findings import resolve_finding as settle
from feeds.pull.watermarks import list_watermarks
from feeds.statements.archive import file_parts, has_file
from feeds.statements.importer import ImportRequest, ImportResult, import_file
from feeds.statements.reader import StatementReader
from ops.commands.provider import entry_named
from ops.commands.windows import window_of
from ops.context import current, endpoints
from ops.providers.configured import configured
from ops.providers.matching import provider_named
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from vocabulary.errors import Refused, SettingsInvalid
from vocabulary.window import Window

app = typer.Typer(
    help="Import statements, pull history, see what was taken in.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("import")
def import_statement(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Say what each column becomes; store nothing.")
    ] = False,
    restates: Annotated[
        bool, typer.Option("--restates", help="It replaces a file of its day, and is right.")
    ] = False,
    replaces: Annotated[
        list[int] | None, typer.Option(help="Number of a file that it replaces; repeatable.")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="It tells all of its time, not only a part.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take in a statement; the same file again changes nothing. Exit 1 on any error in it.

    CSV, XLSX, JSON lines or Parquet. The file is kept whole, whatever becomes of it; what could
    not be read is a finding with its line, and stays one until it is cured.
    """
    from ops.commands.feed.import_output import show_taken, taken_json  # noqa: PLC0415 - not for the others
    from ops.commands.feed.preview_output import show_preview  # noqa: PLC0415
    from ops.providers.statements import preview_file, reader_of  # noqa: PLC0415

    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    if chosen.dialect.statement is None:
        raise typer.BadParameter(f"{provider} pushes its history; it has no statements")
    settings = entry_named(context.settings, provider).statement
    reader = reader_of(chosen, settings)
    if preview:
        seen = preview_file(file, reader)
        show_preview(file, seen, as_json=as_json)
        raise typer.Exit(1 if seen.unreadable or seen.missing else 0)
    arrival = ImportRequest(
        path=file,
        zone=ZoneInfo(chosen.timezone),
        now=SystemClock().now(),
        expects_daily=settings.daily,
        restates=restates,
        replaces=tuple(replaces or ()),
        complete=complete,
    )
    taken = _imported(endpoints(context).database_url, reader, arrival)
    if as_json:
        typer.echo(json.dumps(taken_json(taken), indent=2))
    else:
        show_taken(file, taken)
    raise typer.Exit(1 if taken.has_errors else 0)


@app.command()
def pull(
    ctx: typer.Context,
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    start: Annotated[
        str | None, typer.Option("--from", help="Date or instant, ISO 8601; inside.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Date or instant, ISO 8601; outside.")
    ] = None,
    past_unreadable: Annotated[
        bool, typer.Option("--past-unreadable", help="Do not ask again for what is unreadable.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Pull what the provider's API tells, by default from a little before the last time on.

    Each feed is stored whole or not at all. Exit 1 when something was unreadable or refused,
    3 when the API is out of reach; the next pull then asks again.
    """
    from ops.commands.feed.pull_output import exit_code, show_pulls  # noqa: PLC0415
    from ops.providers.feed_pull import pull_feeds  # noqa: PLC0415 - heavy
    from ops.runtime import logs  # noqa: PLC0415 - heavy

    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    entry = entry_named(context.settings, provider)
    if chosen.dialect.api().pull is None:
        raise typer.BadParameter(f"{provider} has no feed that could be pulled")
    if entry.api is None:
        raise SettingsInvalid([f"providers.{provider}.api: expected a table, to be called"])
    clock = SystemClock()
    window = _window(start, end, zone=chosen.timezone, now=clock.now())
    logs.configure(level="warning")
    engine = open_engine(endpoints(context).database_url, pool_size=1)
    pulls = pull_feeds(
        engine,
        entry,
        window=window,
        past_unreadable=past_unreadable,
        clock=clock,
    )
    engine.dispose()
    show_pulls(provider, pulls, as_json=as_json)
    raise typer.Exit(max(exit_code(each) for each in pulls))


@app.command()
def status(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say, by provider and feed, how far it reaches, how late it is and what is wrong.

    Exit 1 when a feed is stale beyond its setting, or a finding of severity error is open.
    """
    from ops.commands.feed.status_output import show_status, status_json  # noqa: PLC0415
    from ops.scheduling.closing_days import waiting_days  # noqa: PLC0415 - not for the others
    from ops.scheduling.maturity import maturity_rules  # noqa: PLC0415

    context = current(ctx)
    entries = {entry.slug: entry for entry in context.settings.providers}
    now = SystemClock().now()
    with _books(endpoints(context).database_url) as engine, engine.connect() as connection:
        stale_after = {slug: entry.feed.stale_after for slug, entry in entries.items()}
        every = feed_health(connection, entries, stale_after=stale_after)
        marks = list_watermarks(connection)
        ripe = {
            slug: maturity_for(connection, slug, maturity_rules(entry), now)
            for slug, entry in entries.items()
        }
        waiting = waiting_days(connection, context.settings, now)
    named = [(each, each.history.provider) for each in every]
    if as_json:
        told = [
            status_json(each, marks, ripe.get(slug), now, waiting=waiting.get(slug, ()))
            for each, slug in named
        ]
        typer.echo(json.dumps(told, indent=2))
    else:
        for each, slug in named:
            show_status(each, ripe.get(slug), now, waiting=waiting.get(slug, ()))
    raise typer.Exit(0 if all(each.is_well(now) for each in every) else 1)


@app.command()
def findings(
    ctx: typer.Context,
    *,
    provider: Annotated[
        str | None, typer.Option(help="Only of this provider; its slug.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Everything that is wrong with feeds and closed days. Exit 1 when anything is an error."""
    from ops.commands.feed.status_output import finding_json, show_findings  # noqa: PLC0415

    with _books(endpoints(current(ctx)).database_url) as engine, engine.connect() as connection:
        every = [
            each for each in open_findings(connection) if provider in {None, each.provider}
        ]
    if as_json:
        typer.echo(json.dumps([finding_json(each) for each in every], indent=2))
    else:
        show_findings(every)
    raise typer.Exit(1 if any(each.severity is Severity.ERROR for each in every) else 0)


@app.command()
def resolve(
    ctx: typer.Context,
    finding: Annotated[str, typer.Argument(help="The finding's id, as status prints it.")],
    *,
    by: Annotated[str, typer.Option(help="Who looked.")],
    reason: Annotated[str, typer.Option(help="Why it is settled.")],
) -> None:
    """Close a finding that cannot be cured by reading again; it stays closed."""
    now = SystemClock().now()
    with _books(endpoints(current(ctx)).database_url) as engine, engine.begin() as connection:
        try:
            settle(connection, finding, by=f"{by}: {reason}", now=now)
        except Refused as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(f"{finding} is closed")


@app.command()
def file(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="The file's number, as import prints it.")],
    target: Annotated[Path, typer.Argument(help="Where to write it; must not exist.")],
) -> None:
    """Write a statement file as it came, also one in quarantine."""
    if target.exists():
        raise typer.BadParameter(f"{target} exists")
    with _books(endpoints(current(ctx)).database_url) as engine, engine.connect() as connection:
        if not has_file(connection, number):
            raise typer.BadParameter(f"there is no file {number}")
        with target.open("xb") as stream:
            for part in file_parts(connection, number):
                stream.write(part)
    typer.echo(f"file {number} is in {target}")


def _imported(
    database_url: str, reader: StatementReader, request: ImportRequest
) -> ImportResult:
    with _books(database_url) as engine, engine.begin() as connection:
        try:
            return import_file(connection, reader, request)
        except Refused as error:
            raise typer.BadParameter(str(error), param_hint="--replaces") from error


@contextmanager
def _books(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def _window(start: str | None, end: str | None, *, zone: str, now: datetime) -> Window | None:
    """What was asked for, or None for what is due."""
    if start is None:
        if end is not None:
            raise typer.BadParameter("--to needs --from")
        return None
    window = window_of(start, end or now.isoformat(), zone=zone)
    # The future cannot be read, so no watermark may move there.
    return window if window.end <= now else window_of(start, now.isoformat(), zone=zone)
