"""``tieout queue status``: what waits, from PostgreSQL and the broker."""

from typing import Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus
from ops.commands.queue.output import print_status
from ops.commands.queue.probe import read_snapshot
from ops.commands.queue.seconds import read_seconds
from ops.context import context_of
from ops.pipeline.queue_report import QueueLimits, document, findings, metrics

FINDING, UNAVAILABLE = 1, 3


def status(
    ctx: typer.Context,
    *,
    oldest: Annotated[str, typer.Option(help="Oldest work that is still fine.")] = "60s",
    canary: Annotated[str, typer.Option(help="Oldest canary that is still fine.")] = "60s",
    progress: Annotated[str, typer.Option(help="Longest time without progress.")] = "60s",
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """Show what waits in PostgreSQL and the broker; exit 1 on a finding, 3 if one is down."""
    limits = QueueLimits(
        oldest_s=read_seconds("--oldest", oldest),
        canary_s=read_seconds("--canary", canary),
        worker_s=read_seconds("--progress", progress),
    )
    snapshot = read_snapshot(context_of(ctx))
    sentences = findings(snapshot, limits)
    if prometheus:
        typer.echo(metrics(snapshot, limits), nl=False)
    elif as_json:
        print_json(document(snapshot, limits))
    else:
        print_status(snapshot, sentences)
    raise typer.Exit(UNAVAILABLE if snapshot.down else FINDING if sentences else 0)
