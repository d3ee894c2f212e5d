"""Read single operations with their evidence: bytes, reply, entries, and repeats.

Bodies may have a megabyte: only their start is read, and the whole of one on request. Bytes
that left the database are read from their archive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from storage.archive.restore import restored_deliveries, restored_operations
from vocabulary.ids import TransactionPosition, transaction_id

#: Bytes of a request or reply that are read with the rest of its row.
START_BYTES = 16 * 1024
#: Most repeats of one operation that are read.
REPEATS_MAX = 50

_COLUMNS = f"""
       o.wallet_id, o.wallet_seq, o.batch_id, o.provider, o.op_key, o.kind::text AS kind,
       o.decision::text AS decision, o.reason, w.player, o.currency, o.stake, o.payout,
       o.amount, o.balance_after, o.round_id, o.refers_to, o.reverses, o.ends_round,
       o.declared_stake, o.declared_payout, o.fund::text AS fund, o.route, o.headers,
       substring(o.body FROM 1 FOR {START_BYTES}) AS body, octet_length(o.body) AS body_size,
       o.reply_status, substring(o.reply FROM 1 FOR {START_BYTES}) AS reply,
       octet_length(o.reply) AS reply_size, o.occurred_at, o.received_at, b.committed_at,
       b.posted_at, b.parked_at, w.seq AS last_seq,
       ledger_epoch(o.batch_id) AS epoch,
       (SELECT transaction_name(r.wallet_id, r.wallet_seq) FROM operations r
         WHERE r.provider = o.provider AND r.reverses = o.op_key) AS reversed_by,
       CASE WHEN o.wallet_seq > 1
            THEN transaction_name(o.wallet_id, o.wallet_seq - 1) END AS before,
       CASE WHEN o.wallet_seq < w.seq
            THEN transaction_name(o.wallet_id, o.wallet_seq + 1) END AS after
"""  # noqa: S608 - a constant of this module
_OPERATION = f"""
SELECT {_COLUMNS}
  FROM operations o JOIN wallets w USING (wallet_id) JOIN batches b USING (batch_id)
 WHERE o.wallet_id = :wallet_id AND o.wallet_seq = :wallet_seq
   AND ledger_epoch(o.batch_id) = :epoch
"""  # noqa: S608 - columns of this module
_BY_KEY = """
SELECT transaction_name(wallet_id, wallet_seq) FROM operations
 WHERE provider = :provider AND op_key = :key
"""
_ENTRIES = """
SELECT leg, account::text AS account, provider, currency, amount, posted_at FROM booked_entries
 WHERE wallet_id = :wallet AND wallet_seq = :seq ORDER BY leg
"""
_REQUEST_COLUMNS = f"""
       delivery_id, batch_id, provider, route, op_key, verdict, headers,
       substring(body FROM 1 FOR {START_BYTES}) AS body, octet_length(body) AS body_size,
       reply_status, substring(reply FROM 1 FOR {START_BYTES}) AS reply,
       octet_length(reply) AS reply_size, received_at, ingested_at, parked_at
"""
_REPEATS = f"""
SELECT {_REQUEST_COLUMNS} FROM deliveries
 WHERE provider = :provider AND op_key = :key ORDER BY delivery_id LIMIT :limit
"""  # noqa: S608 - columns of this module
_REQUEST = f"""
SELECT {_REQUEST_COLUMNS} FROM deliveries WHERE delivery_id = :number
"""  # noqa: S608 - columns of this module
_WHOLE = """
SELECT wallet_id, wallet_seq, route, headers, body, reply FROM operations
 WHERE wallet_id = :wallet_id AND wallet_seq = :wallet_seq AND ledger_epoch(batch_id) = :epoch
"""
_WHOLE_REQUEST = """
SELECT delivery_id, route, headers, body, reply FROM deliveries WHERE delivery_id = :number
"""


@dataclass(frozen=True, slots=True)
class BytesStart:
    """The start of stored bytes, and how many there are."""

    start: bytes
    size: int

    @property
    def is_cut(self) -> bool:
        """Whether more bytes are stored than these."""
        return self.size > len(self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceBytes:
    """All bytes of one request and of our reply, with what verifying it again needs."""

    route: str
    headers: str
    body: bytes
    reply: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One entry of an operation; minor units."""

    leg: int
    account: str
    provider: str
    currency: str
    amount: int
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbookedRequest:
    """An authentic request that became no operation: a repeat, a conflict, a refusal."""

    delivery_id: int
    batch_id: int
    provider: str
    route: str
    op_key: str | None
    verdict: str
    headers: str
    body: BytesStart
    reply_status: int
    reply: BytesStart
    received_at: datetime
    ingested_at: datetime | None
    parked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDetail:
    """One operation as stored; amounts in minor units.

    Attributes:
        refers_to, reverses: the key of the operation that it names, or undid.
        epoch: the epoch of our id of it.
        reversed_by: our id of the operation that undid it.
        before, after: our ids of its neighbours in the chain.
        last_seq: the last position in the chain of its wallet.
    """

    wallet_id: int
    wallet_seq: int
    batch_id: int
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    player: str
    currency: str
    stake: int
    payout: int
    amount: int
    balance_after: int
    round_id: str
    refers_to: str | None
    reverses: str | None
    ends_round: bool
    declared_stake: int | None
    declared_payout: int | None
    fund: str
    route: str
    headers: str
    body: BytesStart
    reply_status: int
    reply: BytesStart
    occurred_at: datetime | None
    received_at: datetime
    committed_at: datetime
    posted_at: datetime | None
    parked_at: datetime | None
    last_seq: int
    epoch: int
    reversed_by: str | None
    before: str | None
    after: str | None

    @property
    def transaction(self) -> str:
        """Our id of the operation."""
        return transaction_id(self.wallet_id, self.wallet_seq, self.epoch)

    @property
    def balance_before(self) -> int:
        """The balance of the wallet before the operation."""
        return self.balance_after - self.amount


def operation_at(
    connection: Connection, position: TransactionPosition
) -> OperationDetail | None:
    """The operation at a position of a wallet's chain; None if none has this id."""
    rows = connection.execute(text(_OPERATION), position._asdict()).mappings().all()
    whole = restored_operations(connection, rows)
    return OperationDetail(**_with_starts(whole[0])) if whole else None


def transaction_of_key(connection: Connection, provider: str, key: str) -> str | None:
    """Our id of the operation that a provider calls so; None if there is none."""
    params = {"provider": provider, "key": key}
    name: str | None = connection.execute(text(_BY_KEY), params).scalar_one_or_none()
    return name


def entries_of(connection: Connection, wallet: int, seq: int) -> list[EntryLine]:
    """The entries of an operation; none before it is posted."""
    rows = connection.execute(text(_ENTRIES), {"wallet": wallet, "seq": seq}).mappings()
    return [EntryLine(**row) for row in rows]


def repeats_of(connection: Connection, provider: str, key: str) -> list[UnbookedRequest]:
    """Later requests under an operation's key, the first ``REPEATS_MAX``."""
    params = {"provider": provider, "key": key, "limit": REPEATS_MAX}
    rows = connection.execute(text(_REPEATS), params).mappings().all()
    whole = restored_deliveries(connection, rows)
    return [UnbookedRequest(**_with_starts(row)) for row in whole]


def request_numbered(connection: Connection, number: int) -> UnbookedRequest | None:
    """A request that became no operation; None if none has this number."""
    rows = connection.execute(text(_REQUEST), {"number": number}).mappings().all()
    whole = restored_deliveries(connection, rows)
    return UnbookedRequest(**_with_starts(whole[0])) if whole else None


def operation_bytes(
    connection: Connection, position: TransactionPosition
) -> EvidenceBytes | None:
    """All bytes of an operation; None if none has this id."""
    rows = connection.execute(text(_WHOLE), position._asdict()).mappings().all()
    return _evidence(restored_operations(connection, rows))


def request_bytes(connection: Connection, number: int) -> EvidenceBytes | None:
    """All bytes of a request that became no operation; None if none has this number."""
    rows = connection.execute(text(_WHOLE_REQUEST), {"number": number}).mappings().all()
    return _evidence(restored_deliveries(connection, rows))


def _evidence(rows: Sequence[Mapping[str, Any]]) -> EvidenceBytes | None:
    if not rows:
        return None
    names = ("route", "headers", "body", "reply")
    route, headers, body, reply = (rows[0][name] for name in names)
    return EvidenceBytes(route=route, headers=headers, body=bytes(body), reply=bytes(reply))


def _with_starts(row: Mapping[Any, Any], names: Sequence[str] = ("body", "reply")) -> Any:
    """The columns of a row, with bytes and their sizes as one value."""
    values = dict(row)
    for name in names:
        content = bytes(values[name])
        size = max(values.pop(f"{name}_size"), len(content))  # archived bytes are all here
        values[name] = BytesStart(content[:START_BYTES], size)
    return values
