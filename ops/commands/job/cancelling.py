"""``tieout job cancel``: give up a job that waits."""

import typer

from ops.commands.database import refusals
from ops.commands.identity import open_books_for
from ops.commands.job.listing import Number
from ops.commands.options import By
from ops.jobs.registry import KINDS
from storage.jobs.queries import job_numbered
from storage.jobs.requests import cancel_job
from storage.transactions import transaction
from vocabulary.clock import SystemClock
from vocabulary.people import Right


def cancel(ctx: typer.Context, number: Number, *, by: By = None) -> None:
    """Cancel a job that waits; exit 1 if it runs or is over. Needs the right of the job."""
    engine, actor = open_books_for(ctx, by, Right.READ)
    with refusals(), transaction(engine, "jobs") as connection:
        job = job_numbered(connection, number)
        kind = None if job is None else KINDS.get(job.kind)
        if kind is not None:
            actor.require(kind.right)
        now = SystemClock().now()
        cancelled = cancel_job(connection, number, by=actor.person.name, now=now)
    typer.echo(f"job {number} is cancelled: {cancelled.title}")
