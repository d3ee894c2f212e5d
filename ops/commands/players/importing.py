"""``tieout players import``: import players from a file."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.players.importer import import_players, read_players
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson


def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Players CSV.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Import players from a CSV: player,currency,balance and any handle:<slug> columns.

    A wallet that exists keeps its balance.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        imported = import_players(open_books(ctx), read_players(lines))
    if as_json:
        print_json({"opened": imported.opened, "known": imported.known})
        return
    typer.echo(f"{imported.opened} wallets opened, {imported.known} already known")
