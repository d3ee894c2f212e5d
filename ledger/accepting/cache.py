"""What a receiver remembers of the books between batches, so that most batches need no read.

Nothing here is trusted: a stale wallet cannot commit (its next chain place is taken), and only
what exists is remembered, never an absence. All maps are bounded; the oldest go first.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ledger.accepting.effects import currency_of, handle_slug
from ledger.accepting.model import (
    Decision,
    HandleKey,
    KnownOperation,
    LedgerView,
    OperationKey,
    Request,
    Wallet,
)
from ledger.accepting.tombstones import late_key
from vocabulary.facts import BalanceQuery, HistoryRecord, Operation, Rollback, RoundEnd, Win
from vocabulary.outcomes import Verdict

#: Handles and operations kept per receiver process; about 1 KiB each with its reply.
HANDLES_MAX = 200_000
OPERATIONS_MAX = 200_000


@dataclass(slots=True)
class ReadSet:
    """What deciding a batch looks at.

    Attributes:
        wallets: (slug, handle, currency) of every wallet that is named.
        current: handles whose balance is asked for, which no later conflict would correct.
        own: operation keys of the requests themselves; the unique index guards them.
        named: operation keys the requests speak of; they must be known before deciding.
    """

    wallets: set[tuple[str, str, str]] = field(default_factory=set)
    current: set[HandleKey] = field(default_factory=set)
    own: set[OperationKey] = field(default_factory=set)
    named: set[OperationKey] = field(default_factory=set)


def read_set_of(requests: Iterable[Request]) -> ReadSet:
    """Collect the handles and keys a batch looks at."""
    needs = ReadSet()
    for request in requests:
        fact, provider = request.fact, request.provider
        if fact is None or isinstance(fact, HistoryRecord):
            continue
        names = handle_slug(provider, fact)
        needs.wallets.add((names, fact.handle, currency_of(fact)))
        if isinstance(fact, BalanceQuery):
            needs.current.add((provider, fact.handle))
            continue
        needs.own.add((provider, fact.key))
        if isinstance(fact, Rollback | RoundEnd):
            needs.own.add((provider, late_key(fact.key)))
        if isinstance(fact, Rollback):
            needs.named.add((provider, fact.original_key))
        elif isinstance(fact, Win | RoundEnd) and fact.bet_key is not None:
            needs.named.add((provider, fact.bet_key))
            if isinstance(fact, RoundEnd):
                needs.named.update((provider, implied.key) for implied in fact.implied)
    return needs


def has_unguarded_refusal(decided: Iterable[Decision], requests: Iterable[Request]) -> bool:
    """Whether an operation is refused without taking a place.

    The unique index then says nothing about its key: it may stand, written by another
    receiver or before a restart, and a repeat of what stands is never refused.
    """
    return any(
        isinstance(request.fact, Operation) and not decision.operations
        for decision, request in zip(decided, requests, strict=True)
        if decision.verdict is not Verdict.REPEATED
    )


class LedgerCache:
    """The receiver's copy of the books it has touched lately.

    An operation is remembered as of a reading. When a wallet is read and found where this
    receiver did not leave it, another has written to it and may have undone any of its
    operations: what was remembered of them before that reading must be read again.
    """

    def __init__(self) -> None:
        self._reading = 0
        self._moved: dict[int, int] = {}  # wallet → the reading that found it elsewhere
        self._wallets: dict[int, Wallet] = {}
        self._players: dict[HandleKey, dict[str, int]] = {}
        # The oldest go one by one; from a plain dict many would have to go at once, and for ten
        # milliseconds nobody would be answered.
        self._operations: OrderedDict[OperationKey, tuple[int, KnownOperation]] = OrderedDict()

    def unread(
        self, needs: ReadSet, *, fresh: bool
    ) -> tuple[list[HandleKey], list[OperationKey]]:
        """The handles and keys to be read before deciding; all of them when ``fresh``."""
        if fresh:
            every = {(slug, handle) for slug, handle, _ in needs.wallets}
            return sorted(every), sorted(needs.own | needs.named)
        missing = {
            (slug, handle)
            for slug, handle, currency in needs.wallets
            if currency not in self._players.get((slug, handle), ())
        }
        handles = sorted(missing | needs.current)
        # A wallet about to be read may be found moved, and what is remembered of it outdated.
        keys = [key for key in needs.named if handles or not self._is_current(key)]
        return handles, keys

    def books(self, needs: ReadSet) -> LedgerView:
        """The remembered part of what the batch looks at; handles not known are None."""
        players = {
            (slug, handle): self._players.get((slug, handle))
            for slug, handle, _ in needs.wallets
        }
        wallets = {
            wallet_id: self._wallets[wallet_id]
            for by_currency in players.values()
            if by_currency
            for wallet_id in by_currency.values()
        }
        operations = {
            key: remembered[1]
            for key in (*needs.own, *needs.named)
            if (remembered := self._operations.get(key)) is not None
        }
        return LedgerView(wallets, players, operations)

    def keep_read(
        self,
        players: dict[HandleKey, dict[str, int]],
        wallets: dict[int, Wallet],
        operations: dict[OperationKey, KnownOperation],
    ) -> None:
        """Take over what was just read."""
        self._reading += 1
        for wallet_id, wallet in wallets.items():
            known = self._wallets.get(wallet_id)
            if known is None or known.seq != wallet.seq:
                self._moved[wallet_id] = self._reading
        self._players.update(players)
        self._wallets.update(wallets)
        self._keep(operations)

    def keep_decided(self, decided: Iterable[Decision]) -> None:
        """Take over what a committed batch changed."""
        for decision in decided:
            if decision.wallet is not None and decision.operations:
                self._wallets[decision.wallet.wallet_id] = decision.wallet
                self._keep(decision.learned)
        self._forget_oldest()

    def _keep(self, operations: Mapping[OperationKey, KnownOperation]) -> None:
        for key, known in operations.items():
            self._operations[key] = (self._reading, known)

    def _is_current(self, key: OperationKey) -> bool:
        remembered = self._operations.get(key)
        if remembered is None:
            return False
        reading, known = remembered
        moved = self._moved.get(known.wallet_id)
        return moved is not None and reading >= moved

    def _forget_oldest(self) -> None:
        if len(self._players) > HANDLES_MAX:
            self._players.clear()
            self._wallets.clear()
            self._moved.clear()
        while len(self._operations) > OPERATIONS_MAX:
            self._operations.popitem(last=False)
