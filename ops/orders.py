"""Carry out our own orders on a wallet, and say why when one is refused."""

import uuid

import typer

from ledger.books import Decided
from ledger.carry import carry_out as carried
from ledger.orders import Order
from ops.context import Context, endpoints
from vocabulary.clock import SystemClock
from vocabulary.outcomes import Verdict

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


def carry_out(context: Context, order: Order) -> Decided:
    """Decide and commit one order; prints why and exits 1 when it is refused.

    Raises:
        Unavailable: the database is out of reach.
    """
    decided = carried(endpoints(context).database_url, order, now=SystemClock().now())
    if decided.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        typer.echo(
            f"refused: {_REFUSALS.get(decided.verdict, decided.verdict.value)}", err=True
        )
        raise typer.Exit(1)
    return decided
