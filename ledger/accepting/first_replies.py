"""Replies that operations were first answered with, kept when they are booked again. Pure.

A restore loses an operation and the provider keeps our reply. When the operation is booked
again, its transaction id and balance may be others, but a late repeat has to be answered as the
first time. So the first reply is stored with it, and its evidence names the recovery.
"""

import json
from typing import Any

from msgspec import structs

from ledger.accepting.model import Request
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome

#: Begins the last line of the stored headers; no request can bring it, because headers are
#: stored by an allow-list.
RECOVERED_HEADER = "tieout-recovered"

# Two values of everything in a reply that another position in the chain changes.
_EXAMPLES = (("txn-11-11", 1_111_111), ("txn-22-22-22", 22_222_222))


def with_recovery(headers: str, recovery: str) -> str:
    """Stored headers with the line that names a recovery."""
    line = f"{RECOVERED_HEADER}: {recovery}"
    return f"{headers}\n{line}" if headers else line


def recovery_of(headers: str) -> str | None:
    """The recovery that stored headers name, or None."""
    name, _, value = headers.rpartition("\n")[2].partition(": ")
    return value if name == RECOVERED_HEADER else None


def keep_reply(request: Request, reply: CallbackReply) -> Request:
    """The request, answered with its first reply if that says what would be answered now."""

    def respond(outcome: Outcome) -> CallbackReply:
        return reply if says(reply, outcome, request) else request.respond(outcome)

    return structs.replace(request, respond=respond)


def says(reply: CallbackReply, outcome: Outcome, request: Request) -> bool:
    """Whether a reply to a request says this outcome, at whatever position and balance."""
    examples = [request.respond(_example(outcome, *values)) for values in _EXAMPLES]
    if any(example.status != reply.status for example in examples):
        return False
    try:
        documents = [json.loads(answer.body) for answer in (reply, *examples)]
    except ValueError:
        return False
    return _is_alike(*documents)


def _example(outcome: Outcome, transaction: str, minor: int) -> Outcome:
    balance, turnover = outcome.balance, outcome.turnover
    return structs.replace(
        outcome,
        transaction_id=transaction if outcome.transaction_id else None,
        balance=None if balance is None else Money(minor, balance.currency),
        turnover=None if turnover is None else Money(minor, turnover.currency),
    )


def _is_alike(value: Any, first: Any, second: Any) -> bool:
    """Whether a value equals both examples wherever they are equal."""
    if isinstance(first, dict) and isinstance(second, dict):
        return (
            isinstance(value, dict)
            and value.keys() == first.keys() == second.keys()
            and all(_is_alike(value[name], first[name], second[name]) for name in value)
        )
    if isinstance(first, list) and isinstance(second, list):
        return (
            isinstance(value, list)
            and len(value) == len(first) == len(second)
            and all(map(_is_alike, value, first, second))
        )
    return _kind(value) is _kind(first) and (first != second or bool(value == first))


def _kind(value: Any) -> type:
    """The type of a JSON value; all numbers have one."""
    return float if type(value) is int else type(value)
