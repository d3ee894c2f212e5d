"""What a decision reads and what it writes. Values only; no database here.

They are made for every callback, so they are msgspec structs: a frozen dataclass costs several
times as much to make. None can be part of a reference cycle, hence ``gc=False``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, json

from ledger.accepting.limits import Restrictions
from ledger.accepting.own_operations import OwnOperation
from ledger.enums import OperationDecision, OperationKind
from providers.contract import LedgerPolicy
from vocabulary.facts import Fact, Fund
from vocabulary.ids import RowKind
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

#: An operation key within a provider: (slug, key).
OperationKey = tuple[str, str]
#: A player as one provider names them: (slug, handle).
HandleKey = tuple[str, str]


class AwayName(NamedTuple):
    """The name of an operation or of a round whose rows left for an archive.

    Attributes:
        name: the operation's key, or the round's id.
    """

    kind: RowKind
    provider: str
    name: str


def away_names_from_json(names: str) -> list[AwayName]:
    """The names that the guard of ``operations`` refuses: a list of kind, provider, name."""
    return [
        AwayName(RowKind(kind), provider, name)
        for kind, provider, name in json.decode(names, type=list[tuple[str, str, str]])
    ]


class Wallet(Struct, frozen=True, gc=False):
    """One wallet as a decision reads it; amounts in minor units.

    Attributes:
        seq: position of the last operation in the wallet's chain.
        turnover: lifetime stakes.
        day: the last business day the wallet was used on, in days since 1970.
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
    """What later decisions need of an operation in the books.

    Attributes:
        reversed: a rollback has undone it.
        closed: it is a tombstone placed by a round's end. The operation it keeps out counts as
            unknown, not as rolled back.
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
    reply: CallbackReply
    fund: Fund = Fund.CASH
    day: int = 0
    closed: bool = False


class LedgerView(Struct, frozen=True):
    """The part of the ledger that deciding a batch reads.

    Attributes:
        wallets: by wallet id.
        players: wallet id by currency for every handle of the batch; None when unknown.
        operations: by key. A key that is absent does not exist or was not read; the unique
            index on operation keys makes that safe.
        epoch: the epoch of the transaction ids that are given.
    """

    wallets: Mapping[int, Wallet]
    players: Mapping[HandleKey, Mapping[str, int] | None]
    operations: Mapping[OperationKey, KnownOperation]
    epoch: int = 0


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """One request with everything needed to decide and answer it.

    Attributes:
        provider: the slug.
        fact: None when the bytes are authentic but cannot be read.
        unread: the verdict in that case: malformed, or in a currency that nobody knows.
        headers: the allow-listed headers, one ``name: value`` per line.
        respond: the dialect's renderer for this provider.
    """

    provider: str
    policy: LedgerPolicy
    fact: Fact | OwnOperation | None
    route: str
    headers: str
    body: bytes
    received_at: datetime
    respond: Callable[[Outcome], CallbackReply]
    unread: Verdict = Verdict.MALFORMED


class OperationRow(NamedTuple):
    """One row of ``operations`` without its batch.

    A tuple, because asyncpg sends a batch's rows as one array of a composite type.
    """

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
    """The answer to one request, the rows it writes, and what later decisions must know of it.

    Attributes:
        wallet: the wallet afterwards, when operations are written.
        changes: operations that are new or changed, by key.
        recalls: what must come back from the archives before the request can be decided.
    """

    verdict: Verdict
    reply: CallbackReply
    operations: tuple[OperationRow, ...]
    delivery: DeliveryRow | None
    wallet: Wallet | None
    changes: Mapping[OperationKey, KnownOperation]
    recalls: tuple[AwayName, ...] = ()
