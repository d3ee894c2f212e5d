"""``tieout players show``: a player's wallets, their limits and what counts against them."""

import typer

from ledger.accepting.limits import Restrictions
from ledger.queries.player_status import PlayerStatus, statuses_of
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Player
from ops.commands.tables import instant, table, text
from ops.context import own_exponents
from vocabulary.clock import SystemClock
from vocabulary.currencies import Exponents


def show(ctx: typer.Context, player: Player, *, as_json: AsJson = False) -> None:
    """Show a player's balance, state and limits, and what counts against them today."""
    now = SystemClock().now()
    wallets = [
        _wallet(status, own_exponents(ctx))
        for status in statuses_of(open_books(ctx), player, at=now)
    ]
    if not wallets:
        typer.echo(f"no player is called {player}", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json({"player": player, "wallets": wallets})
        return
    columns = list(wallets[0])
    table(columns, ([str(wallet[column] or "") for column in columns] for wallet in wallets))


def _wallet(status: PlayerStatus, exponents: Exponents) -> dict[str, str | None]:
    currency = status.currency
    restrictions = status.restrictions or Restrictions()
    limits = {
        "stake": restrictions.stake,
        "turnover": restrictions.turnover,
        "loss": restrictions.loss,
    }
    return {
        "currency": currency,
        "balance": text(status.balance, currency, exponents),
        "owed": text(status.owed, currency, exponents),
        "state": status.state.value,
        "excluded_until": instant(restrictions.until),
        **{
            f"{name}_limit": None if minor is None else text(minor, currency, exponents)
            for name, minor in limits.items()
        },
        "staked_today": text(status.staked_today, currency, exponents),
        "paid_today": text(status.paid_today, currency, exponents),
    }
