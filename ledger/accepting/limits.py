"""What a player may stake: self-exclusion, and limits per business day. Pure.

Restrictions apply to bets only: wins and rollbacks are accepted whatever the player's state. A
business day is a day in UTC. A wallet's business day never goes back, whatever the receivers'
clocks show.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

#: What the columns hold that add stakes up, of a wallet and of its day.
STAKED_MAX = 2**63 - 1
_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


class PlayerState(StrEnum):
    """A wallet's state: the strictest that applies."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    SELF_EXCLUDED = "self_excluded"
    LIMITED = "limited"


class Restrictions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The restrictions on a player's bets, in minor units; None where there is none.

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


def business_day(instant: datetime) -> int:
    """The business day of an instant in UTC, in days since 1970."""
    return instant.toordinal() - _EPOCH_ORDINAL


def is_excluded(restrictions: Restrictions | None, at: datetime) -> bool:
    """Whether the player is self-excluded at that instant."""
    until = None if restrictions is None else restrictions.until
    return until is not None and at < until


def broken_limit(
    restrictions: Restrictions, *, stake: int, staked: int, paid: int, turnover: int
) -> str | None:
    """The limit that a stake exceeds, as a reason, or None.

    ``staked`` and ``paid`` are the stakes and payouts of the business day so far, and
    ``turnover`` the stakes of the wallet. A stake that these sums have no room for is beyond
    every limit: put off instead, it would be put off for ever.
    """
    if max(turnover, staked) + stake > STAKED_MAX:
        return "limit_books"
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
    if restrictions is None:
        return PlayerState.ACTIVE
    limits = (restrictions.stake, restrictions.turnover, restrictions.loss)
    is_limited = any(limit is not None for limit in limits)
    return PlayerState.LIMITED if is_limited else PlayerState.ACTIVE


def restrictions_to_json(restrictions: Restrictions | None) -> str | None:
    """Restrictions as the column ``wallets.restrictions`` holds them."""
    if restrictions is None or restrictions == UNRESTRICTED:
        return None
    return msgspec.json.encode(restrictions).decode()


def restrictions_from_json(text: str | None) -> Restrictions | None:
    """Restrictions from the text of the column ``wallets.restrictions``."""
    return None if text is None else msgspec.json.decode(text, type=Restrictions)
