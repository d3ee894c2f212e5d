"""One part of a replay: the chains of a range of wallets, or a range of deliveries.

``run_part`` is a plain function from a task to bytes, so it runs equally in a pool or on a
cluster. Parts read one snapshot and write nothing, and no chain is cut.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import Connection

from ledger.accepting.cache import read_set_of
from ledger.accepting.limits import business_day
from ledger.accepting.model import OperationKey, Wallet
from ledger.enums import OWN_SLUG, OperationKind
from ledger.proofs.resumption import part_name
from ledger.proofs.wallet_ranges import WalletRange
from ledger.replay.archived_bytes import copied_archives, open_archived_bytes
from ledger.replay.chain import (
    RecomputedChain,
    ReferencedRows,
    decode_operation,
    replay_operation,
    stretch_of,
)
from ledger.replay.check_deliveries import check_delivery, referenced_keys
from ledger.replay.decode import (
    ROWS_AWAY,
    UNPROVEN,
    UNVERIFIABLE,
    DecodedDelivery,
    decode,
    is_own_delivery,
)
from ledger.replay.reader import Reader, StoredDelivery, StoredOperation
from ledger.replay.report import FieldDifferences, ProviderDecoders, ReplayResult, ReplayWindow
from storage.transactions import engine_at, joined_snapshot
from vocabulary.ids import transaction_id

Step = Literal["wallets", "deliveries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTask:
    """One part to do, as a value that can travel to a worker.

    Attributes:
        number: of the part; results are added up in this order.
        step: whether the part is a range of wallets or of deliveries.
        first, last: the first and the last id of the range.
        snapshot: the name of the snapshot that the replay holds open.
        archived: the file with archived bytes, or None if there are none.
        copies_archives: whether the worker copies archived bytes itself: it has no such file.
    """

    number: int
    step: Step
    first: int
    last: int
    window: ReplayWindow
    decoders: ProviderDecoders
    database_url: str
    snapshot: str
    archived: Path | None
    copies_archives: bool

    @property
    def name(self) -> str:
        """The name under which its result is kept; ranges of deliveries are of no wallets."""
        if self.step == "wallets":
            return part_name(self.step, self.number)
        return f"{self.step} {self.first}-{self.last}"


def run_part(task: ReplayTask) -> bytes:
    """Replay one part and return its result, encoded.

    Raises:
        Unavailable: the database or an archive is out of reach.
        Contradiction: an archive does not have the bytes that left the database.
    """
    with (
        engine_at(task.database_url, pool_size=1) as engine,
        joined_snapshot(engine, "replay", task.snapshot) as connection,
    ):
        if not task.copies_archives:
            return encode_result(replay_part(connection, task, _ignore))
        with copied_archives(connection, task.window) as archived:
            copied = replace(task, archived=archived)
            return encode_result(replay_part(connection, copied, _ignore))


def replay_part(
    connection: Connection, task: ReplayTask, progress: Callable[[int], None]
) -> ReplayResult:
    """Replay one part; ``progress`` is called with numbers of rows."""
    result = ReplayResult()
    with open_archived_bytes(task.archived) as archived:
        reader = Reader(connection, task.window, archived)
        if task.step == "wallets":
            replayer = _ChainReplayer(reader, task.decoders, task.window, result)
            replayer.replay(WalletRange(task.first, task.last), progress)
            return result
        for deliveries in reader.deliveries((task.first, task.last)):
            _check_deliveries(reader, task.decoders, deliveries, result)
            progress(len(deliveries))
    return result


def encode_result(result: ReplayResult) -> bytes:
    """A result as it travels from a worker."""
    return msgspec.json.encode(result)


def decode_result(encoded: bytes) -> ReplayResult:
    """Read what ``encode_result`` wrote."""
    return msgspec.json.decode(encoded, type=ReplayResult)


def _ignore(_rows: int) -> None:
    return None


class _ChainReplayer:
    """Replays the chains of one range of wallets, in the order of their ids."""

    def __init__(
        self,
        reader: Reader,
        decoders: ProviderDecoders,
        window: ReplayWindow,
        result: ReplayResult,
    ) -> None:
        self._reader = reader
        self._decoders = decoders
        self._window = window
        self._result = result
        self._stored: dict[int, Wallet] = {}
        self._beginnings: dict[int, Wallet] = {}
        self._chain: RecomputedChain | None = None

    def replay(self, wallet_range: WalletRange, progress: Callable[[int], None]) -> None:
        """Replay every chain of the range to its end."""
        self._stored = self._reader.wallets(wallet_range)
        self._beginnings = self._reader.beginnings(wallet_range, self._stored)
        for rows in self._reader.operations(wallet_range):
            self._replay_rows(rows)
            progress(len(rows))
        self._end_chain()
        self._compare_empty_wallets(None)

    def _replay_rows(self, rows: list[StoredOperation]) -> None:
        decoded_rows = [
            decode_operation(stored, self._decoders, self._window, self._result)
            for stored in rows
        ]
        referenced = self._look_up(rows, decoded_rows)
        for stored, decoded in zip(rows, decoded_rows, strict=True):
            row = stored.row
            chain = self._chain_of(row.wallet_id)
            self._result.add_difference(
                row=transaction_id(row.wallet_id, row.wallet_seq, stored.epoch),
                provider=row.provider,
                op_key=row.op_key,
                fields=replay_operation(chain, stored, decoded, referenced, self._result),
            )

    def _look_up(
        self, rows: Sequence[StoredOperation], decoded_rows: Sequence[DecodedDelivery | None]
    ) -> ReferencedRows:
        read_set = read_set_of(
            decoded.request for decoded in decoded_rows if decoded and decoded.request
        )
        handles = {(slug, handle) for slug, handle, _ in read_set.wallets if slug != OWN_SLUG}
        keys = _keys_in_books(rows, decoded_rows)
        known = self._reader.known(keys)
        away = self._reader.away(keys - known.keys())
        return ReferencedRows(known, self._reader.wallet_ids(handles), away)

    def _chain_of(self, wallet_id: int) -> RecomputedChain:
        if self._chain is None or self._chain.wallet.wallet_id != wallet_id:
            self._end_chain()
            self._compare_empty_wallets(wallet_id)
            wallet = self._beginnings.get(wallet_id) or self._empty_wallet(wallet_id)
            self._chain = RecomputedChain(wallet, start_seq=wallet.seq + 1)
        return self._chain

    def _empty_wallet(self, wallet_id: int) -> Wallet:
        """The wallet before its first operation, also where the stored wallet is missing."""
        stored = self._stored.get(wallet_id)
        player = f"wallet {wallet_id}" if stored is None else stored.player
        currency = "" if stored is None else stored.currency
        return Wallet(wallet_id, player, currency, 0, 0, 0, blocked=False)

    def _end_chain(self) -> None:
        if self._chain is not None:
            self._compare(self._chain.wallet)
            self._chain = None

    def _compare_empty_wallets(self, before: int | None) -> None:
        """Compare the wallets without any operation up to the next one that has some."""
        if self._window.since is not None:
            return
        while self._stored and (before is None or next(iter(self._stored)) < before):
            self._compare(self._empty_wallet(next(iter(self._stored))))

    def _compare(self, recomputed: Wallet) -> None:
        """Compare a recomputed wallet with the stored one if its chain was replayed whole."""
        self._result.wallets += 1
        stored = self._stored.pop(recomputed.wallet_id, None)
        if self._window.until is not None:
            return
        self._result.add_difference(
            row=f"wallet {recomputed.wallet_id} ({recomputed.player} {recomputed.currency})",
            provider="",
            op_key="",
            fields=_wallet_differences(stored, recomputed, _unproven(recomputed, self._window)),
        )


def _keys_in_books(
    rows: Iterable[StoredOperation], decoded_rows: Iterable[DecodedDelivery | None]
) -> set[OperationKey]:
    """The keys that deciding the rows again looks up in the books.

    A chain knows the operations of its rows before, within a stretch. A tombstone may be the
    first row of one.
    """
    keys: set[OperationKey] = set()
    own: set[OperationKey] = set()
    stretch = None
    for stored, decoded in zip(rows, decoded_rows, strict=True):
        row = stored.row
        if stretch != (stretch := (row.wallet_id, stretch_of(row.wallet_seq))):
            own.clear()
        if row.kind != OperationKind.TOMBSTONE.value:
            own.add((row.provider, row.op_key))
        if row.reverses is not None:
            keys.add((row.provider, row.reverses))
        if decoded is not None and decoded.request is not None:
            read_set = read_set_of([decoded.request])
            keys |= (read_set.own_keys | read_set.referenced_keys) - own
    return keys


def _unproven(recomputed: Wallet, window: ReplayWindow) -> frozenset[str]:
    """The fields of a wallet that its chain since a month end does not prove.

    What is received before midnight and committed after it counts on a day of which the other
    operations are before the month end.
    """
    month_end = window.month_end
    is_whole = month_end is None or recomputed.day >= business_day(month_end)
    return frozenset() if is_whole else frozenset({"day_stake", "day_payout"})


def _wallet_differences(
    stored: Wallet | None, recomputed: Wallet, unproven: frozenset[str]
) -> FieldDifferences:
    if stored is None:
        return [("wallet", "missing", recomputed.wallet_id)]
    return [
        (name, getattr(stored, name), getattr(recomputed, name))
        for name in Wallet.__struct_fields__
        if name not in unproven and getattr(stored, name) != getattr(recomputed, name)
    ]


def _check_deliveries(
    reader: Reader,
    decoders: ProviderDecoders,
    deliveries: list[StoredDelivery],
    result: ReplayResult,
) -> None:
    pairs = [
        (stored, None if is_own_delivery(stored.row) else decode(stored.row, decoders))
        for stored in deliveries
    ]
    keys = [referenced_keys(stored.row, decoded) for stored, decoded in pairs]
    known = reader.known(key for named in keys for key in named)
    away = reader.away({key for named in keys for key in named} - known.keys())
    for (stored, decoded), named in zip(pairs, keys, strict=True):
        result.deliveries += 1
        if not away.isdisjoint(named):
            result.count_as_stored(ROWS_AWAY)
            continue
        name = f"delivery {stored.delivery_id}"
        if decoded is not None and decoded.as_stored in UNPROVEN:
            result.count_unproven(decoded.as_stored)
        if decoded is not None and decoded.as_stored == UNVERIFIABLE:
            result.count_unverifiable(name)
        result.add_difference(
            row=name,
            provider=stored.row.provider,
            op_key=stored.row.op_key or "",
            fields=check_delivery(stored.row, decoded, known),
        )
