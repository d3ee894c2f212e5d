"""How a player stands: the state of each wallet, its restrictions and the day's counters."""

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

_STANDING = """
SELECT currency, balance, blocked, day, day_stake, day_payout, restrictions::text FROM wallets
 WHERE player = %(player)s ORDER BY currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerStatus:
    """One wallet of a player at an instant; minor units.

    Attributes:
        owed: what the player owes us: the part of the balance below zero.
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
    """The player's wallets; empty when there are none.

    Raises:
        Unavailable: the database is out of reach.
    """
    return [_standing(row, at) for row in fetch_rows(engine, _STANDING, {"player": player})]


def _standing(row: tuple[Any, ...], at: datetime) -> PlayerStatus:
    currency, balance, is_blocked, day, staked, paid, restrictions = row
    held_to = restrictions_from_json(restrictions)
    is_today = day >= business_day(at)
    return PlayerStatus(
        currency=currency,
        balance=balance,
        owed=-min(balance, 0),
        state=player_state(held_to, at, is_blocked=is_blocked),
        restrictions=held_to,
        staked_today=staked if is_today else 0,
        paid_today=paid if is_today else 0,
    )
