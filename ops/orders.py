"""Carry out our own orders on a wallet, through the same door as every callback."""

import asyncio
import json
import uuid
from functools import partial

import typer

from ledger.accept import Acceptor
from ledger.books import Decided, Request
from ledger.kinds import OWN
from ledger.orders import Order
from ops.context import Context, endpoints
from providers.contract import Policy
from storage.engine import open_accept_connection
from vocabulary.clock import SystemClock
from vocabulary.outcomes import Answer, Outcome, Verdict

_POLICY = Policy(
    orphan_win_credits=False, rollback_of_rollback_accepts=False, round_per_operation=False
)
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
    decided = asyncio.run(_accept(endpoints(context).database_url, order))
    if decided.verdict not in {Verdict.ACCEPTED, Verdict.REPEATED}:
        typer.echo(
            f"refused: {_REFUSALS.get(decided.verdict, decided.verdict.value)}", err=True
        )
        raise typer.Exit(1)
    return decided


async def _accept(url: str, order: Order) -> Decided:
    acceptor = Acceptor(partial(open_accept_connection, url))
    request = Request(
        provider=OWN,
        policy=_POLICY,
        fact=order,
        route="",
        headers="",
        body=b"",
        received_at=SystemClock().now(),
        respond=_respond,
    )
    try:
        accepted = await acceptor.accept([request])
    finally:
        await acceptor.close()
    return accepted.decided[0]


def _respond(outcome: Outcome) -> Answer:
    body = {"verdict": outcome.verdict.value, "transaction_id": outcome.transaction_id}
    return Answer(200, json.dumps(body).encode())
