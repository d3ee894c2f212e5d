"""Decide requests against the books. Pure: the same books and request give the same decision.

The rules:

- A repeat gets its stored reply. The same key with another content moves nothing.
- The decline of a bet is final. Wins and rollbacks are accepted whatever the player's state.
- A rollback takes amount and direction from its original.
- A rollback of an unknown operation leaves a tombstone: the late original moves nothing.

Every operation takes the next position in its wallet's chain, also if it is declined or moves
nothing. A decision on a stale wallet cannot be committed, because the wallet is past that
position.
"""

from collections.abc import Callable, Iterable

from msgspec import structs

from ledger.accepting.effects import Effect, currency_of, effect_of, handle_slug
from ledger.accepting.late_operations import booked_key
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
    UnreadableHistory,
    Win,
    fingerprint,
)
from vocabulary.ids import match_key, transaction_id
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

_ACCEPTED = OperationDecision.ACCEPTED
_DECLINED = OperationDecision.DECLINED


def decide(view: LedgerView, request: Request) -> Decision:
    """Decide one request.

    Raises:
        KeyError: the view lacks the request's handle; the caller loads handles first.
    """
    fact = request.fact
    if fact is None:
        return _without_operation(request, request.unread, None)
    if isinstance(fact, HistoryRecord | UnreadableHistory):
        return _without_operation(request, Verdict.RECORDED, None)
    if isinstance(fact, BalanceQuery):
        return _balance(view, request, fact)
    key = booked_key(view, request.provider, fact)
    prior = view.operations.get((request.provider, key))
    if prior is not None:
        return _known_key(request, fact, key, prior)
    if isinstance(fact, RoundEnd) and fact.implied:
        return _with_implied(view, request, fact)
    slug = handle_slug(request.provider, fact)
    wallet = _wallet(view, slug, fact.handle, currency_of(fact))
    if isinstance(wallet, Verdict):
        return _without_operation(request, wallet, None)
    effect = effect_of(view, request, fact, wallet)
    if isinstance(effect, Verdict):
        return _without_operation(request, effect, wallet)
    return _with_operation(view, request, key, wallet, effect)


def decide_batch(
    view: LedgerView,
    requests: Iterable[Request],
    decide_one: Callable[[LedgerView, Request], Decision] = decide,
) -> list[Decision]:
    """Decide requests in order, as if they had come one by one; the view is not changed."""
    wallets = dict(view.wallets)
    operations = dict(view.operations)
    working = LedgerView(wallets, view.players, operations, view.epoch)
    decisions = []
    for request in requests:
        decision = decide_one(working, request)
        if decision.wallet is not None and decision.operations:
            wallets[decision.wallet.wallet_id] = decision.wallet
            operations.update(decision.changes)
        decisions.append(decision)
    return decisions


def _with_implied(view: LedgerView, request: Request, end: RoundEnd) -> Decision:
    """Book the operations that the round end implies and we never received, then the end."""
    missing = [
        structs.replace(request, fact=implied)
        for implied in end.implied
        if (request.provider, implied.key) not in view.operations
    ]
    end_only = structs.replace(request, fact=structs.replace(end, implied=()))
    decisions = decide_batch(view, [*missing, end_only])
    last = decisions[-1]
    if not last.operations:
        return last
    rows = [row for decision in decisions for row in decision.operations]
    changes = {
        key: operation for decision in decisions for key, operation in decision.changes.items()
    }
    return Decision(last.verdict, last.reply, tuple(rows), None, last.wallet, changes)


def _wallet(view: LedgerView, slug: str, handle: str, currency: str) -> Wallet | Verdict:
    by_currency = view.players[slug, handle]
    if by_currency is None:
        return Verdict.PLAYER_UNKNOWN
    wallet_id = by_currency.get(currency)
    return Verdict.CURRENCY_WRONG if wallet_id is None else view.wallets[wallet_id]


def _balance(view: LedgerView, request: Request, fact: BalanceQuery) -> Decision:
    wallet = _wallet(view, request.provider, fact.handle, fact.currency)
    if isinstance(wallet, Verdict):
        return _without_operation(request, wallet, None)
    reply = request.respond(_outcome(request, Verdict.BALANCE, wallet, None))
    return Decision(Verdict.BALANCE, reply, (), None, None, {})


def _known_key(
    request: Request, fact: Operation | OwnOperation, key: str, prior: KnownOperation
) -> Decision:
    """Decide an operation whose key exists: a repeat, a conflict, or rolled back before."""
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


def _with_operation(
    view: LedgerView, request: Request, key: str, wallet: Wallet, effect: Effect
) -> Decision:
    """Write the operation, and the tombstone if the effect places one."""
    today = business_day(request.received_at)
    after = _wallet_after(wallet, effect, today)
    accepted = effect.verdict is Verdict.ACCEPTED
    transaction = transaction_id(after.wallet_id, after.seq, view.epoch) if accepted else None
    reply = request.respond(_outcome(request, effect.verdict, after, transaction))
    row = _row(request, key, after, effect, reply)
    changes = {(row.provider, row.op_key): _known(row, effect.kind, reply, effect.fund, today)}
    if effect.reverses is not None:
        original = (row.provider, effect.reverses)
        changes[original] = structs.replace(view.operations[original], reversed=True)
    if effect.tombstone is None:
        return Decision(effect.verdict, reply, (row,), None, after, changes)
    closed = effect.kind is OperationKind.ROUND_END
    tombstone = _tombstone(row, effect.tombstone, CLOSED_BY if closed else "placed_by ")
    known = _known(tombstone, OperationKind.TOMBSTONE, reply, Fund.CASH, today)
    changes[tombstone.provider, tombstone.op_key] = structs.replace(known, closed=closed)
    after = structs.replace(after, seq=tombstone.wallet_seq)
    return Decision(effect.verdict, reply, (row, tombstone), None, after, changes)


def _wallet_after(wallet: Wallet, effect: Effect, today: int) -> Wallet:
    """The wallet after an effect; its business day never goes back."""
    day, staked, paid = wallet.day, wallet.day_stake, wallet.day_payout
    if today > day:
        day, staked, paid = today, 0, 0
    if effect.counts_for_limits:
        staked, paid = staked + effect.stake, paid + effect.payout
    restrictions = effect.restrictions
    if restrictions is None:
        restrictions = wallet.restrictions
    elif restrictions == UNRESTRICTED:
        restrictions = None
    return Wallet(
        wallet.wallet_id,
        wallet.player,
        wallet.currency,
        wallet.balance + effect.payout - effect.stake + effect.funding,
        wallet.seq + 1,
        wallet.turnover + effect.stake,
        wallet.blocked if effect.blocked is None else effect.blocked,
        day,
        staked,
        paid,
        restrictions,
    )


def _known(
    row: OperationRow, kind: OperationKind, reply: CallbackReply, fund: Fund, day: int
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
    request: Request, key: str, after: Wallet, effect: Effect, reply: CallbackReply
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
        reply_status=reply.status,
        reply=reply.body,
        occurred_at=getattr(fact, "occurred_at", None),
        received_at=request.received_at,
        fund=effect.fund,
    )


def _tombstone(row: OperationRow, key: str, reason_prefix: str) -> OperationRow:
    """A row that occupies the key of an operation which must not move money any more."""
    return row._replace(
        wallet_seq=row.wallet_seq + 1,
        op_key=key,
        kind=OperationKind.TOMBSTONE.value,
        stake=0,
        payout=0,
        amount=0,
        reason=reason_prefix + row.op_key,
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
    reply = request.respond(_outcome(request, verdict, wallet, None))
    return Decision(verdict, reply, (), _delivery(request, verdict, reply), None, {})


def _delivery(request: Request, verdict: Verdict, reply: CallbackReply) -> DeliveryRow:
    return DeliveryRow(
        provider=request.provider,
        route=request.route,
        op_key=getattr(request.fact, "key", None),
        verdict=verdict.value,
        headers=request.headers,
        body=request.body,
        reply_status=reply.status,
        reply=reply.body,
        received_at=request.received_at,
    )


def _outcome(
    request: Request, verdict: Verdict, wallet: Wallet | None, transaction: str | None
) -> Outcome:
    fact: Fact | None = None if isinstance(request.fact, OwnOperation) else request.fact
    return Outcome(
        verdict=verdict,
        route=request.route,
        fact=fact,
        transaction_id=transaction,
        balance=None if wallet is None else Money(wallet.balance, wallet.currency),
        turnover=None if wallet is None else Money(wallet.turnover, wallet.currency),
        body=request.body,
    )
