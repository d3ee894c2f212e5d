"""``tieout queue pause|resume``: stop and restart the work on a queue."""

from collections.abc import Callable
from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books
from ops.commands.queue.options import By, DryRun, Why, read_decision
from storage.queue import commands
from storage.queue.commands import OperatorDecision
from vocabulary.errors import Malformed
from workers.canary import QUEUES

Queue = Annotated[str, typer.Argument(help="The queue: post or ingest.")]


def pause(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Stop work on a queue, at once and across restarts; nothing is lost."""
    decision = read_decision(by, why, dry_run=dry_run)
    _switch(ctx, queue, "paused", decision, commands.pause)


def resume(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Start work on a queue again."""
    decision = read_decision(by, why, dry_run=dry_run)
    _switch(ctx, queue, "resumed", decision, commands.resume)


def _switch(
    ctx: typer.Context,
    queue: str,
    state: str,
    decision: OperatorDecision | None,
    carry_out: Callable[[Engine, str, OperatorDecision], bool],
) -> None:
    if queue not in QUEUES:
        raise Malformed("queue", f"one of {', '.join(QUEUES)} is expected, not {queue!r}")
    if decision is None:
        typer.echo(f"queue {queue} would be {state}")
        return
    changed = carry_out(open_books(ctx), queue, decision)
    typer.echo(f"queue {queue} is {state}" + ("" if changed else ", as it was before"))
