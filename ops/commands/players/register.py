"""``tieout players register``: make a player known to a provider."""

import asyncio
from typing import Annotated

import typer
from sqlalchemy import Engine

from ledger.players.handles import handle_of, lock_player, store_handle
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Player, Provider
from ops.commands.provider_choice import entry_named
from ops.context import context_of
from ops.providers.api_access import open_api
from ops.runtime import logs
from ops.settings.model import ProviderSettings


def register(
    ctx: typer.Context,
    *,
    provider: Provider,
    player: Player,
    again: Annotated[
        bool, typer.Option("--again", help="Ask the provider even if a handle is stored.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a player known to a provider, and store the handle it calls back with.

    A stored handle is never overwritten: a different one is a finding, and exits 1.
    """
    logs.configure(level="warning")
    entry = entry_named(context_of(ctx).settings, provider)
    handle, is_new = _registered(open_books(ctx), entry, player, again=again)
    if as_json:
        print_json({"player": player, "handle": handle, "new": is_new})
        return
    typer.echo(f"{player} is {handle} at {provider}{'' if is_new else ', as stored already'}")


def _registered(
    engine: Engine, entry: ProviderSettings, player: str, *, again: bool
) -> tuple[str, bool]:
    """Return the handle, and whether it is new.

    The player stays locked while the provider is asked: two registrations at once ask once,
    and a database that is down is noticed before the provider registers anybody.
    """
    with engine.begin() as connection:
        if not lock_player(connection, player):
            raise typer.BadParameter(f"no player is called {player}; import players first")
        stored = handle_of(connection, entry.slug, player)
        if stored is not None and not again:
            return stored, False
        handle = asyncio.run(_register_there(entry, player))
        store_handle(connection, entry.slug, player, handle)
    return handle, stored is None


async def _register_there(entry: ProviderSettings, player: str) -> str:
    async with open_api(entry) as (api, _):
        return (await api.register(player)).handle
