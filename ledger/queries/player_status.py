"""A player's status: each wallet's state, restrictions and counters of the business day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from ledger.accepting.limits import (
    PlayerState,
    Restrictions,
    business_day,
    player_state,
    restrictions_from_json,
)
from ledger.queries.query import fetch_rows

_WALLETS = """
SELECT currency, balance, blocked, day, day_stake, day_payout, restrictions::text FROM wallets
 WHERE player = :player ORDER BY currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerStatus:
    """One wallet of a player at an instant; minor units.

    Attributes:
        owed: the part of the balance below zero, which the player owes.
        staked_today, paid_today: in the business day of that instant.
    """

    currency: str
    balance: int
    owed: int
    state: PlayerState
    restrictions: Restrictions | None
    staked_today: int
    paid_today: int


def statuses_of(engine: Engine, player: str, *, at: datetime) -> list[PlayerStatus]:
    """The status of each of the player's wallets; empty if there are none.

    Raises:
        Unavailable: the database is out of reach.
    """
    return [_status(row, at) for row in fetch_rows(engine, _WALLETS, {"player": player})]


def _status(row: tuple[Any, ...], at: datetime) -> PlayerStatus:
    currency, balance, is_blocked, day, staked, paid, restrictions_json = row
    restrictions = restrictions_from_json(restrictions_json)
    is_today = day >= business_day(at)
    return PlayerStatus(
        currency=currency,
        balance=balance,
        owed=-min(balance, 0),
        state=player_state(restrictions, at, is_blocked=is_blocked),
        restrictions=restrictions,
        staked_today=staked if is_today else 0,
        paid_today=paid if is_today else 0,
    )
