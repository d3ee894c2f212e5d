"""``tieout feed pull``: pull history from a provider's API."""

from typing import Annotated, Any

import typer

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, DayOption, End, EveryProvider, Providers, Start
from ops.commands.scope import one_or_all, read_windows_if_any
from ops.providers.configured import configured_provider
from ops.providers.feed_pull import FeedPull, pull_feeds
from ops.runtime import logs
from ops.settings.model import ProviderSettings
from vocabulary.clock import SystemClock, iso
from vocabulary.errors import ApiUnavailable, SettingsInvalid
from vocabulary.plurals import counted
from vocabulary.window import Window

#: Unreadable items printed one by one; the rest are counted.
SHOWN_MAX = 20


def pull(
    ctx: typer.Context,
    *,
    provider: Providers = None,
    every: EveryProvider = False,
    day: DayOption = None,
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
    if start is None and end is not None:
        raise typer.BadParameter("--to needs --from")
    if start is not None and end is None:
        end = SystemClock().now().isoformat()
    chosen = read_windows_if_any(
        ctx, provider=provider, every=every, day=day, start=start, end=end
    )
    if every:
        chosen = [(entry, window) for entry, window in chosen if _is_pulled(entry)]
    for entry, _ in chosen:
        _require_pull(entry)
    logs.configure(level="warning")
    documents, codes = [], [0]
    for entry, window in chosen:
        pulls = pull_feeds(
            open_books(ctx),
            entry,
            window=window and _past(window),
            past_unreadable=past_unreadable,
            clock=SystemClock(),
        )
        codes += [_exit_code(pulled) for pulled in pulls]
        documents.append({"provider": entry.slug, "feeds": [_pull_json(one) for one in pulls]})
        for pulled in () if as_json else pulls:
            _print(entry.slug, pulled)
    if as_json:
        print_json(one_or_all(ctx, documents), indent=2, instant=iso)
    raise typer.Exit(max(codes))


def _is_pulled(entry: ProviderSettings) -> bool:
    dialect = configured_provider(entry).dialect
    return entry.api is not None and dialect.api().pull is not None


def _require_pull(entry: ProviderSettings) -> None:
    if configured_provider(entry).dialect.api().pull is None:
        raise typer.BadParameter(f"{entry.slug} has no feed that could be pulled")
    if entry.api is None:
        raise SettingsInvalid([f"providers.{entry.slug}.api: expected a table, to be called"])


def _past(window: Window) -> Window:
    """The part of a window that has passed: the future cannot be read."""
    now = SystemClock().now()
    if window.end <= now:
        return window
    try:
        return Window(start=window.start, end=now)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


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
        f"{name}: {counted(pulled.received, 'item')}, {pulled.stored} new or changed,"
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
