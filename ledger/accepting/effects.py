"""What each kind of operation does to its wallet: the decision table, one function a kind.

Pure. Knows nothing of chains, replies or rows; ``ledger.accepting.decide`` gives an effect its
place.
"""

from msgspec import Struct
from msgspec.structs import replace

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
from ledger.accepting.tombstones import was_never_received
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
    """What an operation does to its wallet, before it has a place in the chain.

    Attributes:
        stake, payout, funding: signed minor units; funding is money from or to outside.
        fund: whose money stands on the other side.
        counts: it counts for the limits of the business day.
        blocks: the wallet's blocked flag afterwards, or None to leave it.
        restricts: the wallet's restrictions afterwards, or None to leave them.
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
    declared: tuple[int, int] | None = None
    ends_round: bool = False
    fund: Fund = Fund.CASH
    counts: bool = True
    blocks: bool | None = None
    restricts: Restrictions | None = None
    tombstone: str | None = None


def currency_of(fact: Operation | OwnOperation | BalanceQuery) -> str:
    """The currency of the wallet a fact or order is about."""
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
    """The slug by whose names the player is called: a correction always uses ours."""
    return OWN_SLUG if type(fact) is Adjust else provider


def effect_of(
    books: LedgerView, request: Request, fact: Operation | OwnOperation, wallet: Wallet
) -> Effect | Verdict:
    """The effect of one operation on its wallet, or the verdict that refuses it."""
    match fact:
        case Bet():
            return _bet(request, wallet, fact)
        case Win():
            return _win(books, request, fact, wallet)
        case BetAndWin():
            return _bet_and_win(request, wallet, fact)
        case Rollback():
            return _rollback(books, request, fact, wallet)
        case RoundEnd():
            return _round_end(books, request, fact, wallet)
        case _:
            return _order(wallet, fact)


def _refused_stake(
    request: Request, wallet: Wallet, stake: int, kind: OperationKind, round_id: str
) -> Effect | None:
    """The refusal of a stake, if there is a reason; to the provider a limit is a block."""
    if stake <= 0:
        return None
    if wallet.blocked:
        return _declined(kind, Verdict.DECLINED_BLOCKED, round_id)
    held_to = wallet.restrictions
    if held_to is not None and is_excluded(held_to, request.received_at):
        return _declined(kind, Verdict.DECLINED_BLOCKED, round_id, "self_excluded")
    if stake > wallet.balance:
        return _declined(kind, Verdict.DECLINED_FUNDS, round_id)
    if held_to is None:
        return None
    is_today = wallet.day >= business_day(request.received_at)
    beyond = broken_limit(
        held_to,
        stake=stake,
        staked=wallet.day_stake if is_today else 0,
        paid=wallet.day_payout if is_today else 0,
    )
    if beyond is None:
        return None
    return _declined(kind, Verdict.DECLINED_BLOCKED, round_id, beyond)


def _bet(request: Request, wallet: Wallet, fact: Bet) -> Effect:
    stake = fact.amount.minor
    refused = _refused_stake(request, wallet, stake, OperationKind.BET, fact.round_id)
    if refused is not None:
        return refused
    return Effect(
        kind=OperationKind.BET,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        stake=stake,
        fund=fact.fund,
    )


def _bet_and_win(request: Request, wallet: Wallet, fact: BetAndWin) -> Effect:
    refused = _refused_stake(
        request, wallet, fact.bet.minor, OperationKind.BET_AND_WIN, fact.round_id
    )
    if refused is not None:
        return refused
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
    why = reason or verdict.value
    return Effect(kind=kind, verdict=verdict, round_id=round_id, reason=why)


def _win(books: LedgerView, request: Request, fact: Win, wallet: Wallet) -> Effect | Verdict:
    bet = books.operations.get((request.provider, fact.bet_key)) if fact.bet_key else None
    reason = None
    if fact.bet_key is not None:
        refused = _refused_win(bet, request, wallet)
        if refused is not None:
            return refused
        if (
            bet is not None
            and not bet.closed
            and fact.stake is not None
            and bet.stake != fact.stake.minor
        ):
            reason = "stake_differs"
    return Effect(
        kind=OperationKind.WIN,
        verdict=Verdict.ACCEPTED,
        round_id=fact.round_id,
        payout=fact.amount.minor,
        refers_to=fact.bet_key,
        reason=reason,
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
    books: LedgerView, request: Request, fact: Rollback, wallet: Wallet
) -> Effect | Verdict:
    original = books.operations.get((request.provider, fact.original_key))
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
        # Kept out already; from now on it counts as rolled back, so its win is refused.
        return replace(empty, reason="original_unknown", reverses=fact.original_key)
    if original.kind is OperationKind.TOMBSTONE or original.reversed:
        return replace(empty, reason="already_rolled_back")
    if original.decision is OperationDecision.DECLINED:
        return replace(empty, reason="original_declined")
    return _inverse(empty, max(wallet.day, business_day(request.received_at)), fact, original)


def _inverse(empty: Effect, today: int, fact: Rollback, original: KnownOperation) -> Effect:
    """What undoes the original. It counts for limits only on the original's own day.

    ``today`` is the wallet's: a receiver whose clock is behind takes nothing off a later day.
    """
    moved = max(original.stake, original.payout)
    differs = fact.amount is not None and fact.amount.minor != moved
    return replace(
        empty,
        stake=-original.stake,
        payout=-original.payout,
        reverses=fact.original_key,
        reason="amount_differs" if differs else None,
        fund=original.fund,
        counts=original.day == today,
    )


def _round_end(
    books: LedgerView, request: Request, fact: RoundEnd, wallet: Wallet
) -> Effect | Verdict:
    bet = books.operations.get((request.provider, fact.bet_key))
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


def _order(wallet: Wallet, order: OwnOperation) -> Effect:
    match order:
        case Deposit():
            money = _funding(OperationKind.DEPOSIT, order.amount.minor, order.reason)
            return money if order.fund is Fund.CASH else replace(money, fund=order.fund)
        case Withdrawal() if order.amount.minor > wallet.balance:
            return _declined(OperationKind.WITHDRAWAL, Verdict.DECLINED_FUNDS, "")
        case Withdrawal():
            return _funding(OperationKind.WITHDRAWAL, -order.amount.minor, order.reason)
        case SetBlocked():
            return Effect(
                kind=OperationKind.BLOCK if order.blocked else OperationKind.UNBLOCK,
                verdict=Verdict.ACCEPTED,
                round_id="",
                blocks=order.blocked,
                reason=order.reason,
            )
        case Exclude() | Limit():
            return _restriction(wallet.restrictions or UNRESTRICTED, order)
        case Adjust():
            return _adjustment(order)


def _restriction(standing: Restrictions, order: Exclude | Limit) -> Effect:
    if isinstance(order, Exclude):
        kind, until = OperationKind.EXCLUDE, max(order.until, standing.until or order.until)
        after = replace(standing, until=until)
    else:
        kind = OperationKind.LIMIT
        after = replace(standing, stake=order.stake, turnover=order.turnover, loss=order.loss)
    return Effect(
        kind=kind, verdict=Verdict.ACCEPTED, round_id="", restricts=after, reason=order.reason
    )


def _adjustment(order: Adjust) -> Effect:
    """Against an account of ours, or as a stake or payout of the round it corrects."""
    effect = replace(
        _funding(OperationKind.ADJUSTMENT, 0, order.reason), fund=order.fund, counts=False
    )
    within, amount = order.within, order.amount.minor
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
