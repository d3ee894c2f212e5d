"""``tieout queue``: what waits, what is stuck, what is parked; and what to do about it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus
from ops.context import current, endpoints
from ops.settings.values import parse_duration
from vocabulary.errors import Contradiction, Malformed

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.queue.commands import OperatorDecision, ParkedFilter, ParkedItem

app = typer.Typer(no_args_is_help=True, add_completion=False)

FINDING, UNAVAILABLE = 1, 3

Job = Annotated[str | None, typer.Option("--job", help="Only what this job parked.")]
Cause = Annotated[str | None, typer.Option("--cause", help="Only this cause or fingerprint.")]
Subject = Annotated[str | None, typer.Option("--subject", help='Only this, as "batch 7".')]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", help="Only what was parked so long ago, as 2h.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
By = Annotated[str | None, typer.Option("--by", help="Who you are; kept in the audit trail.")]
Why = Annotated[str | None, typer.Option("--why", help="Why; kept in the audit trail.")]
Queue = Annotated[str, typer.Argument(help="The queue: post or ingest.")]


@app.command()
def status(
    ctx: typer.Context,
    *,
    oldest: Annotated[str, typer.Option(help="Oldest work that is still fine.")] = "60s",
    canary: Annotated[str, typer.Option(help="Oldest canary that is still fine.")] = "60s",
    progress: Annotated[str, typer.Option(help="Longest pause of a worker.")] = "60s",
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """What waits, from Postgres and the broker; exit 1 on a finding, 3 if one is down."""
    from ops.commands.queue.probe import look  # noqa: PLC0415 - heavy
    from ops.commands.queue.report import QueueLimits, document, findings, metrics  # noqa: PLC0415

    limits = QueueLimits(
        oldest_s=_seconds("--oldest", oldest),
        canary_s=_seconds("--canary", canary),
        worker_s=_seconds("--progress", progress),
    )
    seen = look(current(ctx))
    found = findings(seen, limits)
    if prometheus:
        typer.echo(metrics(seen, limits), nl=False)
    elif as_json:
        print_json(document(seen, limits))
    else:
        from ops.commands.queue.output import print_status  # noqa: PLC0415 - loads rich

        print_status(seen, found)
    raise typer.Exit(UNAVAILABLE if seen.down else FINDING if found else 0)


@app.command()
def parked(
    ctx: typer.Context,
    *,
    job: Job = None,
    cause: Cause = None,
    subject: Subject = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a person, with everything that is known about it; exit 1 if anything."""
    from storage.engine import open_engine  # noqa: PLC0415 - heavy
    from storage.queue.commands import parked_items  # noqa: PLC0415

    engine = open_engine(endpoints(current(ctx)).database_url)
    items = parked_items(engine, _filter(job, cause, subject, older_than))
    if as_json:
        print_json(items)
    else:
        from ops.commands.queue.output import print_parked  # noqa: PLC0415 - loads rich

        print_parked(items)
    raise typer.Exit(FINDING if items else 0)


@app.command()
def requeue(
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
    """Have parked work done again, once its cause is repaired."""
    from ops.commands.queue.probe import ask_for  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415
    from storage.queue.commands import parked_items  # noqa: PLC0415
    from storage.queue.commands import requeue as carry_out  # noqa: PLC0415

    context = current(ctx)
    chosen = _filter(job, cause, subject, older_than)
    order = None if dry_run else _order(by, why)
    found = endpoints(context)
    engine = open_engine(found.database_url)
    items = parked_items(engine, chosen) if order is None else carry_out(engine, chosen, order)
    if order is not None and items:
        ask_for(found.broker_url, items)
    _say("requeue", items, dry_run=dry_run, as_json=as_json)


@app.command()
def discard(
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
    """Give up parked work for good. Money that was accepted is never given up."""
    from storage.engine import open_engine  # noqa: PLC0415 - heavy
    from storage.queue.commands import discard as carry_out  # noqa: PLC0415
    from storage.queue.commands import parked_items, refuse_money  # noqa: PLC0415

    chosen = _filter(job, cause, subject, older_than)
    order = None if dry_run else _order(by, why)
    engine = open_engine(endpoints(current(ctx)).database_url)
    if order is None:
        items = parked_items(engine, chosen)
        refuse_money(items)
    else:
        items = carry_out(engine, chosen, order)
    _say("discard", items, dry_run=dry_run, as_json=as_json)


@app.command()
def pause(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Have workers leave a queue alone, at once and across restarts; nothing is lost."""
    from storage.queue.commands import pause as carry_out  # noqa: PLC0415 - heavy

    _switch(ctx, queue, "paused", None if dry_run else _order(by, why), carry_out)


@app.command()
def resume(
    ctx: typer.Context, queue: Queue, *, dry_run: DryRun = False, by: By = None, why: Why = None
) -> None:
    """Have workers work on a queue again."""
    from storage.queue.commands import resume as carry_out  # noqa: PLC0415 - heavy

    _switch(ctx, queue, "resumed", None if dry_run else _order(by, why), carry_out)


@app.command()
def alive(
    file: Annotated[Path, typer.Argument(help="What --pulse names.")],
    *,
    within: Annotated[str, typer.Option(help="Longest pause that is still fine.")] = "60s",
) -> None:
    """Exit 0 if the process that writes this file makes progress, else 1."""
    from workers.heartbeat_file import age_s  # noqa: PLC0415 - with its package

    age = age_s(file)
    if age is None:
        raise Contradiction(f"{file}: no sign of progress yet")
    if age > _seconds("--within", within):
        raise Contradiction(f"{file}: no progress for {age:.0f} s")
    typer.echo(f"{file}: progress {age:.1f} s ago")


def _switch(
    ctx: typer.Context,
    queue: str,
    done: str,
    order: "OperatorDecision | None",
    carry_out: "Callable[[Engine, str, OperatorDecision], bool]",
) -> None:
    from storage.engine import open_engine  # noqa: PLC0415 - heavy
    from workers.canary import QUEUES  # noqa: PLC0415

    if queue not in QUEUES:
        raise Malformed("queue", f"one of {', '.join(QUEUES)} is expected, not {queue!r}")
    if order is None:
        typer.echo(f"queue {queue} would be {done}")
        return
    engine = open_engine(endpoints(current(ctx)).database_url)
    changed = carry_out(engine, queue, order)
    typer.echo(f"queue {queue} is {done}" + ("" if changed else ", as it was before"))


def _filter(
    job: str | None, cause: str | None, subject: str | None, older_than: str | None
) -> "ParkedFilter":
    from storage.queue.commands import ParkedFilter  # noqa: PLC0415 - heavy

    older = None
    if older_than is not None:
        older = timedelta(seconds=_seconds("--older-than", older_than))
    return ParkedFilter(job=job, cause=cause, subject=subject, older_than=older)


def _order(by: str | None, why: str | None) -> "OperatorDecision":
    from storage.queue.commands import OperatorDecision  # noqa: PLC0415 - heavy

    for name, given in (("--by", by), ("--why", why)):
        if given is None or not given.strip():
            raise Malformed(name, "expected, for the audit trail (or --dry-run)")
    return OperatorDecision(actor=str(by).strip(), reason=str(why).strip())


def _seconds(name: str, text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise Malformed(name, f"{error} is expected, not {text!r}") from None


def _say(what: str, items: "Sequence[ParkedItem]", *, dry_run: bool, as_json: bool) -> None:
    causes: dict[str, int] = {}
    for item in items:
        causes[item.cause] = causes.get(item.cause, 0) + 1
    if as_json:
        told = {"action": what, "dry_run": dry_run, "count": len(items), "causes": causes}
        print_json({**told, "subjects": [item.subject for item in items]})
        return
    done = {"requeue": "requeued", "discard": "discarded"}[what]
    typer.echo(f"{len(items)} {'would be ' if dry_run else ''}{done}")
    for cause, count in causes.items():
        typer.echo(f"  {count} for {cause}")
