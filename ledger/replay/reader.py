"""Read the books for replay: streams of rows in chain order, and rows by key.

Reads ``wallets players handles operations deliveries batches``; writes nothing. Rows come
through a server-side cursor in chunks, so memory does not grow with the books.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, text

from ledger.accepting.first_replies import recovery_of
from ledger.accepting.limits import business_day, restrictions_from_json
from ledger.accepting.model import (
    DeliveryRow,
    HandleKey,
    KnownOperation,
    OperationKey,
    OperationRow,
    Wallet,
)
from ledger.enums import CLOSED_BY, OperationDecision, OperationKind
from ledger.proofs.wallet_ranges import WalletRange, ranges_by_count, ranges_by_size
from ledger.queries.restores import read_epochs
from ledger.replay.archived_bytes import ArchivedBytes
from ledger.replay.beginnings import wallets_at_month_end
from ledger.replay.report import ReplayWindow
from vocabulary.facts import Fund
from vocabulary.outcomes import CallbackReply
from vocabulary.pacing import pause_point

#: Rows decided between two look-ups of referenced rows.
CHUNK = 2_000
#: About how many operations one range of wallets holds.
RANGE_OPERATIONS = 50_000

_ENUMS = {name: f"o.{name}::text" for name in ("kind", "decision", "fund")}
_OPERATION = ", ".join(_ENUMS.get(name, f"o.{name}") for name in OperationRow._fields)
_DELIVERY = ", ".join(f"d.{name}" for name in DeliveryRow._fields)
_UNTIL = "(CAST(:until AS timestamptz) IS NULL OR b.committed_at < :until)"
_WINDOW = f"(CAST(:since AS timestamptz) IS NULL OR b.committed_at >= :since) AND {_UNTIL}"
# Only wallets with an operation in the window; their chains are read from the beginning.
_MOVED = f"""(CAST(:since AS timestamptz) IS NULL OR o.wallet_id IN (
     SELECT o.wallet_id FROM operations o JOIN batches b USING (batch_id) WHERE {_WINDOW}))"""  # noqa: S608 - constants of this module

# The rest of a chain whose beginning is at a month end.
_SINCE_MONTH_END = """(CAST(:month_end AS timestamptz) IS NULL OR o.wallet_seq > coalesce(
     (SELECT p.wallet_seq FROM month_end_wallets p WHERE p.wallet_id = o.wallet_id), 0))"""
_WALLETS = """
SELECT wallet_id, player, currency, balance, seq, turnover, blocked, day, day_stake, day_payout,
       restrictions::text
  FROM wallets
 WHERE wallet_id BETWEEN :first AND :last ORDER BY wallet_id
"""
_OPERATIONS = f"""
SELECT o.batch_id, b.committed_at, {_OPERATION}
  FROM operations o JOIN batches b USING (batch_id)
 WHERE o.wallet_id BETWEEN :first AND :last AND {_UNTIL} AND {_MOVED} AND {_SINCE_MONTH_END}
 ORDER BY o.wallet_id, o.wallet_seq
"""  # noqa: S608 - column names of our own row types
_KNOWN = """
SELECT o.provider, o.op_key, o.wallet_id, o.wallet_seq, o.batch_id, o.kind::text AS kind,
       o.decision::text AS decision, o.fingerprint, o.stake, o.payout, o.round_id,
       o.reply_status, o.reply, o.fund::text AS fund, o.received_at, o.reason,
       r.wallet_seq AS reversed_at
  FROM unnest(CAST(:slugs AS text[]), CAST(:keys AS text[])) AS q (provider, op_key)
  JOIN operations o ON o.provider = q.provider AND o.op_key = q.op_key
  LEFT JOIN operations r ON r.provider = o.provider AND r.reverses = o.op_key
"""
_AWAY = """
SELECT q.provider, q.op_key
  FROM unnest(CAST(:slugs AS text[]), CAST(:keys AS text[])) AS q (provider, op_key)
 WHERE is_operation_away(q.provider, q.op_key)
"""
_HANDLES = """
SELECT q.provider, q.handle, w.currency, w.wallet_id
  FROM unnest(CAST(:slugs AS text[]), CAST(:handles AS text[])) AS q (provider, handle)
  LEFT JOIN handles h ON h.provider = q.provider AND h.handle = q.handle
  JOIN wallets w ON w.player = coalesce(h.player, q.handle)
"""
_DELIVERIES = f"""
SELECT d.delivery_id, d.batch_id, {_DELIVERY} FROM deliveries d JOIN batches b USING (batch_id)
 WHERE d.delivery_id BETWEEN :first AND :last
   AND {_WINDOW} AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)
 ORDER BY d.delivery_id
"""  # noqa: S608 - column names of our own row types
_RECOVERIES = "SELECT recovery_id FROM recoveries WHERE state = 'approved'"
_DELIVERY_IDS = "SELECT min(delivery_id), max(delivery_id) FROM deliveries"
_COUNTS = f"""
SELECT (SELECT count(*) FROM operations o JOIN batches b USING (batch_id)
         WHERE {_UNTIL} AND {_MOVED} AND {_SINCE_MONTH_END})
     + (SELECT count(*) FROM deliveries d JOIN batches b USING (batch_id) WHERE {_WINDOW})
"""  # noqa: S608 - constants of this module


class StoredOperation(NamedTuple):
    """One operation as stored.

    Attributes:
        epoch: of its transaction id.
        is_recovered: an approved recovery booked it with its first reply.
    """

    batch_id: int
    committed_at: datetime
    row: OperationRow
    epoch: int = 0
    is_recovered: bool = False


class StoredDelivery(NamedTuple):
    """One delivery as stored."""

    delivery_id: int
    batch_id: int
    row: DeliveryRow


class ChainPosition(NamedTuple):
    """A known operation and its position; ``reversed_at`` is a position in the same chain."""

    wallet_id: int
    wallet_seq: int
    batch_id: int
    reversed_at: int | None
    known: KnownOperation

    def as_of(self, wallet_seq: int) -> KnownOperation:
        """The operation as it was known before that position of its own chain was taken."""
        is_reversed = self.reversed_at is not None and self.reversed_at < wallet_seq
        return replace(self.known, reversed=is_reversed)


class Reader:
    """Reads one snapshot of the books."""

    def __init__(
        self,
        connection: Connection,
        window: ReplayWindow,
        archived: ArchivedBytes | None = None,
    ) -> None:
        self._connection = connection
        self._archived = archived or ArchivedBytes(None)
        self._window = {
            "since": window.since,
            "until": window.until,
            "month_end": window.month_end,
        }
        self._provider = window.provider
        self._epochs = read_epochs(connection)
        self._recoveries = set(connection.execute(text(_RECOVERIES)).scalars())

    def ranges(self, count: int | None = None) -> list[WalletRange]:
        """Ranges of wallets with about equal numbers of operations; they cover every id."""
        if count is not None:
            return ranges_by_count(self._connection, count)
        return ranges_by_size(self._connection, RANGE_OPERATIONS)

    def delivery_ranges(self, count: int | None = None) -> list[tuple[int, int]]:
        """Ranges of the ids of deliveries, both ends included; they cover every delivery."""
        first, last = self._connection.execute(text(_DELIVERY_IDS)).one()
        if first is None:
            return []
        width = RANGE_OPERATIONS if count is None else -(-(last + 1 - first) // count)
        return [(id_, min(id_ + width - 1, last)) for id_ in range(first, last + 1, width)]

    def count(self) -> int:
        """How many rows the replay reads."""
        count: int = self._connection.execute(text(_COUNTS), self._window).scalar_one()
        return count

    def wallets(self, wallet_range: WalletRange) -> dict[int, Wallet]:
        """The wallets of a range as stored now."""
        rows = self._connection.execute(text(_WALLETS), wallet_range._asdict())
        return {row[0]: _wallet(row) for row in rows}

    def operations(self, wallet_range: WalletRange) -> Iterator[list[StoredOperation]]:
        """The window's operations of a range in chain order, in chunks."""
        for rows in self._chunks(_OPERATIONS, {**wallet_range._asdict(), **self._window}):
            operations = [OperationRow(*row[2:]) for row in rows]
            whole = self._archived.operations(operations)
            yield [
                StoredOperation(
                    row[0],
                    row[1],
                    operation,
                    self._epochs.of_batch(row[0]),
                    recovery_of(operation.headers) in self._recoveries,
                )
                for row, operation in zip(rows, whole, strict=True)
            ]

    def deliveries(self, ids: tuple[int, int]) -> Iterator[list[StoredDelivery]]:
        """The window's deliveries of a range of ids, in this order, in chunks."""
        parameters = {"first": ids[0], "last": ids[1], "provider": self._provider}
        for rows in self._chunks(_DELIVERIES, {**parameters, **self._window}):
            deliveries = [(row[0], DeliveryRow(*row[2:])) for row in rows]
            whole = self._archived.deliveries(deliveries)
            yield [
                StoredDelivery(row[0], row[1], delivery)
                for row, delivery in zip(rows, whole, strict=True)
            ]

    def known(self, keys: Iterable[OperationKey]) -> dict[OperationKey, ChainPosition]:
        """The operations stored under these keys."""
        pairs = sorted(set(keys))
        if not pairs:
            return {}
        arrays = {"slugs": [slug for slug, _ in pairs], "keys": [key for _, key in pairs]}
        rows = self._connection.execute(text(_KNOWN), arrays)
        return {(row.provider, row.op_key): _position(row) for row in rows}

    def away(self, keys: Iterable[OperationKey]) -> set[OperationKey]:
        """Those of the keys whose operations left for an archive."""
        pairs = sorted(set(keys))
        if not pairs or self._window["month_end"] is None:
            return set()
        arrays = {"slugs": [slug for slug, _ in pairs], "keys": [key for _, key in pairs]}
        rows = self._connection.execute(text(_AWAY), arrays)
        return {(row.provider, row.op_key) for row in rows}

    def beginnings(
        self, wallet_range: WalletRange, stored: Mapping[int, Wallet]
    ) -> dict[int, Wallet]:
        """Where the chains of a range begin, if that is at a month end."""
        if self._window["month_end"] is None:
            return {}
        return wallets_at_month_end(self._connection, wallet_range, stored)

    def wallet_ids(self, handles: Iterable[HandleKey]) -> dict[HandleKey, dict[str, int]]:
        """Wallet ids by currency of every known handle."""
        pairs = sorted(set(handles))
        arrays = {"slugs": [slug for slug, _ in pairs], "handles": [name for _, name in pairs]}
        wallet_ids: dict[HandleKey, dict[str, int]] = {}
        for slug, handle, currency, wallet_id in self._connection.execute(
            text(_HANDLES), arrays
        ):
            wallet_ids.setdefault((slug, handle), {})[currency] = wallet_id
        return wallet_ids

    def _chunks(self, sql: str, parameters: dict[str, object]) -> Iterator[Sequence[Any]]:
        options = {"stream_results": True, "max_row_buffer": CHUNK, "yield_per": CHUNK}
        with self._connection.execute(
            text(sql), parameters, execution_options=options
        ) as result:
            rows = iter(result)
            while chunk := list(islice(rows, CHUNK)):
                yield chunk
                pause_point()


def known_from_row(row: Any) -> KnownOperation:
    """What later decisions need of a stored operation; it counts as not reversed.

    ``row`` is an ``OperationRow`` or a row of ``_KNOWN``.
    """
    is_tombstone = row.kind == OperationKind.TOMBSTONE.value
    return KnownOperation(
        kind=OperationKind(row.kind),
        decision=OperationDecision(row.decision),
        fingerprint=row.fingerprint,
        wallet_id=row.wallet_id,
        stake=row.stake,
        payout=row.payout,
        round_id=row.round_id,
        reversed=False,
        reply=CallbackReply(row.reply_status, row.reply),
        fund=Fund(row.fund),
        day=business_day(row.received_at.astimezone(UTC)),
        closed=is_tombstone and (row.reason or "").startswith(CLOSED_BY),
    )


def _wallet(row: Sequence[Any]) -> Wallet:
    *plain, restrictions = row
    return replace(Wallet(*plain), restrictions=restrictions_from_json(restrictions))


def _position(row: Any) -> ChainPosition:
    operation = replace(known_from_row(row), reversed=row.reversed_at is not None)
    return ChainPosition(
        row.wallet_id, row.wallet_seq, row.batch_id, row.reversed_at, operation
    )
