"""Carry out our own orders on a wallet, and print why one is refused."""

import json
import uuid

import typer
from sqlalchemy.exc import OperationalError

from ledger.accepting.acceptor import accept_own_operation
from ledger.accepting.model import Decision
from ledger.accepting.own_operations import (
    Exclude,
    Limit,
    OwnOperation,
    SetBlocked,
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


def carry_out_by(
    ctx: typer.Context, order: SetBlocked | Exclude | Limit, *, by: str | None
) -> Decision:
    """Carry out a person's order about a player's state; the audit trail keeps who it was.

    The audit row is written first and names the operation's key, so that no state changes
    without a name. A row whose key has no operation means a refused or interrupted order.

    Raises:
        Unavailable: the database is out of reach.
    """
    engine, name = open_books_as(ctx, by, Right.ORDER_PLAYERS)
    detail = {
        "currency": order.currency,
        "reason": order.reason,
        "operation": order.key,
        "order": json.loads(own_operation_bytes(order)),
    }
    try:
        with engine.begin() as connection:
            record(connection, name, f"player.{_action(order)}", order.handle, detail)
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error
    return carry_out(context_of(ctx), order)


def _action(order: SetBlocked | Exclude | Limit) -> str:
    match order:
        case SetBlocked():
            return "block" if order.blocked else "unblock"
        case Exclude():
            return "exclude"
        case Limit():
            return "limit"


def carry_out(context: Context, order: OwnOperation) -> Decision:
    """Decide and commit one order; prints why and exits 1 when it is refused.

    Raises:
        Unavailable: the database is out of reach.
    """
    url = database_url(context)
    decision = accept_own_operation(url, order, now=SystemClock().now())
    if decision.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        typer.echo(
            f"refused: {_REFUSALS.get(decision.verdict, decision.verdict.value)}", err=True
        )
        raise typer.Exit(1)
    return decision
