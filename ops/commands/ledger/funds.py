"""``tieout ledger deposit|withdraw|funds``: move money between a wallet and the outside."""

from enum import StrEnum
from typing import Annotated

import typer

from ledger.accepting.own_operations import Deposit, Withdrawal
from ledger.corrections.fund_requests import (
    FundRequest,
    approve_funds,
    fund_requests,
    reject_funds,
    request_funds,
)
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.limits import limits_in_force
from ops.commands.next_commands import print_next_for_another
from ops.commands.option_values import positive
from ops.commands.options import AsJson, By, Currency, OrderReason, Player, Reason
from ops.commands.tables import print_rows, text
from ops.commands.wallet_orders import carry_out_by, fresh_key
from ops.context import context_of, own_exponents
from vocabulary.clock import SystemClock, iso
from vocabulary.currencies import Exponents
from vocabulary.facts import Fund
from vocabulary.people import Right

app = typer.Typer(no_args_is_help=True, add_completion=False)


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
RequestId = Annotated[str, typer.Argument(help="The request's id, dep-….")]


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
    by: By = None,
) -> None:
    """Put money into a wallet; above the limit of one person it waits for a second one."""
    order = Deposit(
        key=key or fresh_key("deposit"),
        handle=player,
        amount=positive(amount, currency, own_exponents(ctx)),
        reason=reason,
        fund=Fund(fund.value),
    )
    _move(ctx, order, by=by)


def withdraw(
    ctx: typer.Context,
    *,
    player: Player,
    currency: Currency,
    amount: Amount,
    reason: OrderReason,
    key: OrderKey = None,
    by: By = None,
) -> None:
    """Take money out of a wallet if it holds enough; limited as a deposit is."""
    order = Withdrawal(
        key=key or fresh_key("withdrawal"),
        handle=player,
        amount=positive(amount, currency, own_exponents(ctx)),
        reason=reason,
    )
    _move(ctx, order, by=by)


@app.command("list")
def list_requests(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List deposits and withdrawals that waited or wait for a second person."""
    rows = [
        _request_json(request, own_exponents(ctx)) for request in fund_requests(open_books(ctx))
    ]
    columns = ("id", "state", "player", "amount", "currency", "reason", "proposed_by")
    print_rows(rows, columns, as_json=as_json)


@app.command()
def approve(ctx: typer.Context, request: RequestId, *, by: By = None) -> None:
    """Approve another person's request and carry it out; repeating finishes it."""
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    with refusals():
        done = approve_funds(engine, request, by=name, now=SystemClock().now())
    typer.echo(
        f"{done.request_id} approved by {done.decided_by}: {_amount(done, own_exponents(ctx))}"
    )


@app.command()
def reject(ctx: typer.Context, request: RequestId, *, reason: Reason, by: By = None) -> None:
    """Reject another person's request; nothing is booked."""
    engine, name = open_books_as(ctx, by, Right.DECIDE)
    with refusals():
        done = reject_funds(engine, request, by=name, reason=reason, now=SystemClock().now())
    typer.echo(f"{done.request_id} rejected by {done.decided_by}")


def _move(ctx: typer.Context, order: Deposit | Withdrawal, *, by: str | None) -> None:
    """Carry an order out with its audit row, or request it where it takes two people."""
    engine, name = open_books_as(ctx, by, Right.MOVE_FUNDS)
    limits = limits_in_force(engine, context_of(ctx).settings, by=name)
    if order.amount.minor <= limits.funds_limit(order.amount.currency):
        typer.echo(carry_out_by(ctx, order, by=by).reply.body.decode())
        return
    with refusals():
        request = request_funds(engine, order, by=name, now=SystemClock().now())
    typer.echo(f"{request} waits for a second person: above the limit of one person")
    print_next_for_another(f"tieout ledger funds approve {request}")


def _request_json(request: FundRequest, exponents: Exponents) -> dict[str, object]:
    return {
        "id": request.request_id,
        "state": request.state,
        "player": request.player,
        "amount": text(request.amount, request.currency, exponents),
        "currency": request.currency,
        "reason": request.reason,
        "key": request.operation_key,
        "proposed_by": request.proposed_by,
        "proposed_at": iso(request.proposed_at),
        "decided_by": request.decided_by,
        "decided_at": request.decided_at and iso(request.decided_at),
    }


def _amount(request: FundRequest, exponents: Exponents) -> str:
    return f"{text(request.amount, request.currency, exponents)} {request.currency}"
