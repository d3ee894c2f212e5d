"""``tieout games``: a provider's games, and a link that opens one for a player."""

import asyncio
from typing import Annotated

import typer

from ledger.players.handles import handle_of
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Provider, check_currency
from ops.commands.provider_choice import entry_named
from ops.context import Context, context_of, database_url
from ops.providers.api_access import open_api
from ops.runtime import logs
from ops.settings.model import ProviderSettings
from providers.outbound.launch import Game, Launch, LaunchRequest
from storage.transactions import engine_at

app = typer.Typer(
    help="List a provider's games, and open one for a player.",
    no_args_is_help=True,
    add_completion=False,
)

House = Annotated[str | None, typer.Option(help="The house of games, where there are several.")]


@app.command("list")
def list_games(
    ctx: typer.Context,
    *,
    provider: Provider,
    game_provider: House = None,
    as_json: AsJson = False,
) -> None:
    """List the games that can be opened, of one house or of all."""
    logs.configure(level="warning")
    entry = entry_named(context_of(ctx).settings, provider)
    games = asyncio.run(_listed(entry, game_provider))
    if as_json:
        print_json(games, indent=2)
        return
    for game in games:
        typer.echo(_line(game))


@app.command("open")
def open_game(
    ctx: typer.Context,
    *,
    provider: Provider,
    player: Annotated[str, typer.Option(help="Our name of the player.")],
    game: Annotated[str | None, typer.Option(help="The game's id; else the lobby.")] = None,
    game_provider: House = None,
    currency: Annotated[
        str | None,
        typer.Option(help="Currency of play; else the provider's.", callback=check_currency),
    ] = None,
    language: Annotated[str, typer.Option(help="Language code.")] = "en",
    home_url: Annotated[str | None, typer.Option(help="Where the player returns to.")] = None,
    ip: Annotated[str | None, typer.Option(help="The player's address.")] = None,
    mobile: Annotated[bool, typer.Option("--mobile", help="The mobile client.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Play money.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a link that opens a game; whoever has the link can play."""
    logs.configure(level="warning")
    context = context_of(ctx)
    entry = entry_named(context.settings, provider)
    request = LaunchRequest(
        player=player,
        handle=_stored_handle(context, provider, player),
        game_id=game,
        game_provider=game_provider,
        currency=currency or entry.currency,
        language=language,
        home_url=home_url,
        ip=ip,
        mobile=mobile,
        demo=demo,
    )
    launch = asyncio.run(_opened(entry, request))
    if as_json:
        print_json({"url": launch.url})
    else:
        typer.echo(launch.url)


def _stored_handle(context: Context, slug: str, player: str) -> str | None:
    url = database_url(context)
    with engine_at(url, pool_size=1) as engine, engine.connect() as connection:
        return handle_of(connection, slug, player)


async def _listed(entry: ProviderSettings, game_provider: str | None) -> tuple[Game, ...]:
    async with open_api(entry) as (api, _):
        return await api.games(game_provider)


async def _opened(entry: ProviderSettings, request: LaunchRequest) -> Launch:
    async with open_api(entry) as (api, _):
        return await api.open_game(request)


def _line(game: Game) -> str:
    remarks = [game.kind] if game.kind else []
    remarks += ["demo"] if game.has_demo else []
    remarks += [] if game.is_active else ["closed"]
    suffix = f" ({', '.join(remarks)})" if remarks else ""
    return f"{game.game_id}\t{game.provider}\t{game.title}{suffix}"
