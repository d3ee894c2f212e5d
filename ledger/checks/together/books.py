"""The books of a scope in memory: wallets, batches, and operations in the order of chains.

An operation's slot follows from its wallet and position: slots of one wallet lie beside each
other, as many as the wallet's row says. Operations that fill them exactly have no gap.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import numpy as np

from ledger.checks.check import WalletScope
from ledger.checks.together import codes
from ledger.checks.together.columns import (
    SEPARATOR,
    Block,
    BlockQuery,
    BlockReader,
    Flags,
    Integers,
)
from ledger.enums import OPENING_KEY, OWN_SLUG

#: Amounts beyond are not proven here, nor those that together reach the second.
AMOUNT_MAX, SUM_MAX = 2**60, 2**62
#: The most operations of a pass: the positions of its wallets say how many there should be.
OPERATIONS_MAX = 4_000_000
_WALLETS = """
SELECT array_agg(w.wallet_id ORDER BY w.wallet_id), array_agg(w.seq ORDER BY w.wallet_id),
       array_agg(w.balance ORDER BY w.wallet_id), array_agg(w.turnover ORDER BY w.wallet_id),
       array_agg(w.blocked::int::bigint ORDER BY w.wallet_id),
       array_agg(({currency})::bigint ORDER BY w.wallet_id),
       array_agg(coalesce(p.wallet_seq, 0) ORDER BY w.wallet_id),
       array_agg(coalesce(p.balance, 0) ORDER BY w.wallet_id),
       array_agg(coalesce(p.turnover, 0) ORDER BY w.wallet_id),
       array_agg(coalesce(p.blocked, false)::int::bigint ORDER BY w.wallet_id)
  FROM {{wallets}} w LEFT JOIN {{month_end}} p USING (wallet_id)
"""
_BATCHES = """
SELECT array_agg(b.batch_id ORDER BY b.batch_id),
       array_agg(b.operations::bigint ORDER BY b.batch_id),
       array_agg((b.posted_at IS NOT NULL)::int::bigint ORDER BY b.batch_id),
       array_agg((b.entries_at IS NOT NULL)::int::bigint ORDER BY b.batch_id),
       array_agg((b.parked_at IS NOT NULL)::int::bigint ORDER BY b.batch_id)
  FROM (SELECT * FROM {batches} b WHERE b.batch_id >= :first_batch_id
         ORDER BY b.batch_id LIMIT :batches) b
"""
_OPERATIONS = """
       array_agg(t.wallet_id), array_agg(t.batch_id), array_agg(t.stake), array_agg(t.payout),
       array_agg(t.amount), array_agg(t.balance_after), array_agg(t.match_key),
       array_agg(t.received_at), array_agg({code}),
       array_agg(t.declared_stake) FILTER (WHERE t.declared_stake IS NOT NULL),
       array_agg(t.declared_payout) FILTER (WHERE t.declared_payout IS NOT NULL),
       string_agg(t.round_id, '{separator}')
"""


class NotProven(Exception):
    """The rows lack what a proof in memory needs; single checks say whether they are wrong."""


def require(condition: object) -> None:
    """End the proof unless the condition holds.

    Raises:
        NotProven: it does not.
    """
    if not condition:
        raise NotProven


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of rows in a buffer, each followed by the separator."""

    buffer: bytes
    starts: Integers
    lengths: Integers


class Places:
    """Where ids stand among ascending ones: by a table, if these lie close together."""

    def __init__(self, ids: Integers) -> None:
        self._ids = ids
        self._table: Integers | None = None
        span = int(ids[-1]) - int(ids[0]) + 1 if len(ids) else 0
        if span <= 4 * len(ids) + 1024:
            self._table = np.full(span, -1, dtype=np.int64)
            self._table[ids - ids[:1]] = np.arange(len(ids))

    def of(self, wanted: Integers) -> Integers:
        """The place of each id.

        Raises:
            NotProven: one is not there.
        """
        ids = self._ids
        if not len(wanted):
            return np.empty(0, dtype=np.int64)
        require(len(ids))
        if self._table is None:
            places: Integers = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
            require((ids[places] == wanted).all())
            return places
        require(wanted.min() >= ids[0] and wanted.max() <= ids[-1])
        places = self._table[wanted - ids[0]]
        require((places >= 0).all())
        return places


@dataclass(frozen=True)
class Wallets:
    """Wallets by id, each with what its row says and what the month end before it says."""

    ids: Integers
    seq: Integers
    balance: Integers
    turnover: Integers
    blocked: Integers
    currency: Integers
    seq_before: Integers
    balance_before: Integers
    turnover_before: Integers
    blocked_before: Integers

    @property
    def operations(self) -> Integers:
        """How many operations each should have."""
        return self.seq - self.seq_before

    def numbers(self, wallet_ids: Integers) -> Integers:
        """The place of each wallet id among ours.

        Raises:
            NotProven: one is no wallet.
        """
        return self._places.of(wallet_ids)

    @cached_property
    def _places(self) -> Places:
        return Places(self.ids)


@dataclass(frozen=True)
class Batches:
    """Batches by id."""

    ids: Integers
    operations: Integers
    posted: Integers
    entries_left: Integers
    parked: Integers

    @cached_property
    def flags(self) -> Integers:
        """What an operation's packed column gets from its batch."""
        flags: Integers = (self.posted << codes.POSTED.shift) | (
            self.entries_left << codes.ENTRIES_LEFT.shift
        )
        return flags

    def numbers(self, batch_ids: Integers) -> Integers:
        """The place of each batch id among ours.

        Raises:
            NotProven: one is no batch.
        """
        return self._places.of(batch_ids)

    @cached_property
    def _places(self) -> Places:
        return Places(self.ids)


class BatchCounts:
    """How many operations of each batch there are; several threads may add to them."""

    def __init__(self, batches: Batches) -> None:
        self._lock = Lock()
        self.operations: Integers = np.zeros(len(batches.ids), dtype=np.int64)

    def add(self, numbers: Integers) -> None:
        """Count the batches of some operations, by their places."""
        with self._lock:
            np.add.at(self.operations, numbers, 1)


@dataclass(slots=True)
class Declared:
    """Control totals of the few operations that declare any: slots and amounts, in parts."""

    slots: list[Integers] = field(default_factory=list)
    amounts: list[Integers] = field(default_factory=list)

    def add(self, slots: Integers, amounts: Integers) -> None:
        """Take over those of a block."""
        require(len(slots) == len(amounts))
        self.slots.append(slots)
        self.amounts.append(amounts)

    def joined(self) -> tuple[Integers, Integers]:
        """All slots, and their amounts."""
        none = np.empty(0, dtype=np.int64)
        return np.concatenate([none, *self.slots]), np.concatenate([none, *self.amounts])


class Operations:
    """Operations by slot; blocks fill the slots in any order, also from several threads.

    Attributes:
        firsts: of each wallet, its first slot.
        wallet: of each slot, the place of its wallet.
        code: provider, currency and small columns, packed as ``codes`` says.
    """

    def __init__(self, wallets: Wallets, batches: Batches, batch_counts: BatchCounts) -> None:
        counts = wallets.operations
        self.wallets, self.batches, self._flags = wallets, batches, batches.flags
        self._batch_counts = batch_counts
        self.firsts: Integers = np.cumsum(counts) - counts
        self.count = int(counts.sum())
        self.wallet: Integers = np.repeat(np.arange(len(counts)), counts)
        self.filled: Flags = np.zeros(self.count, dtype=np.bool_)
        names = ("stake", "payout", "amount", "balance", "match_key", "received", "code")
        columns = {name: np.zeros(self.count, dtype=np.int64) for name in names}
        self.stake, self.payout = columns["stake"], columns["payout"]
        self.amount, self.balance = columns["amount"], columns["balance"]
        self.match_key, self.received = columns["match_key"], columns["received"]
        self.code = columns["code"]
        self.stakes_declared, self.payouts_declared = Declared(), Declared()
        self._lock = Lock()
        self._buffers: list[bytes] = []
        self._text_starts: Integers = np.zeros(self.count, dtype=np.int64)
        self._text_lengths: Integers = np.zeros(self.count, dtype=np.int64)
        self._text_bytes = 0

    def slots(self, wallet_ids: Integers, positions: Integers) -> Integers:
        """The slots of operations.

        Raises:
            NotProven: one is beyond the operations of its wallet.
        """
        wallet = self.wallets.numbers(wallet_ids)
        places = positions - self.wallets.seq_before[wallet]
        require(((places > 0) & (places <= self.wallets.operations[wallet])).all())
        slots: Integers = self.firsts[wallet] + places - 1
        return slots

    def add(self, block: Block) -> None:
        """Put a block of operations into their slots.

        Raises:
            NotProven: one has no slot, no batch, or not the currency of its wallet.
        """
        (wallet_ids, batch_ids, *amounts) = block.columns
        *amounts, match_key, received, code, stakes, payouts = amounts
        require_small(amounts)
        require(codes.PROVIDER.is_set(code).all())
        slots = self.slots(wallet_ids, code >> codes.POSITION.shift)
        batch = self.batches.numbers(batch_ids)
        self.filled[slots] = True
        self.stake[slots], self.payout[slots], self.amount[slots], self.balance[slots] = amounts
        self.match_key[slots], self.received[slots] = match_key, received
        self.code[slots] = code | self._flags[batch]
        self._batch_counts.add(batch)
        texts = texts_of(block.texts, len(slots))
        self._text_lengths[slots] = texts.lengths
        with self._lock:
            self.stakes_declared.add(slots[codes.DECLARES_STAKE.is_set(code)], stakes)
            self.payouts_declared.add(slots[codes.DECLARES_PAYOUT.is_set(code)], payouts)
            self._text_starts[slots] = texts.starts + self._text_bytes
            self._buffers.append(block.texts)
            self._text_bytes += len(block.texts)

    @property
    def round_ids(self) -> Texts:
        """The round id of each slot."""
        return Texts(b"".join(self._buffers), self._text_starts, self._text_lengths)


def read_wallets(reader: BlockReader, scope: WalletScope, lists: codes.Lists) -> Wallets:
    """The wallets of a scope.

    Raises:
        NotProven: they have more operations than a pass may have, or too large figures.
    """
    currency = lists.currencies.sql("w.currency", codes.CURRENCY)
    query = scope.render(_WALLETS.format(currency=currency))
    wallets = Wallets(*reader.arrays(query, scope.parameters))
    counts = wallets.operations
    require(not len(counts) or (counts.min() >= 0 and counts.max() <= OPERATIONS_MAX))
    require(counts.sum() <= OPERATIONS_MAX)
    # What a pass adds to them then stays within 64 bits, or is none of these.
    require_small((wallets.balance, wallets.balance_before))
    require_small((wallets.turnover, wallets.turnover_before), SUM_MAX)
    return wallets


def read_batches(reader: BlockReader, scope: WalletScope, at_once: int) -> Batches:
    """The batches of a scope, so many at once: PostgreSQL sends no row of a gigabyte."""
    query, first = scope.render(_BATCHES), -(2**63)
    parts: list[tuple[Integers, ...]] = []
    while not parts or len(parts[-1][0]) == at_once:
        if parts:
            first = int(parts[-1][0][-1]) + 1
        limits = {"first_batch_id": first, "batches": at_once}
        parts.append(reader.arrays(query, {**scope.parameters, **limits}))
    return Batches(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def operations_query(scope: WalletScope, lists: codes.Lists) -> BlockQuery:
    """What is read of operations."""
    own = f"t.provider = '{OWN_SLUG}'"
    packed = lists.packed(
        codes.enumerated("t.kind", codes.KINDS, codes.KIND),
        codes.enumerated("t.fund", codes.FUNDS, codes.FUND),
        codes.flagged(codes.DECISION_IS_ACCEPTED, codes.ACCEPTED),
        codes.flagged("t.ends_round", codes.ENDS_ROUND),
        codes.flagged(f"{own} AND starts_with(t.op_key, '{OPENING_KEY}')", codes.OPENING),
        codes.flagged("t.declared_stake IS NOT NULL", codes.DECLARES_STAKE),
        codes.flagged("t.declared_payout IS NOT NULL", codes.DECLARES_PAYOUT),
    )
    columns = _OPERATIONS.format(code=codes.with_position(packed), separator=SEPARATOR)
    return BlockQuery("operations", columns, scope.rows("operations"), texts=True)


def texts_of(buffer: bytes, count: int) -> Texts:
    """Where the texts of a block begin and how long they are.

    Raises:
        NotProven: there are more or fewer than ``count``: one contains the separator.
    """
    ends = np.flatnonzero(np.frombuffer(buffer, dtype=np.uint8) == ord(SEPARATOR))
    require(len(ends) == count)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])[:count]
    return Texts(buffer, starts, ends - starts)


def require_small(columns: Iterable[Integers], limit: int = AMOUNT_MAX) -> None:
    """End the proof if a difference of two amounts could leave 64 bits.

    Args:
        columns: amounts.
        limit: that each must stay below without its sign.

    Raises:
        NotProven: it could.
    """
    for column in columns:
        require(not len(column) or (column.min() > -limit and column.max() < limit))


def require_summable(*columns: Integers) -> None:
    """End the proof if a sum of some amounts of a column could leave 64 bits.

    Args:
        columns: small amounts.

    Raises:
        NotProven: it could.
    """
    require(all(rounded_size(column) < SUM_MAX for column in columns))


def rounded_size(column: Integers) -> int:
    """What small amounts sum to without their signs, rounded up."""
    # In units of 2**20, so that this sum itself fits.
    return (int((np.abs(column) >> 20).sum()) + len(column)) << 20
