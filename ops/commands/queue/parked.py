"""``tieout queue parked|requeue|discard``: work that waits for a person."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, By
from ops.commands.queue.options import DryRun, Why, open_queues_as
from ops.commands.queue.output import print_parked
from ops.commands.queue.probe import notify_workers
from ops.commands.queue.seconds import read_seconds
from ops.context import context_of, endpoints
from storage.queue import commands
from storage.queue.commands import (
    OperatorDecision,
    ParkedFilter,
    ParkedItem,
    parked_items,
    refuse_money,
)

Job = Annotated[str | None, typer.Option("--job", help="Only what this job parked.")]
Cause = Annotated[str | None, typer.Option("--cause", help="Only this cause or fingerprint.")]
Subject = Annotated[str | None, typer.Option("--subject", help='Only this, as "batch 7".')]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", help="Only what was parked longer ago, such as 2h."),
]

#: Returns the work that a decision is about; without a decision, what it would be about.
_CarryOut = Callable[
    [typer.Context, Engine, ParkedFilter, OperatorDecision | None], Sequence[ParkedItem]
]
_PARTICIPLES = {"requeue": "requeued", "discard": "discarded"}


def parked(
    ctx: typer.Context,
    *,
    job: Job = None,
    cause: Cause = None,
    subject: Subject = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
) -> None:
    """List parked work with its context; exit 1 if there is any."""
    items = parked_items(open_books(ctx), _filter(job, cause, subject, older_than))
    if as_json:
        print_json(items)
    else:
        print_parked(items)
    raise typer.Exit(1 if items else 0)


def _decided(carry_out: _CarryOut) -> Callable[..., None]:
    """Make a command of a decision on parked work, with the options of all of them."""

    def command(
        ctx: typer.Context,
        *,
        job: Job = None,
        cause: Cause = None,
        subject: Subject = None,
        older_than: OlderThan = None,
        dry_run: DryRun = False,
        by: By = None,
        why: Why = None,
        as_json: AsJson = False,
    ) -> None:
        parked_filter = _filter(job, cause, subject, older_than)
        engine, decision = open_books(ctx), None
        if not dry_run:
            engine, decision = open_queues_as(ctx, by, why)
        items = carry_out(ctx, engine, parked_filter, decision)
        _print(items, carry_out.__name__, dry_run=dry_run, as_json=as_json)

    command.__name__, command.__doc__ = carry_out.__name__, carry_out.__doc__
    return command


@_decided
def requeue(
    ctx: typer.Context,
    engine: Engine,
    parked_filter: ParkedFilter,
    decision: OperatorDecision | None,
) -> Sequence[ParkedItem]:
    """Do parked work again, once its cause is repaired."""
    if decision is None:
        return parked_items(engine, parked_filter)
    items = commands.requeue(engine, parked_filter, decision)
    if items:
        notify_workers(endpoints(context_of(ctx)).broker_url, items)
    return items


@_decided
def discard(
    _ctx: typer.Context,
    engine: Engine,
    parked_filter: ParkedFilter,
    decision: OperatorDecision | None,
) -> Sequence[ParkedItem]:
    """Discard parked work for good, except work on accepted money."""
    if decision is not None:
        return commands.discard(engine, parked_filter, decision)
    items = parked_items(engine, parked_filter)
    refuse_money(items)
    return items


def _filter(
    job: str | None, cause: str | None, subject: str | None, older_than: str | None
) -> ParkedFilter:
    age = None
    if older_than is not None:
        age = timedelta(seconds=read_seconds("--older-than", older_than))
    return ParkedFilter(job=job, cause=cause, subject=subject, older_than=age)


def _print(items: Sequence[ParkedItem], action: str, *, dry_run: bool, as_json: bool) -> None:
    causes = Counter(item.cause for item in items)
    if as_json:
        document = {
            "action": action,
            "dry_run": dry_run,
            "count": len(items),
            "causes": causes,
            "subjects": [item.subject for item in items],
        }
        print_json(document)
        return
    typer.echo(f"{len(items)} {'would be ' if dry_run else ''}{_PARTICIPLES[action]}")
    for cause, count in causes.items():
        typer.echo(f"  {count} for {cause}")
