"""What the scratch-card platform's own log holds of a callback, and how it is read."""

import json
from typing import Any

from vocabulary.facts import Bet, Operation, Win
from vocabulary.money import Money


def payload(entry: Any) -> dict[str, Any]:
    """Return a callback as the scratch-card platform logs it; amounts in minor units."""
    return {
        "eventType": entry.event,
        "roundId": entry.round_id,
        "userId": handle(entry.player),
        "amount": entry.amount,
        "currency": entry.currency,
    }


def handle(player: str) -> str:
    """Return the handle of a player at every provider."""
    return f"h-{player}"


def read_logged(body: bytes) -> Operation:
    """Return the operation of a logged callback."""
    fields = json.loads(body)
    money, name = Money(fields["amount"], fields["currency"]), fields["roundId"]
    if fields["eventType"] == "open-round":
        return Bet(
            key=f"open:{name}",
            handle=fields["userId"],
            amount=money,
            round_id=name,
            occurred_at=None,
        )
    return Win(
        key=f"close:{name}",
        handle=fields["userId"],
        amount=money,
        round_id=name,
        bet_key=f"open:{name}",
        stake=None,
        occurred_at=None,
        ends_round=True,
    )
