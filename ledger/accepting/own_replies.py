"""Replies to our own operations, and what a repeated one says of the first. Pure."""

import json

from msgspec import structs

from ledger.accepting.model import Decision
from vocabulary.outcomes import CallbackReply, Outcome, Verdict


def own_reply(outcome: Outcome) -> CallbackReply:
    """The reply to one of our own operations; nobody but us reads it."""
    body = {"verdict": outcome.verdict.value, "transaction_id": outcome.transaction_id}
    return CallbackReply(200, json.dumps(body).encode())


def with_first_verdict(decision: Decision) -> Decision:
    """The decision, which of the repeat of a declined operation is that decline again.

    A repeat has the stored reply. Whoever repeats an order to be sure that it is carried out
    must not take a decline for that: nothing is booked under its key.
    """
    if decision.verdict is not Verdict.REPEATED:
        return decision
    first = Verdict(json.loads(decision.reply.body)["verdict"])
    return decision if first is Verdict.ACCEPTED else structs.replace(decision, verdict=first)
