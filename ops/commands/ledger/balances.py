"""``tieout ledger balance|trial-balance``: balances of a wallet and of every account."""

from enum import StrEnum
from typing import Annotated

import typer

from ledger.queries import balances
from ledger.queries.checkpoints import balance_at
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.option_values import read_instant
from ops.commands.options import AsJson, Currency, Player
from ops.commands.tables import instant, table, text


class ClockChoice(StrEnum):
    """Which of our own instants counts."""

    RECEIVED = "received"
    POSTED = "posted"


ByClock = Annotated[
    ClockChoice,
    typer.Option("--by", help="Count what was received, or what was posted, by then."),
]


def balance(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    at: Annotated[
        str | None, typer.Option(help="As of an instant, such as 2026-06-04T12:00:00Z.")
    ] = None,
    by: ByClock = ClockChoice.RECEIVED,
    as_json: AsJson = False,
) -> None:
    """A player's balance, now or at an instant."""
    if at is not None:
        _balance_at(ctx, player, currency, at, by=by, as_json=as_json)
        return
    wallet = balances.balance_of(open_books(ctx), player=player, currency=currency)
    if wallet is None:
        raise _no_wallet(player, currency)
    amount = text(wallet.balance, currency)
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
    at: str,
    *,
    by: ClockChoice,
    as_json: bool,
) -> None:
    as_of = read_instant(at, "--at")
    wallet = balance_at(
        open_books(ctx), player=player, currency=currency, at=as_of, by=by.value
    )
    if wallet is None:
        raise _no_wallet(player, currency)
    amount = text(wallet.balance, currency)
    if as_json:
        document = {"player": player, "currency": currency, "balance": amount}
        print_json({**document, "at": as_of, "by": by, "checkpoint": wallet.checkpoint})
        return
    typer.echo(f"{player}: {amount} {currency} {by} by {instant(as_of)}")


def _no_wallet(player: str, currency: str) -> typer.Exit:
    typer.echo(f"no wallet of {player} in {currency}", err=True)
    return typer.Exit(1)


def trial_balance(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Every account's total; exit 1 unless each currency sums to zero."""
    lines = balances.trial_balance(open_books(ctx))
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    columns = ["account", "provider", "currency", "amount"]
    rows = [
        [line.account, line.provider, line.currency, text(line.amount, line.currency)]
        for line in lines
    ]
    if as_json:
        accounts = [dict(zip(columns, row, strict=True)) for row in rows]
        sums_text = {currency: text(total, currency) for currency, total in sums.items()}
        print_json({"accounts": accounts, "sums": sums_text})
    else:
        table(columns, rows)
    raise typer.Exit(1 if any(sums.values()) else 0)
