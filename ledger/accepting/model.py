"""What a decision looks at and what it leaves behind. Values only; no database here.

These are made for every callback, so they are msgspec structs: a frozen dataclass costs several
times as much to make. None can be part of a reference cycle, so the collector need not look.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from ledger.accepting.limits import Restrictions
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OperationDecision, OperationKind
from providers.contract import Policy
from vocabulary.facts import Fact, Fund
from vocabulary.outcomes import Answer, Outcome, Verdict

#: An operation key within a provider: (slug, key).
OperationKey = tuple[str, str]
#: A player as one provider names them: (slug, handle).
HandleKey = tuple[str, str]


class Wallet(Struct, frozen=True, gc=False):
    """One wallet as the decision sees it; amounts in minor units.

    Attributes:
        turnover: lifetime stakes.
        day: the last business day it was used on, in days since 1970.
        day_stake, day_payout: staked and paid out on that day.
    """

    wallet_id: int
    player: str
    currency: str
    balance: int
    seq: int
    turnover: int
    blocked: bool
    day: int = 0
    day_stake: int = 0
    day_payout: int = 0
    restrictions: Restrictions | None = None


class KnownOperation(Struct, frozen=True, kw_only=True, gc=False):
    """What matters later about an operation that stands in the books.

    Attributes:
        reversed: its effect has been undone by a rollback.
        closed: a tombstone that a round's end placed: what never came was not rolled back.
        day: the business day it was received on, in days since 1970.
    """

    kind: OperationKind
    decision: OperationDecision
    fingerprint: bytes
    wallet_id: int
    stake: int
    payout: int
    round_id: str
    reversed: bool
    reply: Answer
    fund: Fund = Fund.CASH
    day: int = 0
    closed: bool = False


class LedgerView(Struct, frozen=True):
    """The part of the ledger a batch touches.

    Attributes:
        wallets: by wallet id.
        players: wallet id by currency for every handle looked up; None when unknown.
        operations: known operations by key. A key that is absent was not looked up or does
            not exist; the unique index on it is what makes that safe.
    """

    wallets: Mapping[int, Wallet]
    players: Mapping[HandleKey, Mapping[str, int] | None]
    operations: Mapping[OperationKey, KnownOperation]


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """One understood request, with everything needed to decide and to answer it.

    Attributes:
        provider: the slug.
        fact: None when the bytes were authentic but not of the dialect.
        headers: the allow-listed headers, one ``name: value`` a line.
        respond: the dialect's renderer for this provider.
    """

    provider: str
    policy: Policy
    fact: Fact | OwnOperation | None
    route: str
    headers: str
    body: bytes
    received_at: datetime
    respond: Callable[[Outcome], Answer]


class OperationRow(NamedTuple):
    """One row of ``operations`` without its batch; a tuple because rows are sent as columns."""

    wallet_id: int
    wallet_seq: int
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    currency: str
    stake: int
    payout: int
    amount: int
    balance_after: int
    round_id: str
    match_key: int
    refers_to: str | None
    reverses: str | None
    ends_round: bool
    declared_stake: int | None
    declared_payout: int | None
    fingerprint: bytes
    route: str
    headers: str
    body: bytes
    reply_status: int
    reply: bytes
    occurred_at: datetime | None
    received_at: datetime
    fund: str = Fund.CASH.value


class DeliveryRow(NamedTuple):
    """One row of ``deliveries`` without its batch."""

    provider: str
    route: str
    op_key: str | None
    verdict: str
    headers: str
    body: bytes
    reply_status: int
    reply: bytes
    received_at: datetime


class Decision(Struct, frozen=True, gc=False):
    """The answer to one request, what it writes, and what later decisions must know of it.

    Attributes:
        wallet: the wallet after it, when operations are written.
        learned: operations that now stand or changed, by key.
    """

    verdict: Verdict
    answer: Answer
    operations: tuple[OperationRow, ...]
    delivery: DeliveryRow | None
    wallet: Wallet | None
    learned: Mapping[OperationKey, KnownOperation]
