"""``tieout queue alive``: a liveness probe; it runs often and so imports little."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.queue.seconds import read_seconds
from vocabulary.errors import Contradiction
from workers.heartbeat_file import age_s


def alive(
    file: Annotated[Path, typer.Argument(help="The file that --pulse names.")],
    *,
    within: Annotated[str, typer.Option(help="Longest time without progress.")] = "60s",
) -> None:
    """Exit 0 if the process that writes this file makes progress, else 1."""
    age = age_s(file)
    if age is None:
        raise Contradiction(f"{file}: no sign of progress yet")
    if age > read_seconds("--within", within):
        raise Contradiction(f"{file}: no progress for {age:.0f} s")
    typer.echo(f"{file}: progress {age:.1f} s ago")
