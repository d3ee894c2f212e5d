"""Carry out one of our own orders, through the same door as every callback."""

import asyncio
import json
from datetime import datetime
from functools import partial

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.model import Decision, Request
from ledger.accepting.own_operations import Adjust, OwnOperation, order_bytes
from ledger.enums import OWN
from providers.contract import Policy
from storage.engine import open_accept_connection
from vocabulary.outcomes import Answer, Outcome

_POLICY = Policy(
    orphan_win_credits=False, rollback_of_rollback_accepts=False, round_per_operation=False
)


def carry_out(database_url: str, order: OwnOperation, *, now: datetime) -> Decision:
    """Decide and commit one order; the order itself is kept as its evidence.

    Runs an event loop of its own: call it from a thread where another loop runs.

    Raises:
        Unavailable: the database is out of reach.
    """
    return asyncio.run(_accept(database_url, request_of(order, now=now)))


def request_of(order: OwnOperation, *, now: datetime) -> Request:
    """The request that asks for an order; a correction of a round stands under its provider."""
    within = order.within if isinstance(order, Adjust) else None
    return Request(
        provider=OWN if within is None else within.provider,
        policy=_POLICY,
        fact=order,
        route="",
        headers="",
        body=order_bytes(order),
        received_at=now,
        respond=_respond,
    )


async def _accept(database_url: str, request: Request) -> Decision:
    acceptor = Acceptor(partial(open_accept_connection, database_url))
    try:
        accepted = await acceptor.accept([request])
    finally:
        await acceptor.close()
    return accepted.decided[0]


def _respond(outcome: Outcome) -> Answer:
    body = {"verdict": outcome.verdict.value, "transaction_id": outcome.transaction_id}
    return Answer(200, json.dumps(body).encode())
