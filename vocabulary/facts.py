"""What a provider can tell us: a closed union of facts.

A dialect parses bytes into exactly one fact; every other room works on facts. ``key`` is the
operation key: unique within one provider, derived from the provider's own ids only. ``handle``
is the player as the provider names them. ``occurred_at`` is the provider's clock, when it says.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from vocabulary.money import Money


class Fund(StrEnum):
    """Whose money stands on the other side of the player's. Mirrors the type ``fund_kind``.

    Cash is the rule: a stake and its payout belong to the provider's round, a deposit comes
    from outside. Only our own orders name the last two.
    """

    CASH = "cash"
    FREE_ROUND = "free_round"
    BONUS = "bonus"
    JACKPOT = "jackpot"
    PROMO = "promo"
    DIFFERENCE = "difference"
    SUSPENSE = "suspense"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceQuery:
    """The provider asks what the player has. Moves nothing, is not journaled."""

    handle: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bet:
    """Take ``amount`` from the player, if it is there."""

    key: str
    handle: str
    amount: Money
    round_id: str
    occurred_at: datetime | None
    fund: Fund = Fund.CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Win:
    """Give ``amount`` to the player.

    Attributes:
        bet_key: the operation key of the bet it pays, or None where the protocol names none.
        stake: the stake the provider repeats with the win, or None.
        ends_round: the same message closes the round.
    """

    key: str
    handle: str
    amount: Money
    round_id: str
    bet_key: str | None
    stake: Money | None
    occurred_at: datetime | None
    ends_round: bool = False
    fund: Fund = Fund.CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class BetAndWin:
    """Take ``bet``, give ``win``, as one unit; funds must cover the bet before the win."""

    key: str
    handle: str
    bet: Money
    win: Money
    round_id: str
    occurred_at: datetime | None
    ends_round: bool = False
    fund: Fund = Fund.CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Undo the operation under ``original_key``; its amount and direction decide.

    Attributes:
        amount: what the provider says the original was, or None; only compared, never moved.
        round_id: the round to name when the original is unknown.
    """

    key: str
    handle: str
    original_key: str
    currency: str
    amount: Money | None
    round_id: str
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnd:
    """Close the round; stake and payout are control totals, nothing moves.

    Attributes:
        bet_key: the operation key a late bet of this round would have; blocked when unseen.
        implied: the round's bet and win as far as this message tells them; those never seen
            are booked under their own keys first. Empty where a round end only compares.
    """

    key: str
    handle: str
    round_id: str
    bet_key: str
    stake: Money
    payout: Money
    occurred_at: datetime | None
    implied: tuple[Bet | Win, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """One line of the provider's own history, pushed or from a statement. Moves nothing.

    Attributes:
        record_id: the provider's id of the line; a newer ``updated_at`` replaces an older one.
        round_id: the round it speaks of, in the same form as operations use.
        stake, payout: what the provider took from and gave to the player, both >= 0, except on
            a line that takes back what another line of a round of several told.
        rolled_back: the line says the round was undone.
        declared_net: payout minus stake as the provider computed it, or None.
        balance_before, balance_after: the provider's view of the wallet, or None.
        raw: the line as received.
    """

    record_id: str
    round_id: str
    handle: str
    currency: str
    stake: Money
    payout: Money
    rolled_back: bool
    declared_net: Money | None
    balance_before: Money | None
    balance_after: Money | None
    game: str | None
    created_at: datetime
    updated_at: datetime
    raw: bytes


Operation = Bet | Win | BetAndWin | Rollback | RoundEnd
Fact = BalanceQuery | Operation | HistoryRecord


def fingerprint(fact: Operation) -> bytes:
    """16 bytes that are equal exactly for the same fact; the key's content.

    The provider's clock is left out: a retry may carry a fresh timestamp. ``ascii`` quotes each
    field, so that no field's text can pass for the boundary between two, and it renders the
    same in every Python version: fingerprints are kept for ever. A fund is part of it only
    where it is not cash, so that facts from before there were funds keep theirs.
    """
    told = _canonical(fact)
    if not isinstance(fact, Rollback | RoundEnd) and fact.fund is not Fund.CASH:
        told = (*told, str(fact.fund))
    return blake2b(ascii(told).encode(), digest_size=16).digest()


def _canonical(fact: Operation) -> tuple[str, ...]:
    match fact:
        case Bet():
            return ("bet", fact.key, fact.handle, *_money(fact.amount), fact.round_id)
        case Win():
            paid = ("win", fact.key, fact.handle, *_money(fact.amount), fact.round_id)
            return (*paid, *_money(fact.stake), fact.bet_key or "", str(fact.ends_round))
        case BetAndWin():
            both = ("bet_and_win", fact.key, fact.handle, fact.round_id)
            return (*both, *_money(fact.bet), *_money(fact.win), str(fact.ends_round))
        case Rollback():
            undone = ("rollback", fact.key, fact.handle, fact.original_key, fact.currency)
            return (*undone, *_money(fact.amount), fact.round_id)
        case RoundEnd():
            ended = ("round_end", fact.key, fact.handle, fact.round_id, fact.bet_key)
            return (*ended, *_money(fact.stake), *_money(fact.payout))


def _money(money: Money | None) -> tuple[str, str]:
    return ("", "") if money is None else (str(money.minor), money.currency)
