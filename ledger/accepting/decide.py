"""Decide requests against the books. Pure: the same books and request give the same decision.

The decision table in one sentence each: a repeat gets its stored reply, a changed repeat moves
nothing, declines of bets are final, wins and rollbacks are taken whatever the player's state, a
rollback takes amount and direction from its original, and a rollback of something unknown
leaves a tombstone that neutralises the late original.

Every operation, also a declined or empty one, takes the next place in its wallet's chain: a
decision taken on a stale wallet cannot be committed, because that place is already taken.
"""

import dataclasses
from collections.abc import Iterable

from msgspec import structs

from ledger.accepting.effects import Effect, currency_of, effect_of, handle_slug
from ledger.accepting.limits import UNRESTRICTED, business_day
from ledger.accepting.model import (
    Decision,
    DeliveryRow,
    KnownOperation,
    LedgerView,
    OperationRow,
    Request,
    Wallet,
)
from ledger.accepting.own_operations import OwnOperation, own_operation_fingerprint
from ledger.accepting.tombstones import booked_key
from ledger.enums import CLOSED_BY, OperationDecision, OperationKind
from vocabulary.facts import (
    BalanceQuery,
    Bet,
    BetAndWin,
    Fact,
    Fund,
    HistoryRecord,
    Operation,
    RoundEnd,
    Win,
    fingerprint,
)
from vocabulary.ids import match_key, transaction_id
from vocabulary.money import Money
from vocabulary.outcomes import Answer, Outcome, Verdict

_ACCEPTED = OperationDecision.ACCEPTED
_DECLINED = OperationDecision.DECLINED


def decide(books: LedgerView, request: Request) -> Decision:
    """Decide one request.

    Raises:
        KeyError: the books lack a handle the request names; the caller loads handles first.
    """
    fact = request.fact
    if fact is None:
        return _without_operation(request, Verdict.MALFORMED, None)
    if isinstance(fact, HistoryRecord):
        return _without_operation(request, Verdict.RECORDED, None)
    if isinstance(fact, BalanceQuery):
        return _balance(books, request, fact)
    key = booked_key(books, request.provider, fact)
    prior = books.operations.get((request.provider, key))
    if prior is not None:
        return _again(request, fact, key, prior)
    if isinstance(fact, RoundEnd) and fact.implied:
        return _with_implied(books, request, fact)
    names = handle_slug(request.provider, fact)
    wallet = _wallet(books, names, fact.handle, currency_of(fact))
    if isinstance(wallet, Verdict):
        return _without_operation(request, wallet, None)
    effect = effect_of(books, request, fact, wallet)
    if isinstance(effect, Verdict):
        return _without_operation(request, effect, wallet)
    return _write(books, request, key, wallet, effect)


def decide_batch(books: LedgerView, requests: Iterable[Request]) -> list[Decision]:
    """Decide requests one after another, each on the books the earlier ones leave.

    The given books are not changed. Deliveries of one player in one batch are thereby decided
    exactly as if they had come one by one.
    """
    wallets = dict(books.wallets)
    operations = dict(books.operations)
    working = LedgerView(wallets, books.players, operations)
    decided = []
    for request in requests:
        decision = decide(working, request)
        if decision.wallet is not None and decision.operations:
            wallets[decision.wallet.wallet_id] = decision.wallet
            operations.update(decision.learned)
        decided.append(decision)
    return decided


def _with_implied(books: LedgerView, request: Request, end: RoundEnd) -> Decision:
    """Book what the round end implies and was never seen, then the round end itself."""
    missing = [
        structs.replace(request, fact=implied)
        for implied in end.implied
        if (request.provider, implied.key) not in books.operations
    ]
    alone = structs.replace(request, fact=dataclasses.replace(end, implied=()))
    *booked, last = decide_batch(books, [*missing, alone])
    if not last.operations:
        return last
    rows = [row for decided in (*booked, last) for row in decided.operations]
    learned = {
        key: known for decided in (*booked, last) for key, known in decided.learned.items()
    }
    return Decision(last.verdict, last.answer, tuple(rows), None, last.wallet, learned)


def _wallet(books: LedgerView, provider: str, handle: str, currency: str) -> Wallet | Verdict:
    by_currency = books.players[provider, handle]
    if by_currency is None:
        return Verdict.PLAYER_UNKNOWN
    wallet_id = by_currency.get(currency)
    return Verdict.CURRENCY_WRONG if wallet_id is None else books.wallets[wallet_id]


def _balance(books: LedgerView, request: Request, fact: BalanceQuery) -> Decision:
    wallet = _wallet(books, request.provider, fact.handle, fact.currency)
    if isinstance(wallet, Verdict):
        return _without_operation(request, wallet, None)
    answer = request.respond(_outcome(request, Verdict.BALANCE, wallet, None))
    return Decision(Verdict.BALANCE, answer, (), None, None, {})


def _again(
    request: Request, fact: Operation | OwnOperation, key: str, prior: KnownOperation
) -> Decision:
    if prior.kind is OperationKind.TOMBSTONE and isinstance(fact, Bet | Win | BetAndWin):
        return _without_operation(request, Verdict.ROLLED_BACK, None)
    if prior.fingerprint != _fingerprint(fact):
        return _without_operation(request, Verdict.CONFLICT, None)
    delivery = _delivery(request, Verdict.REPEATED, prior.reply)._replace(op_key=key)
    return Decision(Verdict.REPEATED, prior.reply, (), delivery, None, {})


def _fingerprint(fact: Operation | OwnOperation) -> bytes:
    if isinstance(fact, OwnOperation):
        return own_operation_fingerprint(fact)
    return fingerprint(fact)


def _write(
    books: LedgerView, request: Request, key: str, wallet: Wallet, effect: Effect
) -> Decision:
    today = business_day(request.received_at)
    after = _after(wallet, effect, today)
    accepted = effect.verdict is Verdict.ACCEPTED
    ours = transaction_id(after.wallet_id, after.seq) if accepted else None
    answer = request.respond(_outcome(request, effect.verdict, after, ours))
    row = _row(request, key, after, effect, answer)
    learned = {(row.provider, row.op_key): _known(row, effect.kind, answer, effect.fund, today)}
    if effect.reverses is not None:
        original = (row.provider, effect.reverses)
        learned[original] = structs.replace(books.operations[original], reversed=True)
    if effect.tombstone is None:
        return Decision(effect.verdict, answer, (row,), None, after, learned)
    closes = effect.kind is OperationKind.ROUND_END
    stone = _tombstone(row, effect.tombstone, CLOSED_BY if closes else "placed_by ")
    known = _known(stone, OperationKind.TOMBSTONE, answer, Fund.CASH, today)
    learned[stone.provider, stone.op_key] = structs.replace(known, closed=closes)
    after = structs.replace(after, seq=stone.wallet_seq)
    return Decision(effect.verdict, answer, (row, stone), None, after, learned)


def _after(wallet: Wallet, effect: Effect, today: int) -> Wallet:
    """The wallet after an effect; its business day never goes back."""
    day, staked, paid = wallet.day, wallet.day_stake, wallet.day_payout
    if today > day:
        day, staked, paid = today, 0, 0
    if effect.counts:
        staked, paid = staked + effect.stake, paid + effect.payout
    restricts = effect.restricts
    if restricts is None:
        restricts = wallet.restrictions
    elif restricts == UNRESTRICTED:
        restricts = None
    return Wallet(
        wallet.wallet_id,
        wallet.player,
        wallet.currency,
        wallet.balance + effect.payout - effect.stake + effect.funding,
        wallet.seq + 1,
        wallet.turnover + effect.stake,
        wallet.blocked if effect.blocks is None else effect.blocks,
        day,
        staked,
        paid,
        restricts,
    )


def _known(
    row: OperationRow, kind: OperationKind, reply: Answer, fund: Fund, day: int
) -> KnownOperation:
    accepted = row.decision == _ACCEPTED.value
    return KnownOperation(
        kind=kind,
        decision=_ACCEPTED if accepted else _DECLINED,
        fingerprint=row.fingerprint,
        wallet_id=row.wallet_id,
        stake=row.stake,
        payout=row.payout,
        round_id=row.round_id,
        reversed=False,
        reply=reply,
        fund=fund,
        day=day,
    )


def _row(
    request: Request, key: str, after: Wallet, effect: Effect, answer: Answer
) -> OperationRow:
    fact = request.fact
    assert isinstance(fact, Operation | OwnOperation)
    declared_stake, declared_payout = effect.declared or (None, None)
    accepted = effect.verdict is Verdict.ACCEPTED
    return OperationRow(
        wallet_id=after.wallet_id,
        wallet_seq=after.seq,
        provider=request.provider,
        op_key=key,
        kind=effect.kind.value,
        decision=(_ACCEPTED if accepted else _DECLINED).value,
        reason=effect.reason,
        currency=after.currency,
        stake=effect.stake,
        payout=effect.payout,
        amount=effect.payout - effect.stake + effect.funding,
        balance_after=after.balance,
        round_id=effect.round_id,
        match_key=match_key(request.provider, effect.round_id),
        refers_to=effect.refers_to,
        reverses=effect.reverses,
        ends_round=effect.ends_round or request.policy.round_per_operation,
        declared_stake=declared_stake,
        declared_payout=declared_payout,
        fingerprint=_fingerprint(fact),
        route=request.route,
        headers=request.headers,
        body=request.body,
        reply_status=answer.status,
        reply=answer.body,
        occurred_at=getattr(fact, "occurred_at", None),
        received_at=request.received_at,
        fund=effect.fund,
    )


def _tombstone(row: OperationRow, key: str, placed: str) -> OperationRow:
    """A row that occupies the key of an operation that must never move money any more."""
    return row._replace(
        wallet_seq=row.wallet_seq + 1,
        op_key=key,
        kind=OperationKind.TOMBSTONE.value,
        stake=0,
        payout=0,
        amount=0,
        reason=placed + row.op_key,
        refers_to=row.op_key,
        ends_round=False,
        declared_stake=None,
        declared_payout=None,
        fund=Fund.CASH.value,
        fingerprint=bytes(16),
        body=b"",
        headers="",
        reply=b"",
    )


def _without_operation(request: Request, verdict: Verdict, wallet: Wallet | None) -> Decision:
    answer = request.respond(_outcome(request, verdict, wallet, None))
    return Decision(verdict, answer, (), _delivery(request, verdict, answer), None, {})


def _delivery(request: Request, verdict: Verdict, answer: Answer) -> DeliveryRow:
    return DeliveryRow(
        provider=request.provider,
        route=request.route,
        op_key=getattr(request.fact, "key", None),
        verdict=verdict.value,
        headers=request.headers,
        body=request.body,
        reply_status=answer.status,
        reply=answer.body,
        received_at=request.received_at,
    )


def _outcome(
    request: Request, verdict: Verdict, wallet: Wallet | None, ours: str | None
) -> Outcome:
    fact: Fact | None = None if isinstance(request.fact, OwnOperation) else request.fact
    return Outcome(
        verdict=verdict,
        route=request.route,
        fact=fact,
        transaction_id=ours,
        balance=None if wallet is None else Money(wallet.balance, wallet.currency),
        turnover=None if wallet is None else Money(wallet.turnover, wallet.currency),
    )
