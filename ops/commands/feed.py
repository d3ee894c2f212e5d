"""``tieout feed``: import statements, pull history, and see how far it reaches."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.commands.provider import entry_named
from ops.commands.reconcile import provider_named
from ops.context import current, endpoints
from ops.providers import configured
from providers.contract import Unreadable
from reconcile.feeds import FeedCount, store_statement
from reconcile.pull import FeedMark, feed_marks
from reconcile.result import iso
from reconcile.status import FeedStatus, feed_status
from reconcile.window import Window, parse_instant
from storage.engine import open_engine
from vocabulary.clock import SystemClock
from vocabulary.errors import SettingsInvalid
from vocabulary.facts import HistoryRecord

app = typer.Typer(
    help="Import statements, pull history, see what was taken in.",
    no_args_is_help=True,
    add_completion=False,
)

#: Unreadable lines printed one by one; the rest are counted.
SHOWN_MAX = 20


@app.command("import")
def import_statement(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Say what each column becomes; store nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take in a statement; the same file again changes nothing. Exit 1 on unreadable lines."""
    from ops.statement_report import show_preview  # noqa: PLC0415 - not for the others
    from ops.statements import preview_file, read_file  # noqa: PLC0415

    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    if chosen.dialect.read_statement is None:
        raise typer.BadParameter(f"{provider} pushes its history; it has no statements")
    columns = entry_named(context.settings, provider).statement.columns
    if preview:
        found = preview_file(file, chosen, columns)
        show_preview(file, found, as_json=as_json)
        raise typer.Exit(1 if found.unreadable or found.missing else 0)
    lines = read_file(file, chosen, columns)
    unreadable: list[Unreadable] = []
    count = _store(endpoints(context).database_url, file.name, provider, lines, unreadable)
    if as_json:
        typer.echo(json.dumps(_count_json(count, unreadable), indent=2))
    else:
        _show_count(file, count, unreadable)
    raise typer.Exit(1 if unreadable else 0)


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
    from ops import logs  # noqa: PLC0415 - heavy
    from ops.feed_pull import PULLED, pull_feeds  # noqa: PLC0415 - heavy
    from ops.feed_report import exit_code, show_pulls  # noqa: PLC0415

    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    entry = entry_named(context.settings, provider)
    if entry.dialect not in PULLED:
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
        chosen.provider,
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
    """Say, by provider, what was taken in, how far it reaches and what still waits."""
    context = current(ctx)
    engine = open_engine(endpoints(context).database_url, pool_size=1)
    with engine.connect() as connection:
        found = {each.provider: each for each in feed_status(connection)}
        marks = feed_marks(connection)
    engine.dispose()
    for slug in (*configured(context.settings), *(mark.provider for mark in marks)):
        found.setdefault(slug, _silent(slug))
    told = [_status_json(each, marks) for _, each in sorted(found.items())]
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for each in told:
        typer.echo(
            f"{each['provider']}: {each['records']} records, newest"
            f" {each['newest_created_at'] or 'never'}, {each['pending']} waiting"
        )
        for mark in each["marks"]:
            reached = mark["watermark"] or "nothing whole yet"
            typer.echo(f"  {mark['feed']}: {reached}, pulled at {mark['pulled_at']}")


def _window(start: str | None, end: str | None, *, zone: str, now: datetime) -> Window | None:
    """What was asked for, or None for what is due."""
    if start is None:
        if end is not None:
            raise typer.BadParameter("--to needs --from")
        return None
    try:
        # What has not happened yet cannot be read, so no mark may move there.
        return Window(
            start=parse_instant(start, zone=zone),
            end=now if end is None else min(parse_instant(end, zone=zone), now),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _silent(slug: str) -> FeedStatus:
    return FeedStatus(
        provider=slug, records=0, newest_created_at=None, newest_updated_at=None, pending=0
    )


def _store(
    database_url: str,
    source: str,
    provider: str,
    lines: Iterable[HistoryRecord | Unreadable],
    unreadable: list[Unreadable],
) -> FeedCount:
    engine = open_engine(database_url, pool_size=1)
    with engine.begin() as connection:
        count = store_statement(
            connection,
            provider,
            _records(lines, unreadable),
            source=source,
            received_at=SystemClock().now(),
        )
    engine.dispose()
    return count


def _records(
    lines: Iterable[HistoryRecord | Unreadable], unreadable: list[Unreadable]
) -> Iterator[HistoryRecord]:
    """The records among the lines; what could not be read is put aside."""
    for each in lines:
        if isinstance(each, Unreadable):
            unreadable.append(each)
        else:
            yield each


def _show_count(file: Path, count: FeedCount, unreadable: list[Unreadable]) -> None:
    for each in unreadable[:SHOWN_MAX]:
        typer.echo(f"{file}:{each.line}: {each.reason}", err=True)
    if len(unreadable) > SHOWN_MAX:
        typer.echo(f"and {len(unreadable) - SHOWN_MAX} more", err=True)
    typer.echo(
        f"{count.received} records, {count.stored} new or changed,"
        f" {len(unreadable)} unreadable lines"
    )


def _count_json(count: FeedCount, unreadable: list[Unreadable]) -> dict[str, Any]:
    return {
        "received": count.received,
        "stored": count.stored,
        "versions": count.versions,
        "unreadable": [{"line": each.line, "reason": each.reason} for each in unreadable],
    }


def _status_json(each: FeedStatus, marks: Iterable[FeedMark]) -> dict[str, Any]:
    created, updated = each.newest_created_at, each.newest_updated_at
    return {
        "provider": each.provider,
        "records": each.records,
        "newest_created_at": created and iso(created),
        "newest_updated_at": updated and iso(updated),
        "pending": each.pending,
        "marks": [_mark_json(mark) for mark in marks if mark.provider == each.provider],
    }


def _mark_json(mark: FeedMark) -> dict[str, Any]:
    return {
        "feed": mark.feed,
        "watermark": mark.watermark and iso(mark.watermark),
        "pulled_at": iso(mark.pulled_at),
        "records": mark.records,
    }
