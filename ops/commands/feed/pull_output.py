"""What ``tieout feed pull`` says of every feed, for people and for programs."""

from typing import Any

import typer

from ops.commands.json_output import print_json
from ops.providers.feed_pull import FeedPull
from vocabulary.clock import iso
from vocabulary.errors import ApiError, ApiUnavailable

#: Unreadable items printed one by one; the rest are counted.
SHOWN_MAX = 20


def exit_code(pull: FeedPull) -> int:
    """3 when the API was out of reach, 1 on a refusal or a finding, else 0."""
    if isinstance(pull.error, ApiUnavailable):
        return 3
    return 1 if pull.error is not None or pull.findings.count else 0


def show_pulls(provider: str, pulls: tuple[FeedPull, ...], *, as_json: bool) -> None:
    """Print what came of every feed; errors and findings on standard error too."""
    if as_json:
        told = {"provider": provider, "feeds": [_json(each) for each in pulls]}
        print_json(told, indent=2, instant=iso)
        return
    for each in pulls:
        _show(provider, each)


def _show(provider: str, pull: FeedPull) -> None:
    if pull.error is not None:
        typer.echo(str(pull.error), err=True)
        typer.echo(f"{provider} {pull.feed}: nothing was stored, the mark stays", err=True)
        return
    for item in pull.findings.first[:SHOWN_MAX]:
        typer.echo(f"{provider} {pull.feed}: {item.place}: {item.reason}", err=True)
    more = pull.findings.count - SHOWN_MAX
    if more > 0:
        typer.echo(f"and {more} more", err=True)
    mark = "no mark yet" if pull.watermark is None else f"read up to {iso(pull.watermark)}"
    typer.echo(
        f"{provider} {pull.feed}: {pull.received} items, {pull.stored} new or changed,"
        f" {pull.late} late, {pull.findings.count} unreadable, {mark}"
    )


def _json(pull: FeedPull) -> dict[str, Any]:
    return {
        "feed": pull.feed,
        "window": {"from": pull.window.start, "to": pull.window.end},
        "received": pull.received,
        "stored": pull.stored,
        "late": pull.late,
        "unreadable": pull.findings,
        "watermark": pull.watermark,
        "error": pull.error and _error_json(pull.error),
    }


def _error_json(error: ApiError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "endpoint": error.endpoint,
        "attempts": error.attempts,
        "status": error.status,
        "reason": str(error),
    }
