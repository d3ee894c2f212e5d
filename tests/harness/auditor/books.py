"""The values the auditor keeps its books in."""

from dataclasses import dataclass, field
from datetime import date, datetime

from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

#: The slug under which our own orders stand.
OURS = "tieout"
#: What stands beside a tombstone, because nothing can undo it, has this after its key.
BESIDE = "\u00a0(late)"
#: A wallet's business day before anything happened.
LONG_AGO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one provider wants where providers differ."""

    pays_orphans: bool
    lets_rollbacks_be_rolled_back: bool
    one_round_each: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller must be told.

    Attributes:
        told: the verdict in the body; that of the first time when it is a repeat.
        place, balance, turnover: of the chain and of the wallet, where the reply names them.
    """

    verdict: Verdict
    told: Verdict
    place: int | None = None
    balance: Money | None = None
    turnover: Money | None = None


@dataclass(slots=True)
class Line:
    """One place of a wallet's chain."""

    slug: str
    key: str
    what: str
    stands: bool
    stake: int
    payout: int
    balance: int
    round_id: str
    currency: str
    at: datetime
    ends: bool = False
    undone: bool = False
    moved: int = 0
    fund: Fund = Fund.CASH
    player: str = ""
    only_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most a player may stake at once, stake in a day, and lose in a day; minor units."""

    stake: int | None = None
    turnover: int | None = None
    loss: int | None = None


@dataclass(slots=True)
class Purse:
    """One wallet: what is in it, and how it came there."""

    player: str
    currency: str
    balance: int = 0
    turnover: int = 0
    blocked: bool = False
    until: datetime | None = None
    limits: Limits = Limits()
    day: date = LONG_AGO
    day_stake: int = 0
    day_payout: int = 0
    chain: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """What is known of one wallet's part in a round besides its lines."""

    wins: int = 0
    ended: bool = False
