"""The dispute that an argument names, by its id or the start of it."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from reports.find.short_ids import ShortIdKind, complete_id

DisputeId = Annotated[str, typer.Argument(help="The dispute's id, dsp-…, or its start.")]


def complete_dispute(engine: Engine, start: str) -> str:
    """The only dispute whose id begins so, or the text itself if none does.

    Raises:
        Malformed: several do; lists them.
    """
    return complete_id(engine, ShortIdKind.DISPUTE, start)
