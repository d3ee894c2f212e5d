"""``tieout ledger balance|trial-balance``: balances of a wallet and of every account."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from ledger.queries import balances
from ledger.queries.checkpoints import balance_at
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.option_values import read_passed_instant
from ops.commands.options import AsJson, Currency, Player
from ops.commands.tables import instant, table, text
from ops.context import own_exponents
from vocabulary.clock import SystemClock


class ClockChoice(StrEnum):
    """Which of our own instants counts."""

    RECEIVED = "received"
    POSTED = "posted"


ByClock = Annotated[
    ClockChoice,
    typer.Option("--by", help="Which of our clocks counts: received or posted."),
]


def balance(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    as_of: Annotated[
        str | None, typer.Option("--at", help="An instant, such as 2026-06-04T12:00:00Z.")
    ] = None,
    clock: ByClock = ClockChoice.RECEIVED,
    as_json: AsJson = False,
) -> None:
    """Show a player's balance, now or at an instant."""
    if as_of is not None:
        moment = read_passed_instant(as_of, "--at", SystemClock().now())
        _balance_at(ctx, player, currency, moment, clock=clock, as_json=as_json)
        return
    wallet = balances.balance_of(open_books(ctx), player=player, currency=currency)
    if wallet is None:
        raise no_wallet(player, currency)
    amount = text(wallet.balance, currency, own_exponents(ctx))
    if as_json:
        document = {"player": player, "currency": currency, "balance": amount}
        print_json({**document, "seq": wallet.seq})
        return
    blocked = ", bets blocked" if wallet.blocked else ""
    typer.echo(f"{player}: {amount} {currency} (seq {wallet.seq}{blocked})")


def _balance_at(
    ctx: typer.Context,
    player: str,
    currency: str,
    moment: datetime,
    *,
    clock: ClockChoice,
    as_json: bool,
) -> None:
    wallet = balance_at(
        open_books(ctx), player=player, currency=currency, at=moment, by=clock.value
    )
    if wallet is None:
        raise no_wallet(player, currency)
    amount = text(wallet.balance, currency, own_exponents(ctx))
    if as_json:
        document = {"player": player, "currency": currency, "balance": amount}
        print_json({**document, "at": moment, "by": clock, "checkpoint": wallet.checkpoint})
        return
    typer.echo(f"{player}: {amount} {currency} {clock} by {instant(moment)}")


def no_wallet(player: str, currency: str) -> typer.Exit:
    """Say that a player has no wallet in a currency; returns the exit."""
    typer.echo(f"no wallet of {player} in {currency}", err=True)
    return typer.Exit(1)


def trial_balance(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the total of every account; exit 1 unless each currency sums to zero."""
    lines = balances.trial_balance(open_books(ctx))
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    columns, exponents = ["account", "provider", "currency", "amount"], own_exponents(ctx)
    rows = [
        [
            line.account,
            line.provider,
            line.currency,
            text(line.amount, line.currency, exponents),
        ]
        for line in lines
    ]
    if as_json:
        accounts = [dict(zip(columns, row, strict=True)) for row in rows]
        sums_text = {
            currency: text(total, currency, exponents) for currency, total in sums.items()
        }
        print_json({"accounts": accounts, "sums": sums_text})
    else:
        table(columns, rows)
    raise typer.Exit(1 if any(sums.values()) else 0)
