"""The shadow of one wallet: its chain decided again, row by row, beside what is stored. Pure.

The shadow starts empty (or where a window starts) and moves only by what the stored bytes lead
to. Known operations of its own chain come from the shadow; older ones from the books, where
they have been compared already. An operation of another wallet may or may not have been seen
at that moment: both are legal, so both are tried.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC

from msgspec.structs import replace

from ledger.accepting.cache import read_set_of
from ledger.accepting.decide import decide
from ledger.accepting.effects import currency_of, handle_slug
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
from ledger.enums import CLOSED_BY, OWN_SLUG, OperationDecision, OperationKind
from ledger.replay.decode import (
    OUTSIDE_WINDOW,
    UNVERIFIABLE,
    WRITTEN_WITH_ANOTHER,
    DecodedDelivery,
    decode,
    decode_own_operation,
    is_opening,
    is_own_operation,
)
from ledger.replay.reader import ChainPosition, StoredOperation
from ledger.replay.report import FieldDifferences, ProviderDecoders, ReplayResult, ReplayWindow
from vocabulary.facts import BalanceQuery, Fund, HistoryRecord
from vocabulary.ids import match_key, transaction_id
from vocabulary.outcomes import Answer, Verdict

_INPUTS = frozenset({"route", "headers", "body", "received_at"})
_COMPARED = tuple(name for name in OperationRow._fields if name not in _INPUTS)


@dataclass(frozen=True, slots=True)
class ReferencedRows:
    """What the books say of the keys and handles that a chunk of rows names."""

    places: Mapping[OperationKey, ChainPosition]
    wallet_ids: Mapping[HandleKey, Mapping[str, int]]


@dataclass(slots=True)
class RecomputedChain:
    """One wallet's shadow.

    Attributes:
        first: the place before which the books, and not the shadow, tell what is known.
        learned: operations decided since then, by key.
        expected: rows of the last decision that have not been met yet.
        told: the last request was taken as it stands.
    """

    wallet: Wallet
    first: int = 1
    learned: dict[OperationKey, KnownOperation] = field(default_factory=dict)
    expected: deque[OperationRow] = field(default_factory=deque)
    told: bool = False

    def settle(self) -> None:
        """Forget what the books can tell from here on."""
        self.first = self.wallet.seq + 1
        self.learned.clear()


def decode_operation(
    stored: StoredOperation, voices: ProviderDecoders, window: ReplayWindow, seen: ReplayResult
) -> DecodedDelivery | None:
    """Hear a row, unless it comes with the one before it or is not asked for."""
    row = stored.row
    if row.kind == OperationKind.TOMBSTONE.value:
        return None
    if is_own_operation(row):
        return decode_own_operation(row)
    early = window.since is not None and stored.committed_at < window.since
    if early or window.provider not in {None, row.provider}:
        return DecodedDelivery(None, told=OUTSIDE_WINDOW)
    heard = decode(row, voices)
    if heard.told == UNVERIFIABLE:
        seen.cannot_verify(transaction_id(row.wallet_id, row.wallet_seq))
    return heard


def replay_operation(
    shadow: RecomputedChain,
    stored: StoredOperation,
    heard: DecodedDelivery | None,
    around: ReferencedRows,
    seen: ReplayResult,
) -> FieldDifferences:
    """Let the shadow take the row's step; returns the fields that differ."""
    row = stored.row
    seen.operations += 1
    if not shadow.expected:
        if heard is None and not shadow.told:
            nothing = ("kind", row.kind, "nothing was to be written")
            return [*_taken(shadow, row, around), nothing]
        if heard is None or heard.told is not None:
            shadow.told = True
            seen.take_as_told(WRITTEN_WITH_ANOTHER if heard is None else heard.told or "")
            return _taken(shadow, row, around)
        shadow.told = False
        wrong = _decide(shadow, stored, heard, around)
        if wrong:
            return [*_taken(shadow, row, around), *wrong]
    seen.decided += 1
    return _differing(row, shadow.expected.popleft())


def _decide(
    shadow: RecomputedChain,
    stored: StoredOperation,
    heard: DecodedDelivery,
    around: ReferencedRows,
) -> FieldDifferences:
    """Decide the row's request on the shadow and expect what it writes."""
    row, request = stored.row, heard.request
    if request is None or request.fact is None:
        return [("body", row.kind, heard.fault)]
    fact = request.fact
    if isinstance(fact, BalanceQuery | HistoryRecord):
        return [("kind", row.kind, type(fact).__name__)]
    names = handle_slug(row.provider, fact)
    by_currency = _wallets(shadow, names, fact.handle, around)
    if by_currency.get(currency_of(fact)) != row.wallet_id:
        return [("wallet", row.wallet_id, by_currency.get(currency_of(fact)))]
    needs = read_set_of([request])
    decided = None
    for known in _legal(shadow, stored, sorted(needs.own | needs.named), around):
        books = LedgerView(
            {row.wallet_id: shadow.wallet}, {(names, fact.handle): by_currency}, known
        )
        decided = decide(books, request)
        if decided.operations and not _differing(row, decided.operations[0]):
            break
    return _expect(shadow, row, decided)


def _expect(
    shadow: RecomputedChain, row: OperationRow, decided: Decision | None
) -> FieldDifferences:
    if decided is None or decided.wallet is None or not decided.operations:
        verdict = Verdict.UNAVAILABLE if decided is None else decided.verdict
        return [("verdict", row.decision, verdict.value)]
    shadow.wallet = decided.wallet
    shadow.learned.update(decided.learned)
    shadow.expected.extend(decided.operations)
    return []


def _wallets(
    shadow: RecomputedChain, names: str, handle: str, around: ReferencedRows
) -> Mapping[str, int]:
    if names == OWN_SLUG and handle == shadow.wallet.player:
        return {shadow.wallet.currency: shadow.wallet.wallet_id}
    return around.wallet_ids.get((names, handle), {})


def _legal(
    shadow: RecomputedChain,
    stored: StoredOperation,
    keys: list[OperationKey],
    around: ReferencedRows,
) -> list[dict[OperationKey, KnownOperation]]:
    """What may have been known: the chain's own past, with and without other chains."""
    known, foreign = dict[OperationKey, KnownOperation](), dict[OperationKey, KnownOperation]()
    for key in keys:
        place = around.places.get(key)
        if key in shadow.learned:
            known[key] = shadow.learned[key]
        elif place is None:
            continue
        elif place.wallet_id != stored.row.wallet_id:
            if place.batch_id <= stored.batch_id:
                foreign[key] = place.known
        elif place.wallet_seq < shadow.first:
            known[key] = place.as_of(stored.row.wallet_seq)
    return [known, {**known, **foreign}] if foreign else [known]


def _differing(row: OperationRow, expected: OperationRow) -> FieldDifferences:
    return [
        (name, ours, theirs)
        for name in _COMPARED
        if (ours := getattr(row, name)) != (theirs := getattr(expected, name))
    ]


def _taken(
    shadow: RecomputedChain, row: OperationRow, around: ReferencedRows
) -> FieldDifferences:
    """Take a row as it stands; only its place in the chain can be proven."""
    shadow.wallet = _after(shadow, row, around)
    shadow.learned[row.provider, row.op_key] = known_of(row)
    if row.reverses is not None and (row.provider, row.reverses) in shadow.learned:
        original = (row.provider, row.reverses)
        shadow.learned[original] = replace(shadow.learned[original], reversed=True)
    told: dict[str, object] = {
        "wallet_seq": shadow.wallet.seq,
        "balance_after": shadow.wallet.balance,
        "match_key": match_key(row.provider, row.round_id),
        "currency": shadow.wallet.currency,
    }
    if is_opening(row):
        told |= {"kind": OperationKind.DEPOSIT.value, "decision": "accepted"}
    return [
        (name, getattr(row, name), value)
        for name, value in told.items()
        if getattr(row, name) != value
    ]


def _after(shadow: RecomputedChain, row: OperationRow, around: ReferencedRows) -> Wallet:
    before = shadow.wallet
    moved = replace(
        before,
        balance=before.balance + row.amount,
        seq=before.seq + 1,
        turnover=before.turnover + row.stake,
    )
    today = _day(row)
    if row.kind == OperationKind.TOMBSTONE.value or is_opening(row):
        return moved  # neither takes a step of the business day
    if today > moved.day:
        moved = replace(moved, day=today, day_stake=0, day_payout=0)
    if not _counts(shadow, row, around, today):
        return moved
    return replace(
        moved, day_stake=moved.day_stake + row.stake, day_payout=moved.day_payout + row.payout
    )


def _counts(
    shadow: RecomputedChain, row: OperationRow, around: ReferencedRows, today: int
) -> bool:
    """Whether a row counts for the limits of its day: what undoes another day does not."""
    if row.kind == OperationKind.ADJUSTMENT.value:
        return False
    if row.reverses is None:
        return True
    key = (row.provider, row.reverses)
    place = around.places.get(key)
    original = shadow.learned.get(key) or (place.known if place else None)
    return original is not None and original.day == today


def _day(row: OperationRow) -> int:
    return business_day(row.received_at.astimezone(UTC))


def known_of(row: OperationRow) -> KnownOperation:
    """What later decisions must know of a row."""
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
        day=_day(row),
        closed=row.kind == OperationKind.TOMBSTONE.value
        and (row.reason or "").startswith(CLOSED_BY),
    )
