"""``tieout players``: import and register players; block and unblock their bets."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.ledger.output import instant, positive, read_until, table, text
from ops.context import current, endpoints
from vocabulary.clock import SystemClock

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.queries.player_status import PlayerStatus
    from ops.settings.model import ProviderSettings

app = typer.Typer(no_args_is_help=True, add_completion=False)

By = Annotated[str, typer.Option("--by", help="Who orders it; kept in the audit trail.")]


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
    from ledger.players.importer import import_players, read_players  # noqa: PLC0415 - heavy
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
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
) -> None:
    """Refuse the player's bets in one currency; wins and rollbacks are still taken."""
    _set_blocked(ctx, player, currency, by, reason, blocked=True)


@app.command()
def unblock(
    ctx: typer.Context,
    player: Annotated[str, typer.Option(help="The player.")],
    currency: Annotated[str, typer.Option(help="The wallet's currency.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
) -> None:
    """Take the player's bets in one currency again."""
    _set_blocked(ctx, player, currency, by, reason, blocked=False)


@app.command()
def exclude(
    ctx: typer.Context,
    *,
    player: Annotated[str, typer.Option(help="The player.")],
    currency: Annotated[str, typer.Option(help="The wallet's currency.")],
    until: Annotated[str, typer.Option(help="An instant, or a duration from now: 30d.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
) -> None:
    """Refuse the player's bets until an instant; it can be made later, never earlier."""
    from ledger.accepting.own_operations import Exclude  # noqa: PLC0415 - heavy
    from ops.commands.wallet_orders import carry_out_by, fresh_key  # noqa: PLC0415

    order = Exclude(
        key=fresh_key("exclude"),
        handle=player,
        currency=currency,
        until=read_until(until, "--until", SystemClock().now()),
        reason=reason,
    )
    carry_out_by(current(ctx), order, by=by)
    typer.echo(f"{player} {currency} excluded until {order.until.isoformat()}")


@app.command()
def limit(
    ctx: typer.Context,
    *,
    player: Annotated[str, typer.Option(help="The player.")],
    currency: Annotated[str, typer.Option(help="The wallet's currency.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept with the operation.")],
    stake: Annotated[str | None, typer.Option(help="The most that one bet may stake.")] = None,
    turnover: Annotated[str | None, typer.Option(help="The most staked in a day.")] = None,
    loss: Annotated[str | None, typer.Option(help="The most lost in a day.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lift every limit.")] = False,
) -> None:
    """Set what the player may stake, turn over and lose in a UTC day; replaces what was set."""
    from ledger.accepting.own_operations import Limit  # noqa: PLC0415 - heavy
    from ops.commands.wallet_orders import carry_out_by, fresh_key  # noqa: PLC0415

    given = {"stake": stake, "turnover": turnover, "loss": loss}
    if lift is any(value is not None for value in given.values()):
        raise typer.BadParameter("at least one limit is expected, or --lift")
    limits = {
        name: None if value is None else positive(value, currency, f"--{name}").minor
        for name, value in given.items()
    }
    order = Limit(
        key=fresh_key("limit"), handle=player, currency=currency, reason=reason, **limits
    )
    carry_out_by(current(ctx), order, by=by)
    typer.echo(f"{player} {currency} {'limited' if not lift else 'without limits'}")


@app.command()
def show(
    ctx: typer.Context,
    player: Annotated[str, typer.Option(help="The player.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How the player stands: balance, state, limits and what counts against them today."""
    from ledger.queries.player_status import statuses_of  # noqa: PLC0415 - heavy
    from storage.engine import open_engine  # noqa: PLC0415

    now = SystemClock().now()
    engine = open_engine(endpoints(current(ctx)).database_url, pool_size=1)
    wallets = [_wallet(one) for one in statuses_of(engine, player, at=now)]
    if not wallets:
        typer.echo(f"no player is called {player}", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps({"player": player, "wallets": wallets}))
        return
    columns = list(wallets[0])
    table(columns, ([str(one[column] or "") for column in columns] for one in wallets))


def _wallet(one: "PlayerStatus") -> dict[str, str | None]:
    from ledger.accepting.limits import Restrictions  # noqa: PLC0415 - heavy

    held = one.restrictions or Restrictions()
    limits = {"stake": held.stake, "turnover": held.turnover, "loss": held.loss}
    return {
        "currency": one.currency,
        "balance": text(one.balance, one.currency),
        "owed": text(one.owed, one.currency),
        "state": one.state.value,
        "excluded_until": instant(held.until),
        **{
            f"{name}_limit": None if minor is None else text(minor, one.currency)
            for name, minor in limits.items()
        },
        "staked_today": text(one.staked_today, one.currency),
        "paid_today": text(one.paid_today, one.currency),
    }


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
    from ops.commands.provider import entry_named  # noqa: PLC0415
    from ops.runtime import logs  # noqa: PLC0415 - heavy
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
    from ledger.players.handles import handle_of, lock_player, store_handle  # noqa: PLC0415 - heavy

    with engine.begin() as connection:
        if not lock_player(connection, player):
            raise typer.BadParameter(f"no player is called {player}; import players first")
        stored = handle_of(connection, entry.slug, player)
        if stored is not None and not again:
            return stored, False
        handle = asyncio.run(_register_there(entry, player))
        store_handle(connection, entry.slug, player, handle)
    return handle, stored is None


async def _register_there(entry: "ProviderSettings", player: str) -> str:
    from ops.providers.api_access import open_api  # noqa: PLC0415 - heavy

    async with open_api(entry) as (api, _):
        return (await api.register(player)).handle


def _set_blocked(
    ctx: typer.Context, player: str, currency: str, by: str, reason: str, *, blocked: bool
) -> None:
    from ledger.accepting.own_operations import SetBlocked  # noqa: PLC0415 - heavy
    from ops.commands.wallet_orders import carry_out_by, fresh_key  # noqa: PLC0415

    order = SetBlocked(
        key=fresh_key("block" if blocked else "unblock"),
        handle=player,
        currency=currency,
        blocked=blocked,
        reason=reason,
    )
    carry_out_by(current(ctx), order, by=by)
    typer.echo(f"{player} {currency} {'blocked' if blocked else 'unblocked'}")
