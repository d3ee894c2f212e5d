"""How a player stands: the state of each wallet, its restrictions and the day's counters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from ledger.accepting.limits import PlayerState, Restrictions, day_of, from_json, state_of
from ledger.queries.query import read

_STANDING = """
SELECT currency, balance, blocked, day, day_stake, day_payout, restrictions::text FROM wallets
 WHERE player = :player ORDER BY currency
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


def standing_of(engine: Engine, player: str, *, at: datetime) -> list[PlayerStatus]:
    """The player's wallets; empty when there are none.

    Raises:
        Unavailable: the database is out of reach.
    """
    return [_standing(row, at) for row in read(engine, _STANDING, {"player": player})]


def _standing(row: tuple[Any, ...], at: datetime) -> PlayerStatus:
    currency, balance, is_blocked, day, staked, paid, restrictions = row
    held_to = from_json(restrictions)
    is_today = day >= day_of(at)
    return PlayerStatus(
        currency=currency,
        balance=balance,
        owed=-min(balance, 0),
        state=state_of(held_to, at, is_blocked=is_blocked),
        restrictions=held_to,
        staked_today=staked if is_today else 0,
        paid_today=paid if is_today else 0,
    )
