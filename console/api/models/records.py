"""Rounds, operations, requests, players, batches, seals, the audit trail and settings."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from console.api.models.breaks import Currency, Cursor, Limit, TrailJson
from console.api.models.jobs import Number
from console.api.models.values import ApiModel, Day, FilterText, Instant, MoneyJson

#: Our id of an operation.
_TRANSACTION = r"^txn-[0-9]{1,18}-[0-9]{1,18}(-[1-9][0-9]{0,17})?$"
Transaction = Annotated[str, StringConstraints(pattern=_TRANSACTION)]


class BytesQuery(ApiModel):
    """How much is answered."""

    bytes: Literal["true", "false"] | None = Field(
        default=None, description="Also the bytes as they came, in base64."
    )


class RoundPartJson(ApiModel):
    """What our ledger has of a round in one wallet."""

    player: str
    stake: MoneyJson
    payout: MoneyJson
    bets: int
    wins: int
    rollbacks: int
    status: str
    first_at: Instant
    last_at: Instant
    clearing: MoneyJson


class RoundRecordJson(ApiModel):
    """A record of the round in the provider's history."""

    record_id: str
    occurrence: int
    handle: str
    stake: MoneyJson
    payout: MoneyJson
    rolled_back: bool
    withdrawn: bool
    game: str | None
    source: str
    created_at: Instant
    updated_at: Instant
    received_at: Instant


class RoundOperationJson(ApiModel):
    """An operation of the round."""

    transaction: str
    op_key: str
    kind: str
    batch: str
    decision: str
    reason: str | None
    player: str
    amount: MoneyJson
    balance_after: MoneyJson
    reply_status: int
    received_at: Instant


class SideAmountsJson(ApiModel):
    """Stake and payout of one side."""

    stake: MoneyJson
    payout: MoneyJson


class RoundSumJson(ApiModel):
    """Both sides of a round in one currency; null: the side has nothing."""

    ours: SideAmountsJson | None
    theirs: SideAmountsJson | None
    difference: MoneyJson = Field(description="Theirs less ours, as owed to the player.")


class RoundQuery(ApiModel):
    """Which of the operations of a round."""

    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 200 if not given.")


class RoundJson(ApiModel):
    """A round as both sides have it."""

    provider: str
    round_key: str
    sentence: str
    sums: tuple[RoundSumJson, ...]
    ours: tuple[RoundPartJson, ...]
    theirs: tuple[RoundRecordJson, ...]
    operations: tuple[RoundOperationJson, ...]
    cut: bool = Field(description="Whether there are more operations than these.")
    next: str | None = Field(description="Give it as `after` for the next operations.")
    breaks: tuple[str, ...]


class HeaderJson(ApiModel):
    """A header as it came."""

    name: str
    value: str


class SignatureJson(ApiModel):
    """Whether the request verifies with the secrets of today; null: nobody can say."""

    holds: bool | None
    why: str


class EntryJson(ApiModel):
    """An entry of the ledger."""

    leg: int
    account: str
    amount: MoneyJson
    posted_at: Instant


class EvidenceJson(ApiModel):
    """A request that came, with our answer; bytes in base64, if they are asked for."""

    provider: str
    route: str
    headers: tuple[HeaderJson, ...]
    signature: SignatureJson
    reply_status: int
    received_at: Instant
    received_size: int
    answered_size: int
    received: str | None
    answered: str | None


class OperationJson(EvidenceJson):
    """An operation with the request that made it."""

    transaction: str
    batch: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    player: str
    round_key: str
    stake: MoneyJson
    payout: MoneyJson
    amount: MoneyJson
    balance_before: MoneyJson
    balance_after: MoneyJson
    refers_to: str | None
    reverses: str | None
    reversed_by: str | None
    occurred_at: Instant | None
    committed_at: Instant
    posted_at: Instant | None
    parked_at: Instant | None
    entries: tuple[EntryJson, ...]
    repeats: tuple[str, ...] = Field(description="Requests that repeated it.")


class RequestJson(EvidenceJson):
    """A request that became no operation."""

    id: str
    batch: str
    op_key: str | None
    verdict: str
    operation: str | None
    ingested_at: Instant | None
    parked_at: Instant | None


class StatementQuery(ApiModel):
    """Which wallet's statement, and which part of it, the newest line first."""

    currency: Currency | None = Field(
        default=None, description="The first wallet if not given."
    )
    only: Literal["funds"] | None = Field(
        default=None, description="Only deposits and withdrawals."
    )
    after: Number | None = Field(default=None, description="`next` of the page before.")


class WalletJson(ApiModel):
    """A wallet of a player with its limits."""

    state: str
    balance: MoneyJson
    owed: MoneyJson
    staked_today: MoneyJson
    paid_today: MoneyJson
    excluded_until: Instant | None
    stake_limit: MoneyJson | None
    turnover_limit: MoneyJson | None
    loss_limit: MoneyJson | None


class HandleJson(ApiModel):
    """How a provider calls the player."""

    provider: str
    handle: str


class WalletLineJson(ApiModel):
    """A line of a statement."""

    transaction: str
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    round_key: str
    amount: MoneyJson
    balance_after: MoneyJson
    received_at: Instant
    posted_at: Instant | None


class PlayerJson(ApiModel):
    """A player: every wallet, and a page of the statement of one."""

    player: str
    sentence: str
    since: Instant
    handles: tuple[HandleJson, ...]
    wallets: tuple[WalletJson, ...]
    currency: str | None = Field(description="Of the statement.")
    statement: tuple[WalletLineJson, ...]
    next: str | None = Field(description="Give it as `after` for older lines.")
    breaks: tuple[str, ...]


class BatchQuery(ApiModel):
    """Which page of the operations of a batch."""

    after: Annotated[str, StringConstraints(pattern=_TRANSACTION)] | None = Field(
        default=None, description="`next` of the page before."
    )


class BatchOperationJson(ApiModel):
    """An operation of a batch."""

    transaction: str
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    player: str
    amount: MoneyJson
    balance_after: MoneyJson
    round_key: str
    received_at: Instant


class BatchRequestJson(ApiModel):
    """A request of a batch that became no operation."""

    id: str
    provider: str
    op_key: str | None
    verdict: str
    reply_status: int
    received_at: Instant


class BatchJson(ApiModel):
    """Operations that were committed together, and whether they are posted."""

    id: str
    committed_at: Instant
    operations: int
    posted_at: Instant | None
    parked_at: Instant | None
    parked_for: str | None
    items: tuple[BatchOperationJson, ...]
    requests: tuple[BatchRequestJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class SealQuery(ApiModel):
    """Whether the rows are hashed again."""

    check: Literal["true"] | None = Field(
        default=None, description="Hash the rows again, if they are few enough."
    )


class SealJson(ApiModel):
    """The seal of a day in UTC."""

    day: Day
    previous: str
    hash: str
    counts: dict[str, int]
    first: bool
    faults: tuple[str, ...] | None = Field(description="Null: it was not checked.")


class AuditQuery(ApiModel):
    """Which steps of the audit trail, the newest first."""

    person: FilterText | None = None
    action: FilterText | None = None
    object: FilterText | None = None
    day: Day | None = Field(default=None, description="In UTC.")
    after: Annotated[str, StringConstraints(pattern=r"^[0-9T:.+/-]{10,60}$")] | None = Field(
        default=None, description="`next` of the page before."
    )
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class AuditRowJson(TrailJson):
    """A step of the audit trail."""

    id: str
    object: str


class AuditListJson(ApiModel):
    """One page of the audit trail."""

    items: tuple[AuditRowJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class SettingJson(ApiModel):
    """A setting in force; secrets are struck out."""

    key: str
    value: str
    source: str


class SettingListJson(ApiModel):
    """Every setting, also the defaults."""

    items: tuple[SettingJson, ...]
