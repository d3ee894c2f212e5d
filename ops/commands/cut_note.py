"""A note beside lists of rows: older ones may be in archives."""

import typer
from sqlalchemy import Engine

from storage.archive.row_cut import rows_begin_at
from storage.transactions import reading
from vocabulary.clock import iso


def note_cut(engine: Engine) -> None:
    """Say on stderr from when on all rows are there; nothing, if none left.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "") as connection:
        cut = rows_begin_at(connection)
    if cut is not None:
        typer.echo(
            f"most operations and rounds from before {iso(cut)} are in archives;"
            " `tieout archive recall` brings single ones back",
            err=True,
        )
