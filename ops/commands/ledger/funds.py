"""``tieout ledger deposit|withdraw``: move money between a wallet and the outside."""

from enum import StrEnum
from typing import Annotated

import typer

from ledger.accepting.own_operations import Deposit, Withdrawal
from ops.commands.option_values import positive
from ops.commands.options import Currency, OrderReason, Player
from ops.commands.wallet_orders import carry_out, fresh_key
from ops.context import context_of
from vocabulary.facts import Fund


class DepositAs(StrEnum):
    """Whose money a deposit is."""

    CASH = "cash"
    BONUS = "bonus"
    PROMO = "promo"
    JACKPOT = "jackpot"


Amount = Annotated[str, typer.Option(help="A positive decimal amount, such as 12.50.")]
OrderKey = Annotated[
    str | None, typer.Option("--key", help="Your own key: money moves only once under it.")
]


def deposit(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Amount,
    reason: OrderReason,
    fund: Annotated[
        DepositAs, typer.Option("--as", help="Whose money: cash from outside, or a fund.")
    ] = DepositAs.CASH,
    key: OrderKey = None,
) -> None:
    """Put money into a wallet."""
    order = Deposit(
        key=key or fresh_key("deposit"),
        handle=player,
        amount=positive(amount, currency),
        reason=reason,
        fund=Fund(fund.value),
    )
    typer.echo(carry_out(context_of(ctx), order).answer.body.decode())


def withdraw(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Amount,
    reason: OrderReason,
    key: OrderKey = None,
) -> None:
    """Take money out of a wallet if it holds enough."""
    order = Withdrawal(
        key=key or fresh_key("withdrawal"),
        handle=player,
        amount=positive(amount, currency),
        reason=reason,
    )
    typer.echo(carry_out(context_of(ctx), order).answer.body.decode())
