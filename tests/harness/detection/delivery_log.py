"""What the scratch-card platform's own log holds of a callback, and how it is read."""

import json
from typing import Any

from vocabulary.facts import Bet, Operation, Win
from vocabulary.money import Money


def payload(one: Any) -> dict[str, Any]:
    """What the scratch-card platform sent, as its log keeps it; amounts in minor units."""
    return {
        "eventType": one.event,
        "roundId": one.round_id,
        "userId": handle(one.player),
        "amount": one.amount,
        "currency": one.currency,
    }


def handle(player: str) -> str:
    """What every provider calls a player."""
    return f"h-{player}"


def read_logged(body: bytes) -> Operation:
    """The callback that a log tells of."""
    told = json.loads(body)
    money, name = Money(told["amount"], told["currency"]), told["roundId"]
    if told["eventType"] == "open-round":
        return Bet(
            key=f"open:{name}",
            handle=told["userId"],
            amount=money,
            round_id=name,
            occurred_at=None,
        )
    return Win(
        key=f"close:{name}",
        handle=told["userId"],
        amount=money,
        round_id=name,
        bet_key=f"open:{name}",
        stake=None,
        occurred_at=None,
        ends_round=True,
    )
