"""``tieout queue pause|resume``: stop and restart the work on a queue."""

from typing import Annotated

import typer

from ops.commands.options import By
from ops.commands.queue.options import DryRun, Why, open_queues_as
from storage.queue import commands
from vocabulary.errors import Malformed
from workers.canary import QUEUES

Queue = Annotated[str, typer.Argument(help="The queue: post, ingest or fetch.")]


def pause(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Stop work on a queue, at once and across restarts; nothing is lost."""
    _check(queue)
    if dry_run:
        typer.echo(f"queue {queue} would be paused")
        return
    engine, decision = open_queues_as(ctx, by, why)
    _report(queue, "paused", changed=commands.pause(engine, queue, decision))


def resume(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Start work on a queue again."""
    _check(queue)
    if dry_run:
        typer.echo(f"queue {queue} would be resumed")
        return
    engine, decision = open_queues_as(ctx, by, why)
    _report(queue, "resumed", changed=commands.resume(engine, queue, decision))


def _check(queue: str) -> None:
    if queue not in QUEUES:
        raise Malformed("queue", f"one of {', '.join(QUEUES)} is expected, not {queue!r}")


def _report(queue: str, state: str, *, changed: bool) -> None:
    typer.echo(f"queue {queue} is {state}" + ("" if changed else ", as it was before"))
