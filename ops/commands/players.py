"""``tieout players``: import and register players; block and unblock their bets."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.context import current, endpoints

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ops.settings import ProviderSettings

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command("import")
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Players CSV.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import players from a CSV: player,currency,balance and any handle:<slug> columns.

    A wallet that exists keeps its balance.
    """
    from ledger.importing import import_players, read_players  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    engine = open_engine(endpoints(current(ctx)).database_url)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        imported = import_players(engine, read_players(lines))
    if as_json:
        typer.echo(json.dumps({"opened": imported.opened, "known": imported.known}))
        return
    typer.echo(f"{imported.opened} wallets opened, {imported.known} already known")


@app.command()
def block(
    ctx: typer.Context,
    player: Annotated[str, typer.Option(help="The player.")],
    currency: Annotated[str, typer.Option(help="The wallet's currency.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
) -> None:
    """Refuse the player's bets in one currency; wins and rollbacks are still taken."""
    _set_blocked(ctx, player, currency, reason, blocked=True)


@app.command()
def unblock(
    ctx: typer.Context,
    player: Annotated[str, typer.Option(help="The player.")],
    currency: Annotated[str, typer.Option(help="The wallet's currency.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
) -> None:
    """Take the player's bets in one currency again."""
    _set_blocked(ctx, player, currency, reason, blocked=False)


@app.command()
def register(
    ctx: typer.Context,
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    player: Annotated[str, typer.Option(help="Our name of the player.")],
    again: Annotated[
        bool, typer.Option("--again", help="Ask the provider also where a handle is stored.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a player known to a provider, and keep the handle it calls back with.

    A handle already stored is never overwritten: another one is a finding, and exits 1.
    """
    from ops import logs  # noqa: PLC0415 - heavy
    from ops.commands.provider import entry_named  # noqa: PLC0415
    from storage.engine import open_engine  # noqa: PLC0415

    logs.configure(level="warning")
    context = current(ctx)
    entry = entry_named(context.settings, provider)
    engine = open_engine(endpoints(context).database_url, pool_size=1)
    handle, is_new = _registered(engine, entry, player, again=again)
    engine.dispose()
    if as_json:
        typer.echo(json.dumps({"player": player, "handle": handle, "new": is_new}))
        return
    typer.echo(f"{player} is {handle} at {provider}{'' if is_new else ', as stored already'}")


def _registered(
    engine: "Engine", entry: "ProviderSettings", player: str, *, again: bool
) -> tuple[str, bool]:
    """The handle, and whether it was new.

    The player stays locked while the provider is asked: two registrations at once ask once,
    and a database that is down is found out before the provider is told anything.
    """
    from ops.handles import handle_of, keep_handle, lock_player  # noqa: PLC0415 - heavy

    with engine.begin() as connection:
        if not lock_player(connection, player):
            raise typer.BadParameter(f"no player is called {player}; import players first")
        stored = handle_of(connection, entry.slug, player)
        if stored is not None and not again:
            return stored, False
        handle = asyncio.run(_asked(entry, player))
        keep_handle(connection, entry.slug, player, handle)
    return handle, stored is None


async def _asked(entry: "ProviderSettings", player: str) -> str:
    from ops.apis import desk  # noqa: PLC0415 - heavy

    async with desk(entry) as (found, _):
        return (await found.register(player)).handle


def _set_blocked(
    ctx: typer.Context, player: str, currency: str, reason: str, *, blocked: bool
) -> None:
    from ledger.orders import SetBlocked  # noqa: PLC0415 - heavy
    from ops.orders import carry_out, fresh_key  # noqa: PLC0415

    order = SetBlocked(
        key=fresh_key("block" if blocked else "unblock"),
        handle=player,
        currency=currency,
        blocked=blocked,
        reason=reason,
    )
    carry_out(current(ctx), order)
    typer.echo(f"{player} {currency} {'blocked' if blocked else 'unblocked'}")
