"""Carry out our own orders on a wallet, and print why one is refused."""

import json
import uuid

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.model import Decision
from ledger.accepting.own_operations import (
    Deposit,
    Exclude,
    Limit,
    OwnOperation,
    SetBlocked,
    Withdrawal,
    own_operation_bytes,
)
from ops.commands.identity import open_books_as
from ops.context import Context, context_of, database_url
from storage.audit import record
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict
from vocabulary.people import Right

_REFUSALS = {
    Verdict.PLAYER_UNKNOWN: "no such player",
    Verdict.CURRENCY_WRONG: "the player has no wallet in that currency",
    Verdict.DECLINED_FUNDS: "the wallet does not hold that much",
    Verdict.CONFLICT: "this key was used for another order",
    Verdict.UNAVAILABLE: "the ledger could not take the order; nothing was changed",
}


def fresh_key(kind: str) -> str:
    """A key no order has used; give your own to make a command safe to repeat."""
    return f"{kind}:{uuid.uuid4()}"


#: What a person orders by a command of their own.
PersonalOrder = SetBlocked | Exclude | Limit | Deposit | Withdrawal


def carry_out_by(ctx: typer.Context, order: PersonalOrder, *, by: str | None) -> Decision:
    """Carry out a person's order about a player; the audit trail keeps who it was.

    The audit row is written first and names the operation's key, so that no state changes
    without a name. A row whose key has no operation means a refused or interrupted order.

    Raises:
        Unavailable: the database is out of reach.
    """
    if isinstance(order, Deposit | Withdrawal):
        right, currency = Right.MOVE_FUNDS, order.amount.currency
    else:
        right, currency = Right.ORDER_PLAYERS, order.currency
    engine, name = open_books_as(ctx, by, right)
    record_order(engine, order, currency, by=name)
    return carry_out(context_of(ctx), order)


def record_order(engine: Engine, order: PersonalOrder, currency: str, *, by: str) -> None:
    """Name in the audit trail who gives an order that is about to be carried out.

    Raises:
        Unavailable: the database is out of reach.
    """
    detail = {
        "currency": currency,
        "reason": order.reason,
        "operation": order.key,
        "order": json.loads(own_operation_bytes(order)),
    }
    try:
        with engine.begin() as connection:
            record(connection, by, _action(order), order.handle, detail)
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error


def _action(order: PersonalOrder) -> str:
    match order:
        case SetBlocked():
            return "player.block" if order.blocked else "player.unblock"
        case Exclude():
            return "player.exclude"
        case Limit():
            return "player.limit"
        case Deposit():
            return "funds.deposit"
        case Withdrawal():
            return "funds.withdrawal"


def carry_out(context: Context, order: OwnOperation) -> Decision:
    """Decide and commit one order; prints why and exits 1 when it is refused.

    Raises:
        Unavailable: the database is out of reach.
    """
    url = database_url(context)
    decision = accept_own_operation(url, order, now=SystemClock().now())
    if decision.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        typer.echo(f"refused: {_why(decision)}", err=True)
        raise typer.Exit(1)
    return decision


def _why(decision: Decision) -> str:
    why = _REFUSALS.get(decision.verdict, decision.verdict.value)
    is_repeat = decision.verdict is Verdict.DECLINED_FUNDS and not decision.operations
    return f"{why}, when it was first ordered under this key" if is_repeat else why
