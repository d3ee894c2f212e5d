"""What a player may stake: self-exclusion, and limits per business day. Pure.

They bind bets only: wins and rollbacks are taken whatever the player's state. A business day is
a day in UTC, and never an earlier one than the wallet has seen, whatever receivers' clocks say.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


class PlayerState(StrEnum):
    """A wallet's state, the strictest that applies."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    SELF_EXCLUDED = "self_excluded"
    LIMITED = "limited"


class Restrictions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a player's bets are held to; minor units. Absent: no such restriction.

    Attributes:
        until: self-excluded before this instant.
        stake: the most that one bet may stake.
        turnover: the most that may be staked in a business day.
        loss: the most that may be lost in a business day: stakes less payouts.
    """

    until: datetime | None = None
    stake: int | None = None
    turnover: int | None = None
    loss: int | None = None


UNRESTRICTED = Restrictions()


def business_day(at: datetime) -> int:
    """The business day of an instant in UTC, in days since 1970."""
    return at.toordinal() - _EPOCH_ORDINAL


def is_excluded(restrictions: Restrictions | None, at: datetime) -> bool:
    """Whether the player has excluded themselves at that instant."""
    return (
        restrictions is not None and restrictions.until is not None and at < restrictions.until
    )


def broken_limit(
    restrictions: Restrictions, *, stake: int, staked: int, paid: int
) -> str | None:
    """Why a stake goes beyond a limit, or None.

    ``staked`` and ``paid`` are the stakes and payouts of the business day so far.
    """
    if restrictions.stake is not None and stake > restrictions.stake:
        return "limit_stake"
    if restrictions.turnover is not None and staked + stake > restrictions.turnover:
        return "limit_turnover"
    if restrictions.loss is not None and staked + stake - paid > restrictions.loss:
        return "limit_loss"
    return None


def player_state(
    restrictions: Restrictions | None, at: datetime, *, is_blocked: bool
) -> PlayerState:
    """The strictest state that applies at an instant."""
    if is_blocked:
        return PlayerState.BLOCKED
    if is_excluded(restrictions, at):
        return PlayerState.SELF_EXCLUDED
    limits = restrictions and (restrictions.stake, restrictions.turnover, restrictions.loss)
    return (
        PlayerState.LIMITED
        if limits and any(x is not None for x in limits)
        else (PlayerState.ACTIVE)
    )


def restrictions_to_json(restrictions: Restrictions | None) -> str | None:
    """As the column ``wallets.restrictions`` holds them."""
    if restrictions is None or restrictions == UNRESTRICTED:
        return None
    return msgspec.json.encode(restrictions).decode()


def restrictions_from_json(text: str | None) -> Restrictions | None:
    """Read the column ``wallets.restrictions`` as text."""
    return None if text is None else msgspec.json.decode(text, type=Restrictions)
