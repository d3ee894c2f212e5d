"""Options that several ``tieout queue`` commands share."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.identity import open_books_as
from storage.queue.commands import OperatorDecision
from vocabulary.errors import Malformed
from vocabulary.people import Right

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Why = Annotated[str | None, typer.Option("--why", help="Why; kept in the audit trail.")]


def open_queues_as(
    ctx: typer.Context, by: str | None, why: str | None
) -> tuple[Engine, OperatorDecision]:
    """Open the database for the person who decides.

    Raises:
        Malformed: the reason is missing or blank, or nobody is known.
    """
    if why is None or not why.strip():
        raise Malformed("--why", "expected, for the audit trail (or --dry-run)")
    engine, name = open_books_as(ctx, by, Right.RUN_QUEUES)
    return engine, OperatorDecision(actor=name, reason=why.strip())
