"""Read one batch: what was committed together, and whether it is posted."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.ids import transaction_id

_BATCH = """
SELECT batch_id, committed_at, operations, posted_at, parked_at FROM batches
 WHERE batch_id = :number
"""
_OPERATIONS = """
SELECT o.wallet_id, o.wallet_seq, o.provider, o.op_key, o.kind::text AS kind,
       o.decision::text AS decision, o.reason, w.player, o.currency, o.amount, o.balance_after,
       o.round_id, o.received_at, ledger_epoch(o.batch_id) AS epoch
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.batch_id = :number AND (o.wallet_id, o.wallet_seq) > (:after_wallet, :after_seq)
 ORDER BY o.wallet_id, o.wallet_seq LIMIT :limit
"""
_REQUESTS = """
SELECT delivery_id, provider, op_key, verdict, reply_status, received_at FROM deliveries
 WHERE batch_id = :number ORDER BY delivery_id LIMIT :limit
"""
_PARKED = """
SELECT cause, detail, parked_at, times FROM parked
 WHERE job = 'post.v1' AND subject = 'batch ' || CAST(:number AS text)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A unit of commit and of posting; ``operations`` is their number."""

    batch_id: int
    committed_at: datetime
    operations: int
    posted_at: datetime | None
    parked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOperation:
    """One operation of a batch; minor units."""

    wallet_id: int
    wallet_seq: int
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    player: str
    currency: str
    amount: int
    balance_after: int
    round_id: str
    received_at: datetime
    epoch: int

    @property
    def transaction(self) -> str:
        """Our id of the operation."""
        return transaction_id(self.wallet_id, self.wallet_seq, self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """A request of a batch that became no operation."""

    delivery_id: int
    provider: str
    op_key: str | None
    verdict: str
    reply_status: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedBatch:
    """Why posting gave a batch up."""

    cause: str
    detail: str
    parked_at: datetime
    times: int


def batch_numbered(connection: Connection, number: int) -> Batch | None:
    """A batch; None if none has this number."""
    row = connection.execute(text(_BATCH), {"number": number}).mappings().one_or_none()
    return None if row is None else Batch(**row)


def operations_of_batch(
    connection: Connection, number: int, *, after: tuple[int, int], limit: int
) -> list[BatchOperation]:
    """The operations of a batch that follow a position of a wallet, in that order."""
    params = {
        "number": number,
        "after_wallet": after[0],
        "after_seq": after[1],
        "limit": limit,
    }
    rows = connection.execute(text(_OPERATIONS), params).mappings()
    return [BatchOperation(**row) for row in rows]


def requests_of_batch(connection: Connection, number: int, *, limit: int) -> list[BatchRequest]:
    """The first requests of a batch that became no operation."""
    params = {"number": number, "limit": limit}
    rows = connection.execute(text(_REQUESTS), params).mappings()
    return [BatchRequest(**row) for row in rows]


def parking_of(connection: Connection, number: int) -> ParkedBatch | None:
    """Why a batch is parked; None if it is not."""
    row = connection.execute(text(_PARKED), {"number": number}).mappings().one_or_none()
    return None if row is None else ParkedBatch(**row)
