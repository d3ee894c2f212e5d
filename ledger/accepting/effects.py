"""What each kind of operation does to its wallet: the decision table, one function per kind.

Pure. Chain positions, replies and rows are made in ``ledger.accepting.decide``.
"""

from msgspec import Struct
from msgspec.structs import replace

from ledger.accepting.late_operations import was_never_received
from ledger.accepting.limits import (
    UNRESTRICTED,
    Restrictions,
    broken_limit,
    business_day,
    is_excluded,
)
from ledger.accepting.model import KnownOperation, LedgerView, Request, Wallet
from ledger.accepting.own_operations import (
    Adjust,
    Deposit,
    Exclude,
    Limit,
    OwnOperation,
    SetBlocked,
    Withdrawal,
)
from ledger.enums import OWN_SLUG, OperationDecision, OperationKind
from vocabulary.facts import (
    BalanceQuery,
    Bet,
    BetAndWin,
    Fund,
    Operation,
    Rollback,
    RoundEnd,
    Win,
)
from vocabulary.outcomes import Verdict


class Effect(Struct, frozen=True, kw_only=True, gc=False):
    """What an operation does to its wallet, before it has a position in the chain.

    Attributes:
        stake, payout, funding: signed minor units; funding is money from or to outside.
        refers_to: key of the operation that this one names.
        reverses: key of the operation that this one undoes.
        declared: stake and payout of the round as the provider declares them, or None.
        fund: the kind of money on the other side.
        counts_for_limits: whether it counts for the limits of the business day.
        blocked: the wallet's blocked flag afterwards, or None to leave it.
        restrictions: the wallet's restrictions afterwards, or None to leave them.
        tombstone: a key to occupy besides the operation's own.
    """

    kind: OperationKind
    verdict: Verdict
    round_id: str
    stake: int = 0
    payout: int = 0
    funding: int = 0
    reason: str | None = None
    refers_to: str | None = None
    reverses: str | None = None
    declared: tuple[int | None, int | None] | None = None
    ends_round: bool = False
    fund: Fund = Fund.CASH
    counts_for_limits: bool = True
    blocked: bool | None = None
    restrictions: Restrictions | None = None
    tombstone: str | None = None


def currency_of(fact: Operation | OwnOperation | BalanceQuery) -> str:
    """The currency of the fact's wallet."""
    match fact:
        case Bet() | Win() | Deposit() | Withdrawal() | Adjust():
            return fact.amount.currency
        case BetAndWin():
            return fact.bet.currency
        case Rollback() | SetBlocked() | Exclude() | Limit() | BalanceQuery():
            return fact.currency
        case RoundEnd():
            return fact.stake.currency


def handle_slug(provider: str, fact: Operation | OwnOperation | BalanceQuery) -> str:
    """The slug in whose handles the fact names the player; a correction always uses ours."""
    return OWN_SLUG if type(fact) is Adjust else provider


def effect_of(
    view: LedgerView, request: Request, fact: Operation | OwnOperation, wallet: Wallet
) -> Effect | Verdict:
    """The effect of one operation on its wallet, or the verdict that refuses it."""
    match fact:
        case Bet():
            return _bet(request, wallet, fact)
        case Win():
            return _win(view, request, fact, wallet)
        case BetAndWin():
            return _bet_and_win(request, wallet, fact)
        case Rollback():
            return _rollback(view, request, fact, wallet)
        case RoundEnd():
            return _round_end(view, request, fact, wallet)
        case _:
            return _own_operation(wallet, fact)


def _refused_stake(
    request: Request, wallet: Wallet, stake: int, kind: OperationKind, round_id: str
) -> Effect | None:
    """The refusal of a stake, or None. A broken limit is answered like a block."""
    if stake <= 0:
        return None
    if wallet.blocked:
        return _declined(kind, Verdict.DECLINED_BLOCKED, round_id)
    restrictions = wallet.restrictions
    if restrictions is not None and is_excluded(restrictions, request.received_at):
        return _declined(kind, Verdict.DECLINED_BLOCKED, round_id, "self_excluded")
    if stake > wallet.balance:
        return _declined(kind, Verdict.DECLINED_FUNDS, round_id)
    is_today = wallet.day >= business_day(request.received_at)
    limit = broken_limit(
        restrictions or UNRESTRICTED,
        stake=stake,
        staked=wallet.day_stake if is_today else 0,
        paid=wallet.day_payout if is_today else 0,
        turnover=wallet.turnover,
    )
    if limit is None:
        return None
    return _declined(kind, Verdict.DECLINED_BLOCKED, round_id, limit)


def _bet(request: Request, wallet: Wallet, fact: Bet) -> Effect:
    stake = fact.amount.minor
    refusal = _refused_stake(request, wallet, stake, OperationKind.BET, fact.round_id)
    if refusal is not None:
        return refusal
    return Effect(
        kind=OperationKind.BET,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        stake=stake,
        ends_round=fact.ends_round,
        fund=fact.fund,
    )


def _bet_and_win(request: Request, wallet: Wallet, fact: BetAndWin) -> Effect:
    refusal = _refused_stake(
        request, wallet, fact.bet.minor, OperationKind.BET_AND_WIN, fact.round_id
    )
    if refusal is not None:
        return refusal
    return Effect(
        kind=OperationKind.BET_AND_WIN,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        stake=fact.bet.minor,
        payout=fact.win.minor,
        ends_round=fact.ends_round,
        fund=fact.fund,
    )


def _declined(
    kind: OperationKind, verdict: Verdict, round_id: str, reason: str | None = None
) -> Effect:
    return Effect(kind=kind, verdict=verdict, round_id=round_id, reason=reason or verdict.value)


def _win(view: LedgerView, request: Request, fact: Win, wallet: Wallet) -> Effect | Verdict:
    bet = view.operations.get((request.provider, fact.bet_key)) if fact.bet_key else None
    reason = declared = None
    if fact.bet_key is not None:
        refusal = _refused_win(bet, request, wallet)
        if refusal is not None:
            return refusal
        if (
            bet is not None
            and not bet.closed
            and fact.stake is not None
            and bet.stake != fact.stake.minor
        ):
            reason, declared = "stake_differs", (fact.stake.minor, None)
    return Effect(
        kind=OperationKind.WIN,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        payout=fact.amount.minor,
        refers_to=fact.bet_key,
        reason=reason,
        declared=declared,
        ends_round=fact.ends_round,
        fund=fact.fund,
    )


def _refused_win(
    bet: KnownOperation | None, request: Request, wallet: Wallet
) -> Verdict | None:
    if bet is None or was_never_received(bet) or bet.decision is OperationDecision.DECLINED:
        return None if request.policy.orphan_win_credits else Verdict.BET_UNKNOWN
    if bet.wallet_id != wallet.wallet_id:
        return Verdict.CONFLICT
    if bet.reversed or bet.kind is OperationKind.TOMBSTONE:
        return Verdict.ROLLED_BACK
    return None


def _rollback(
    view: LedgerView, request: Request, fact: Rollback, wallet: Wallet
) -> Effect | Verdict:
    original = view.operations.get((request.provider, fact.original_key))
    empty = Effect(
        kind=OperationKind.ROLLBACK,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        refers_to=fact.original_key,
    )
    if original is None:
        return replace(empty, reason="original_unknown", tombstone=fact.original_key)
    if original.wallet_id != wallet.wallet_id:
        return Verdict.CONFLICT
    if original.kind in {OperationKind.ROLLBACK, OperationKind.ROUND_END}:
        accepts = request.policy.rollback_of_rollback_accepts
        return replace(empty, reason="irreversible") if accepts else Verdict.IRREVERSIBLE
    empty = replace(empty, round_id=original.round_id)
    if original.closed and was_never_received(original):
        # The round's end keeps the bet out already. From now on the bet counts as rolled back,
        # so its win is refused.
        return replace(empty, reason="original_unknown", reverses=fact.original_key)
    if original.kind is OperationKind.TOMBSTONE or original.reversed:
        return replace(empty, reason="already_rolled_back")
    if original.decision is OperationDecision.DECLINED:
        return replace(empty, reason="original_declined")
    # At least the wallet's day: a receiver whose clock is behind takes nothing off a later day.
    today = max(wallet.day, business_day(request.received_at))
    undone = replace(
        empty,
        stake=-original.stake,
        payout=-original.payout,
        reverses=fact.original_key,
        fund=original.fund,
        counts_for_limits=original.day == today,
    )
    original_amount = max(original.stake, original.payout)
    if fact.amount is None or fact.amount.minor == original_amount:
        return undone
    undone = replace(undone, reason="amount_differs")
    moves_stated = request.policy.rollback_moves_stated
    # Of a bet of zero only its kind says on which side the stated amount is.
    is_stake = undone.stake != 0 or original.kind is OperationKind.BET
    return _of_another_amount(
        undone, fact.amount.minor, is_stake=is_stake, moves_stated=moves_stated
    )


def _of_another_amount(
    undone: Effect, stated: int, *, is_stake: bool, moves_stated: bool
) -> Effect:
    """A rollback that states another amount than its original's, by the provider's rule.

    Where the stated amount does not move, the round declares what it leaves, so that
    reconciliation finds the difference.
    """
    moved = undone.stake if is_stake else undone.payout
    if moves_stated and stated < -moved:
        return replace(undone, stake=-stated) if is_stake else replace(undone, payout=-stated)
    remainder = -moved - stated
    return replace(undone, declared=(remainder, None) if is_stake else (None, remainder))


def _round_end(
    view: LedgerView, request: Request, fact: RoundEnd, wallet: Wallet
) -> Effect | Verdict:
    bet = view.operations.get((request.provider, fact.bet_key))
    if bet is not None and bet.wallet_id != wallet.wallet_id:
        return Verdict.CONFLICT
    reason = None
    if bet is None:
        reason = "bet_unknown"
    elif bet.stake != fact.stake.minor:
        reason = "stake_differs"
    return Effect(
        kind=OperationKind.ROUND_END,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        refers_to=fact.bet_key,
        declared=(fact.stake.minor, fact.payout.minor),
        ends_round=True,
        tombstone=fact.bet_key if bet is None else None,
        reason=reason,
    )


def _own_operation(wallet: Wallet, operation: OwnOperation) -> Effect:
    match operation:
        case Deposit():
            funding = _funding(OperationKind.DEPOSIT, operation.amount.minor, operation.reason)
            return replace(funding, fund=operation.fund)
        case Withdrawal() if operation.amount.minor > wallet.balance:
            return _declined(OperationKind.WITHDRAWAL, Verdict.DECLINED_FUNDS, "")
        case Withdrawal():
            return _funding(OperationKind.WITHDRAWAL, -operation.amount.minor, operation.reason)
        case SetBlocked():
            return Effect(
                kind=OperationKind.BLOCK if operation.blocked else OperationKind.UNBLOCK,
                verdict=Verdict.ACCEPTED,
                round_id="",
                blocked=operation.blocked,
                reason=operation.reason,
            )
        case Exclude() | Limit():
            return _restriction(wallet.restrictions or UNRESTRICTED, operation)
        case Adjust():
            return _adjustment(operation)


def restricted(current: Restrictions, operation: Exclude | Limit) -> Restrictions:
    """The restrictions of a player after an order that changes them."""
    if isinstance(operation, Exclude):
        until = max(operation.until, current.until or operation.until)
        return replace(current, until=until)
    return replace(
        current, stake=operation.stake, turnover=operation.turnover, loss=operation.loss
    )


def _restriction(current: Restrictions, operation: Exclude | Limit) -> Effect:
    is_exclusion = isinstance(operation, Exclude)
    return Effect(
        kind=OperationKind.EXCLUDE if is_exclusion else OperationKind.LIMIT,
        verdict=Verdict.ACCEPTED,
        round_id="",
        restrictions=restricted(current, operation),
        reason=operation.reason,
    )


def _adjustment(operation: Adjust) -> Effect:
    """Against one of our own accounts, or as a stake or payout of the round it corrects."""
    funding = _funding(OperationKind.ADJUSTMENT, 0, operation.reason)
    effect = replace(funding, fund=operation.fund, counts_for_limits=False)
    within, amount = operation.within, operation.amount.minor
    if within is None:
        return replace(effect, funding=amount)
    stake, payout = (-amount, 0) if within.side == "stake" else (0, amount)
    return replace(
        effect, round_id=within.round_id, stake=stake, payout=payout, ends_round=True
    )


def _funding(kind: OperationKind, funding: int, reason: str) -> Effect:
    return Effect(
        kind=kind, verdict=Verdict.ACCEPTED, round_id="", funding=funding, reason=reason
    )
