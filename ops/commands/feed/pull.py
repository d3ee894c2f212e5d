"""``tieout feed pull``: pull history from a provider's API."""

from datetime import datetime
from typing import Annotated, Any

import typer

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.option_values import window_of
from ops.commands.options import AsJson, End, Provider, Start
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.providers.configured import configured_provider
from ops.providers.feed_pull import FeedPull, pull_feeds
from ops.runtime import logs
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import ApiUnavailable, SettingsInvalid
from vocabulary.window import Window

#: Unreadable items printed one by one; the rest are counted.
SHOWN_MAX = 20


def pull(
    ctx: typer.Context,
    *,
    provider: Provider,
    start: Start = None,
    end: End = None,
    past_unreadable: Annotated[
        bool, typer.Option("--past-unreadable", help="Do not ask for unreadable items again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Pull a provider's history, by default from a little before the last pull's end.

    Each feed is stored completely or not at all. Exit 1 when something was unreadable or
    refused, 3 when the API is out of reach; the next pull then asks again.
    """
    settings = context_of(ctx).settings
    entry = entry_named(settings, provider)
    chosen = configured_provider(entry)
    if chosen.dialect.api().pull is None:
        raise typer.BadParameter(f"{provider} has no feed that could be pulled")
    if entry.api is None:
        raise SettingsInvalid([f"providers.{provider}.api: expected a table, to be called"])
    clock = SystemClock()
    window = _window(start, end, zone=chosen.timezone, now=clock.now())
    logs.configure(level="warning")
    pulls = pull_feeds(
        open_books(ctx),
        entry,
        window=window,
        past_unreadable=past_unreadable,
        clock=clock,
    )
    if as_json:
        feeds = [_pull_json(pulled) for pulled in pulls]
        print_json({"provider": provider, "feeds": feeds}, indent=2, instant=iso)
    else:
        for pulled in pulls:
            _print(provider, pulled)
    raise typer.Exit(max(_exit_code(pulled) for pulled in pulls))


def _window(start: str | None, end: str | None, *, zone: str, now: datetime) -> Window | None:
    """Read the window; None pulls what is due."""
    if start is None:
        if end is not None:
            raise typer.BadParameter("--to needs --from")
        return None
    window = window_of(start, end or now.isoformat(), zone=zone)
    # The future cannot be read, so no watermark may move there.
    return window if window.end <= now else window_of(start, now.isoformat(), zone=zone)


def _exit_code(pulled: FeedPull) -> int:
    if isinstance(pulled.error, ApiUnavailable):
        return 3
    return 1 if pulled.error is not None or pulled.findings.count else 0


def _print(provider: str, pulled: FeedPull) -> None:
    """Print one feed; errors and findings go to standard error."""
    name = f"{provider} {pulled.feed}"
    if pulled.error is not None:
        typer.echo(str(pulled.error), err=True)
        typer.echo(f"{name}: nothing was stored, the watermark stays", err=True)
        return
    for item in pulled.findings.first[:SHOWN_MAX]:
        typer.echo(f"{name}: {item.place}: {item.reason}", err=True)
    rest = pulled.findings.count - SHOWN_MAX
    if rest > 0:
        typer.echo(f"and {rest} more", err=True)
    watermark = pulled.watermark
    reach = "no watermark yet" if watermark is None else f"read up to {iso(watermark)}"
    typer.echo(
        f"{name}: {pulled.received} items, {pulled.stored} new or changed,"
        f" {pulled.late} late, {pulled.findings.count} unreadable, {reach}"
    )


def _pull_json(pulled: FeedPull) -> dict[str, Any]:
    error = pulled.error
    return {
        "feed": pulled.feed,
        "window": {"from": pulled.window.start, "to": pulled.window.end},
        "received": pulled.received,
        "stored": pulled.stored,
        "late": pulled.late,
        "unreadable": pulled.findings,
        "watermark": pulled.watermark,
        "error": error
        and {
            "kind": type(error).__name__,
            "endpoint": error.endpoint,
            "attempts": error.attempts,
            "status": error.status,
            "reason": str(error),
        },
    }
