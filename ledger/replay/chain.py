"""Recompute one wallet's chain row by row and compare it with the stored rows. Pure.

A recomputed chain starts empty, or where the window starts, and changes only by what the stored
bytes lead to. Operations of its own chain are known from the recomputed chain, and older ones
from the books, where they have been compared before. An operation of another wallet may or may
not have been known when the row was decided: both are legal, so both are tried.
"""

from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC
from operator import itemgetter

from msgspec.structs import replace

from ledger.accepting.cache import read_set_of
from ledger.accepting.decide import decide
from ledger.accepting.effects import currency_of, handle_slug
from ledger.accepting.first_replies import keep_reply
from ledger.accepting.limits import business_day
from ledger.accepting.model import (
    Decision,
    HandleKey,
    KnownOperation,
    LedgerView,
    OperationKey,
    OperationRow,
    Wallet,
)
from ledger.enums import OWN_SLUG, OperationKind
from ledger.replay.decode import (
    OUTSIDE_WINDOW,
    ROWS_AWAY,
    UNPROVEN,
    UNVERIFIABLE,
    WRITTEN_WITH_ANOTHER,
    DecodedDelivery,
    decode,
    decode_own_operation,
    is_opening,
    is_own_operation,
)
from ledger.replay.reader import ChainPosition, StoredOperation, known_from_row
from ledger.replay.report import FieldDifferences, ProviderDecoders, ReplayResult, ReplayWindow
from vocabulary.facts import BalanceQuery, HistoryRecord, UnreadableHistory
from vocabulary.ids import match_key, transaction_id
from vocabulary.outcomes import CallbackReply, Verdict

_INPUTS = frozenset({"route", "headers", "body", "received_at"})
_COMPARED = tuple(name for name in OperationRow._fields if name not in _INPUTS)
_compared_values = itemgetter(*(OperationRow._fields.index(name) for name in _COMPARED))
#: A chain that long is known from its own rows; older rows are looked up in the books. Where
#: it is forgotten depends on positions only, so that no cut of the books changes a result.
REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class ReferencedRows:
    """What the books hold under the keys and handles that a chunk of rows refers to.

    Attributes:
        away: the keys whose operations left for an archive.
    """

    operations: Mapping[OperationKey, ChainPosition]
    wallet_ids: Mapping[HandleKey, Mapping[str, int]]
    away: Set[OperationKey] = frozenset()


@dataclass(slots=True)
class RecomputedChain:
    """The recomputed chain of one wallet.

    Attributes:
        start_seq: operations before this position are known from the books.
        stretch: the number of the stretch of ``REMEMBERED`` positions that it is in.
        changes: operations recomputed from there on, by key.
        expected: rows of the last decision that have not been compared yet.
        last_as_stored: whether the last request was taken as stored.
    """

    wallet: Wallet
    start_seq: int = 1
    stretch: int = 0
    changes: dict[OperationKey, KnownOperation] = field(default_factory=dict)
    expected: deque[OperationRow] = field(default_factory=deque)
    last_as_stored: bool = False

    def enter(self, wallet_seq: int) -> None:
        """At the first position of a stretch, use the books for all operations before it."""
        stretch = stretch_of(wallet_seq)
        if stretch == self.stretch or self.expected:
            return
        self.stretch = stretch
        self.start_seq = self.wallet.seq + 1
        self.changes.clear()


def stretch_of(wallet_seq: int) -> int:
    """The number of the stretch of a chain that a position is in."""
    return wallet_seq // REMEMBERED


def decode_operation(
    stored: StoredOperation,
    decoders: ProviderDecoders,
    window: ReplayWindow,
    result: ReplayResult,
) -> DecodedDelivery | None:
    """Decode a row; None for a tombstone, which is written with the row before it."""
    row = stored.row
    if row.kind == OperationKind.TOMBSTONE.value:
        return None
    if is_own_operation(row):
        return _counted(decode_own_operation(row), stored, result)
    is_early = window.since is not None and stored.committed_at < window.since
    if is_early or window.provider not in {None, row.provider}:
        return DecodedDelivery(None, as_stored=OUTSIDE_WINDOW)
    return _counted(_with_first_reply(decode(row, decoders), stored), stored, result)


def _with_first_reply(decoded: DecodedDelivery, stored: StoredOperation) -> DecodedDelivery:
    """The request of a recovered operation, which has the reply that it first had."""
    if decoded.request is None or not stored.is_recovered:
        return decoded
    reply = CallbackReply(stored.row.reply_status, stored.row.reply)
    return decoded._replace(request=keep_reply(decoded.request, reply))


def _counted(
    decoded: DecodedDelivery, stored: StoredOperation, result: ReplayResult
) -> DecodedDelivery:
    """Count an operation that cannot be proven."""
    if decoded.as_stored == UNVERIFIABLE:
        row = stored.row
        result.count_unverifiable(transaction_id(row.wallet_id, row.wallet_seq, stored.epoch))
    if decoded.as_stored in UNPROVEN:
        result.count_unproven(decoded.as_stored)
    return decoded


def replay_operation(
    chain: RecomputedChain,
    stored: StoredOperation,
    decoded: DecodedDelivery | None,
    referenced: ReferencedRows,
    result: ReplayResult,
) -> FieldDifferences:
    """Extend the chain by the row's operation; returns the fields that differ."""
    row = stored.row
    result.operations += 1
    chain.enter(row.wallet_seq)
    if decoded is not None and _names_away(decoded, referenced):
        decoded = DecodedDelivery(None, as_stored=ROWS_AWAY)
    if not chain.expected:
        if decoded is None and not chain.last_as_stored:
            nothing_due = ("kind", row.kind, "nothing was to be written")
            return [*_take_as_stored(chain, row, referenced), nothing_due]
        if decoded is None or decoded.as_stored is not None:
            chain.last_as_stored = True
            cause = WRITTEN_WITH_ANOTHER if decoded is None else decoded.as_stored
            result.count_as_stored(cause or "")
            return _take_as_stored(chain, row, referenced)
        chain.last_as_stored = False
        differences = _decide_again(chain, stored, decoded, referenced)
        if differences:
            return [*_take_as_stored(chain, row, referenced), *differences]
    result.decided += 1
    return _differing(row, chain.expected.popleft())


def _names_away(decoded: DecodedDelivery, referenced: ReferencedRows) -> bool:
    """Whether a request was decided by an operation that left since."""
    if decoded.request is None or not referenced.away:
        return False
    read_set = read_set_of([decoded.request])
    return not referenced.away.isdisjoint(read_set.own_keys | read_set.referenced_keys)


def _decide_again(
    chain: RecomputedChain,
    stored: StoredOperation,
    decoded: DecodedDelivery,
    referenced: ReferencedRows,
) -> FieldDifferences:
    """Decide the row's request on the recomputed chain and expect the rows it writes."""
    row, request = stored.row, decoded.request
    if request is None or request.fact is None:
        return [("body", row.kind, decoded.fault)]
    fact = request.fact
    if isinstance(fact, BalanceQuery | HistoryRecord | UnreadableHistory):
        return [("kind", row.kind, type(fact).__name__)]
    slug = handle_slug(row.provider, fact)
    by_currency = _wallet_ids(chain, slug, fact.handle, referenced)
    wallet_id = by_currency.get(currency_of(fact))
    if wallet_id != row.wallet_id:
        return [("wallet", row.wallet_id, wallet_id)]
    read_set = read_set_of([request])
    keys = sorted(read_set.own_keys | read_set.referenced_keys)
    decision = None
    for operations in _possible_views(chain, stored, keys, referenced):
        view = LedgerView(
            {row.wallet_id: chain.wallet},
            {(slug, fact.handle): by_currency},
            operations,
            stored.epoch,
        )
        decision = decide(view, request)
        if decision.operations and not _differing(row, decision.operations[0]):
            break
    return _expect(chain, row, decision)


def _expect(
    chain: RecomputedChain, row: OperationRow, decision: Decision | None
) -> FieldDifferences:
    if decision is None or decision.wallet is None or not decision.operations:
        verdict = Verdict.UNAVAILABLE if decision is None else decision.verdict
        return [("verdict", row.decision, verdict.value)]
    chain.wallet = decision.wallet
    chain.changes.update(decision.changes)
    chain.expected.extend(decision.operations)
    return []


def _wallet_ids(
    chain: RecomputedChain, slug: str, handle: str, referenced: ReferencedRows
) -> Mapping[str, int]:
    if slug == OWN_SLUG and handle == chain.wallet.player:
        return {chain.wallet.currency: chain.wallet.wallet_id}
    return referenced.wallet_ids.get((slug, handle), {})


def _possible_views(
    chain: RecomputedChain,
    stored: StoredOperation,
    keys: list[OperationKey],
    referenced: ReferencedRows,
) -> list[dict[OperationKey, KnownOperation]]:
    """The operations that may have been known: the chain's own, without and with others."""
    own: dict[OperationKey, KnownOperation] = {}
    foreign: dict[OperationKey, KnownOperation] = {}
    for key in keys:
        position = referenced.operations.get(key)
        if key in chain.changes:
            own[key] = chain.changes[key]
        elif position is None:
            continue
        elif position.wallet_id != stored.row.wallet_id:
            if position.batch_id <= stored.batch_id:
                foreign[key] = position.known
        elif position.wallet_seq < chain.start_seq:
            own[key] = position.as_of(stored.row.wallet_seq)
    return [own, {**own, **foreign}] if foreign else [own]


def _differing(row: OperationRow, expected: OperationRow) -> FieldDifferences:
    if _compared_values(row) == _compared_values(expected):
        return []
    return [
        (name, stored, recomputed)
        for name in _COMPARED
        if (stored := getattr(row, name)) != (recomputed := getattr(expected, name))
    ]


def _take_as_stored(
    chain: RecomputedChain, row: OperationRow, referenced: ReferencedRows
) -> FieldDifferences:
    """Take a row as it is stored; only its position in the chain can be proven."""
    chain.wallet = _wallet_after(chain, row, referenced)
    chain.changes[row.provider, row.op_key] = known_from_row(row)
    if row.reverses is not None and (row.provider, row.reverses) in chain.changes:
        original = (row.provider, row.reverses)
        chain.changes[original] = replace(chain.changes[original], reversed=True)
    expected: dict[str, object] = {
        "wallet_seq": chain.wallet.seq,
        "balance_after": chain.wallet.balance,
        "match_key": match_key(row.provider, row.round_id),
        "currency": chain.wallet.currency,
    }
    if is_opening(row):
        expected |= {"kind": OperationKind.DEPOSIT.value, "decision": "accepted"}
    return [
        (name, getattr(row, name), value)
        for name, value in expected.items()
        if getattr(row, name) != value
    ]


def _wallet_after(
    chain: RecomputedChain, row: OperationRow, referenced: ReferencedRows
) -> Wallet:
    before = chain.wallet
    after = replace(
        before,
        balance=before.balance + row.amount,
        seq=before.seq + 1,
        turnover=before.turnover + row.stake,
    )
    if row.kind == OperationKind.TOMBSTONE.value or is_opening(row):
        return after  # neither starts a new business day
    today = business_day(row.received_at.astimezone(UTC))
    if today > after.day:
        after = replace(after, day=today, day_stake=0, day_payout=0)
    if not _counts_for_limits(chain, row, referenced, after.day):
        return after
    return replace(
        after, day_stake=after.day_stake + row.stake, day_payout=after.day_payout + row.payout
    )


def _counts_for_limits(
    chain: RecomputedChain, row: OperationRow, referenced: ReferencedRows, today: int
) -> bool:
    """Whether a row counts for its day's limits: a reversal of another day does not."""
    if row.kind == OperationKind.ADJUSTMENT.value:
        return False
    if row.reverses is None:
        return True
    key = (row.provider, row.reverses)
    position = referenced.operations.get(key)
    original = chain.changes.get(key) or (position.known if position else None)
    return original is not None and original.day == today
