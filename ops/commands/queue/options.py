"""Options that several ``tieout queue`` commands share."""

from typing import Annotated

import typer

from storage.queue.commands import OperatorDecision
from vocabulary.errors import Malformed

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
By = Annotated[str | None, typer.Option("--by", help="Who you are; kept in the audit trail.")]
Why = Annotated[str | None, typer.Option("--why", help="Why; kept in the audit trail.")]


def read_decision(by: str | None, why: str | None, *, dry_run: bool) -> OperatorDecision | None:
    """Read who decides and why; None for a dry run.

    Raises:
        Malformed: one of them is missing or blank.
    """
    if dry_run:
        return None
    for option, text in (("--by", by), ("--why", why)):
        if text is None or not text.strip():
            raise Malformed(option, "expected, for the audit trail (or --dry-run)")
    return OperatorDecision(actor=str(by).strip(), reason=str(why).strip())
