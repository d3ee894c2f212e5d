"""Read the books for replay: streams of rows in chain order, and rows by key.

Reads ``wallets players handles operations deliveries batches``; writes nothing. Rows come
through a server-side cursor in chunks, so memory does not grow with the books.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, text

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
from ledger.queries.restores import read_epochs
from ledger.replay.archived_bytes import ArchivedBytes
from ledger.replay.report import ReplayWindow
from storage.pacing import pause_point
from vocabulary.facts import Fund
from vocabulary.outcomes import Answer

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

# The sum of bigints is numeric: without div every wallet would be a range of its own.
_RANGES = """
SELECT max(wallet_id) FROM (
  SELECT wallet_id, div(sum(seq + 1) OVER (ORDER BY wallet_id), CAST(:size AS numeric)) AS range
    FROM wallets
) w GROUP BY range ORDER BY 1
"""
_WALLETS = """
SELECT wallet_id, player, currency, balance, seq, turnover, blocked, day, day_stake, day_payout,
       restrictions::text
  FROM wallets
 WHERE wallet_id > :after AND (CAST(:last AS bigint) IS NULL OR wallet_id <= :last)
"""
_OPERATIONS = f"""
SELECT o.batch_id, b.committed_at, {_OPERATION}
  FROM operations o JOIN batches b USING (batch_id)
 WHERE o.wallet_id > :after AND (CAST(:last AS bigint) IS NULL OR o.wallet_id <= :last)
   AND {_UNTIL} AND {_MOVED}
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
_HANDLES = """
SELECT q.provider, q.handle, w.currency, w.wallet_id
  FROM unnest(CAST(:slugs AS text[]), CAST(:handles AS text[])) AS q (provider, handle)
  LEFT JOIN handles h ON h.provider = q.provider AND h.handle = q.handle
  JOIN wallets w ON w.player = coalesce(h.player, q.handle)
"""
_DELIVERIES = f"""
SELECT d.delivery_id, d.batch_id, {_DELIVERY} FROM deliveries d JOIN batches b USING (batch_id)
 WHERE {_WINDOW} AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)
 ORDER BY d.delivery_id
"""  # noqa: S608 - column names of our own row types
_COUNTS = f"""
SELECT (SELECT count(*) FROM operations o JOIN batches b USING (batch_id)
         WHERE {_UNTIL} AND {_MOVED})
     + (SELECT count(*) FROM deliveries d JOIN batches b USING (batch_id) WHERE {_WINDOW})
"""  # noqa: S608 - constants of this module


class StoredOperation(NamedTuple):
    """One operation as stored, and the epoch of its transaction id."""

    batch_id: int
    committed_at: datetime
    row: OperationRow
    epoch: int = 0


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


class WalletRange(NamedTuple):
    """Wallets with an id above ``after`` and up to ``last``; None: no upper bound."""

    after: int
    last: int | None


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
        self._window = {"since": window.since, "until": window.until}
        self._provider = window.provider
        self._epochs = read_epochs(connection)

    def ranges(self) -> list[WalletRange]:
        """Ranges of wallets with about equal numbers of operations; they cover every id."""
        rows = self._connection.execute(text(_RANGES), {"size": RANGE_OPERATIONS})
        ends = [row[0] for row in rows]
        starts = [0, *ends]
        lasts: list[int | None] = [*ends, None]
        return [WalletRange(after, last) for after, last in zip(starts, lasts, strict=True)]

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
                StoredOperation(row[0], row[1], operation, self._epochs.of_batch(row[0]))
                for row, operation in zip(rows, whole, strict=True)
            ]

    def deliveries(self) -> Iterator[list[StoredDelivery]]:
        """The window's deliveries in the order they were written, in chunks."""
        for rows in self._chunks(_DELIVERIES, {**self._window, "provider": self._provider}):
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
        reply=Answer(row.reply_status, row.reply),
        fund=Fund(row.fund),
        day=business_day(row.received_at.astimezone(UTC)),
        closed=is_tombstone and (row.reason or "").startswith(CLOSED_BY),
    )


def _wallet(row: Sequence[Any]) -> Wallet:
    *plain, restrictions = row
    return replace(Wallet(*plain), restrictions=restrictions_from_json(restrictions))


def _position(row: Any) -> ChainPosition:
    known = replace(known_from_row(row), reversed=row.reversed_at is not None)
    return ChainPosition(row.wallet_id, row.wallet_seq, row.batch_id, row.reversed_at, known)
