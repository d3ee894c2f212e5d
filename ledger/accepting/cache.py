"""What a receiver caches of the books between batches, so that most batches need no read.

A stale entry does no harm: a decision on a stale wallet cannot be committed, because the wallet
is past its next chain position. The cache holds what exists and never that something is absent.
All maps are bounded.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from ledger.accepting.effects import currency_of, handle_slug
from ledger.accepting.late_operations import late_key
from ledger.accepting.model import (
    AwayName,
    Decision,
    HandleKey,
    KnownOperation,
    LedgerView,
    OperationKey,
    Request,
    Wallet,
)
from vocabulary.facts import (
    BalanceQuery,
    HistoryRecord,
    Operation,
    Rollback,
    RoundEnd,
    UnreadableHistory,
    Win,
)
from vocabulary.outcomes import Verdict

#: Handles and operations cached per receiver process; about 1 KiB each with its reply.
HANDLES_MAX = 200_000
OPERATIONS_MAX = 200_000


@dataclass(slots=True)
class ReadSet:
    """What deciding a batch reads.

    Attributes:
        wallets: (slug, handle, currency) of every wallet in the requests.
        uncached: handles of balance queries. They are always read, because a balance query
            commits nothing and so no conflict would correct a stale answer.
        own_keys: operation keys of the requests themselves; the unique index guards them.
        referenced_keys: keys of other operations that the requests refer to; they must be read
            before deciding.
    """

    wallets: set[tuple[str, str, str]] = field(default_factory=set)
    uncached: set[HandleKey] = field(default_factory=set)
    own_keys: set[OperationKey] = field(default_factory=set)
    referenced_keys: set[OperationKey] = field(default_factory=set)


def read_set_of(requests: Iterable[Request]) -> ReadSet:
    """Collect the handles and keys that deciding the requests reads."""
    read_set = ReadSet()
    for request in requests:
        fact, provider = request.fact, request.provider
        if fact is None or isinstance(fact, HistoryRecord | UnreadableHistory):
            continue
        slug = handle_slug(provider, fact)
        read_set.wallets.add((slug, fact.handle, currency_of(fact)))
        if isinstance(fact, BalanceQuery):
            read_set.uncached.add((provider, fact.handle))
            continue
        read_set.own_keys.add((provider, fact.key))
        if isinstance(fact, Rollback | RoundEnd):
            read_set.own_keys.add((provider, late_key(fact.key)))
        references = read_set.referenced_keys
        if isinstance(fact, Rollback):
            references.add((provider, fact.original_key))
        elif isinstance(fact, Win | RoundEnd) and fact.bet_key is not None:
            references.add((provider, fact.bet_key))
            if isinstance(fact, RoundEnd):
                references.update((provider, implied.key) for implied in fact.implied)
    return read_set


def has_unguarded_refusal(
    decisions: Iterable[Decision],
    requests: Iterable[Request],
    away: Set[AwayName] = frozenset(),
) -> bool:
    """Whether an operation is refused without taking a chain position.

    The unique index does not check the key of such an operation. It may exist already, written
    by another receiver or before a restart, and a repeat must not be refused.

    Args:
        decisions: one for each request.
        requests: of one batch.
        away: what the commit of this batch found away; it checked the keys beside that before.
    """
    return any(
        isinstance(request.fact, Operation)
        and not decision.operations
        and away.isdisjoint(decision.recalls)
        for decision, request in zip(decisions, requests, strict=True)
        if decision.verdict is not Verdict.REPEATED
    )


class LedgerCache:
    """A receiver's copy of the wallets and operations it used recently.

    Reads are numbered, and each operation is cached with the number of its read. If a read
    finds a wallet at another chain position than the cached one, another receiver wrote to it
    and may have reversed any of its operations. Operations of that wallet from earlier reads
    are then outdated and must be read again. A restore outdates everything, so the cache of
    another epoch begins empty.
    """

    def __init__(self, epoch: int = 0) -> None:
        self._epoch = epoch
        self._read_number = 0
        self._changed_at: dict[int, int] = {}  # wallet → the read that found it changed
        self._wallets: dict[int, Wallet] = {}
        self._players: dict[HandleKey, dict[str, int]] = {}
        # (slug, wallet) of operations that were seen. They keep the name that they came under
        # from becoming another player's handle; until then a name is read whenever it is used.
        self._played: set[tuple[str, int]] = set()
        # An OrderedDict drops its oldest entries one by one. A plain dict would have to drop
        # many at once, which blocks the event loop for ten milliseconds.
        self._operations: OrderedDict[OperationKey, tuple[int, KnownOperation]] = OrderedDict()

    def missing(
        self, read_set: ReadSet, *, fresh: bool
    ) -> tuple[list[HandleKey], list[OperationKey]]:
        """The handles and keys to read before deciding; all of them when ``fresh``."""
        if fresh:
            all_handles = {(slug, handle) for slug, handle, _ in read_set.wallets}
            return sorted(all_handles), sorted(read_set.own_keys | read_set.referenced_keys)
        missing = {
            (slug, handle)
            for slug, handle, currency in read_set.wallets
            if (slug, self._players.get((slug, handle), {}).get(currency)) not in self._played
        }
        handles = sorted(missing | read_set.uncached)
        # Reading a wallet may show that it changed, which outdates its cached operations.
        keys = [key for key in read_set.referenced_keys if handles or not self._is_current(key)]
        return handles, keys

    def view(self, read_set: ReadSet) -> LedgerView:
        """The cached part of the read set; an unknown handle is None."""
        players = {
            (slug, handle): self._players.get((slug, handle))
            for slug, handle, _ in read_set.wallets
        }
        wallets = {
            wallet_id: self._wallets[wallet_id]
            for by_currency in players.values()
            if by_currency
            for wallet_id in by_currency.values()
        }
        operations = {
            key: cached[1]
            for key in (*read_set.own_keys, *read_set.referenced_keys)
            if (cached := self._operations.get(key)) is not None
        }
        return LedgerView(wallets, players, operations, self._epoch)

    def store_read(
        self,
        players: dict[HandleKey, dict[str, int]],
        wallets: dict[int, Wallet],
        operations: dict[OperationKey, KnownOperation],
    ) -> None:
        """Store what was just read from the database."""
        self._read_number += 1
        for wallet_id, wallet in wallets.items():
            cached = self._wallets.get(wallet_id)
            if cached is None or cached.seq != wallet.seq:
                self._changed_at[wallet_id] = self._read_number
        self._players.update(players)
        self._wallets.update(wallets)
        self._store_operations(operations)

    def store_decisions(self, decisions: Iterable[Decision]) -> None:
        """Store what a committed batch changed."""
        for decision in decisions:
            if decision.wallet is not None and decision.operations:
                self._wallets[decision.wallet.wallet_id] = decision.wallet
                self._store_operations(decision.changes)
        self._drop_oldest()

    def _store_operations(self, operations: Mapping[OperationKey, KnownOperation]) -> None:
        for key, operation in operations.items():
            self._operations[key] = (self._read_number, operation)
            self._played.add((key[0], operation.wallet_id))

    def _is_current(self, key: OperationKey) -> bool:
        cached = self._operations.get(key)
        if cached is None:
            return False
        read_number, operation = cached
        changed_at = self._changed_at.get(operation.wallet_id)
        return changed_at is not None and read_number >= changed_at

    def _drop_oldest(self) -> None:
        if len(self._players) > HANDLES_MAX:
            self._players.clear()
            self._wallets.clear()
            self._changed_at.clear()
            self._played.clear()
        while len(self._operations) > OPERATIONS_MAX:
            self._operations.popitem(last=False)
