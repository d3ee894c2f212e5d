"""``tieout feed file``: write a kept statement file back to disk."""

from pathlib import Path
from typing import Annotated

import typer

from feeds.statements.archive import file_parts, has_file
from ops.commands.database import open_books


def file(
    ctx: typer.Context,
    number: Annotated[
        int,
        typer.Argument(min=1, max=2**63 - 1, help="The file's number, as import prints it."),
    ],
    target: Annotated[Path, typer.Argument(help="Where to write it; must not exist.")],
) -> None:
    """Write a statement file to disk as it was received, even one in quarantine.

    If its bytes left the database, they come from the archive that has them.
    """
    if target.exists():
        raise typer.BadParameter(f"{target} exists")
    with open_books(ctx).connect() as connection:
        if not has_file(connection, number):
            raise typer.BadParameter(f"there is no file {number}")
        with target.open("xb") as stream:
            try:
                for part in file_parts(connection, number):
                    stream.write(part)
                stream.flush()
            except BaseException:
                target.unlink()  # a part of the file, or not the file at all
                raise
    typer.echo(f"file {number} is in {target}")
