"""The values in the auditor's books."""

from dataclasses import dataclass, field
from datetime import date, datetime

from vocabulary.facts import Fund
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

#: The slug of our own operations.
OWN = "tieout"
#: Suffix of the key of a late rollback or round end, booked beside its tombstone.
LATE_SUFFIX = "\u00a0(late)"
#: A wallet's business day before anything happened.
LONG_AGO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRules:
    """The rules in which providers differ."""

    pays_orphan_wins: bool
    accepts_rollback_of_rollback: bool
    round_per_operation: bool


@dataclass(frozen=True, slots=True)
class ExpectedReply:
    """The reply that the ledger must give.

    Attributes:
        body_verdict: the verdict in the body; for a repeat, that of the first reply.
        seq: the operation's chain position, where the reply names it.
        balance, turnover: of the wallet, where the reply names them.
    """

    verdict: Verdict
    body_verdict: Verdict
    seq: int | None = None
    balance: Money | None = None
    turnover: Money | None = None


@dataclass(slots=True)
class AuditLine:
    """One operation of a wallet's chain.

    Attributes:
        received_at: our instant of receipt.
        closed: a tombstone of a round's end, whose original was never received.
    """

    slug: str
    key: str
    kind: str
    accepted: bool
    stake: int
    payout: int
    balance: int
    round_id: str
    currency: str
    received_at: datetime
    ends_round: bool = False
    reversed: bool = False
    amount: int = 0
    fund: Fund = Fund.CASH
    player: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLimits:
    """The most a player may stake at once, stake in a day, and lose in a day; minor units."""

    stake: int | None = None
    turnover: int | None = None
    loss: int | None = None


@dataclass(slots=True)
class AuditWallet:
    """One wallet with its chain."""

    player: str
    currency: str
    balance: int = 0
    turnover: int = 0
    blocked: bool = False
    until: datetime | None = None
    limits: AuditLimits = AuditLimits()
    day: date = LONG_AGO
    day_stake: int = 0
    day_payout: int = 0
    chain: list[AuditLine] = field(default_factory=list)


@dataclass(slots=True)
class AuditRound:
    """One wallet's share of a round: facts that do not follow from single lines."""

    wins: int = 0
    ended: bool = False
