"""What a provider's message means: a closed union of facts.

A dialect parses bytes into exactly one fact; every other package works on facts. ``key`` is the
operation key: unique within one provider and derived only from the provider's own ids.
``handle`` is the provider's name for the player, ``occurred_at`` its time stamp, or None.
"""

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from vocabulary.money import Money


class Fund(StrEnum):
    """The kind of money a movement is made of. Mirrors the database type ``fund_kind``.

    Cash is the default: stakes and payouts belong to the provider's round, deposits come from
    outside. Only our own operations use ``DIFFERENCE`` and ``SUSPENSE``.
    """

    CASH = "cash"
    FREE_ROUND = "free_round"
    BONUS = "bonus"
    JACKPOT = "jackpot"
    PROMO = "promo"
    DIFFERENCE = "difference"
    SUSPENSE = "suspense"


class BalanceQuery(Struct, frozen=True, kw_only=True, gc=False):
    """The provider asks for a player's balance. Moves nothing and is not stored."""

    handle: str
    currency: str


class Bet(Struct, frozen=True, kw_only=True, gc=False):
    """Take ``amount`` if the balance covers it; ``ends_round`` closes a round without a win."""

    key: str
    handle: str
    amount: Money
    round_id: str
    occurred_at: datetime | None
    ends_round: bool = False
    fund: Fund = Fund.CASH


class Win(Struct, frozen=True, kw_only=True, gc=False):
    """Give ``amount`` to the player.

    Attributes:
        bet_key: the operation key of the bet it pays, or None if the protocol names none.
        stake: the stake as repeated with the win, or None.
        ends_round: whether the same message closes the round.
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


class BetAndWin(Struct, frozen=True, kw_only=True, gc=False):
    """Take ``bet`` and give ``win`` as one unit; the balance must cover the bet alone."""

    key: str
    handle: str
    bet: Money
    win: Money
    round_id: str
    occurred_at: datetime | None
    ends_round: bool = False
    fund: Fund = Fund.CASH


class Rollback(Struct, frozen=True, kw_only=True, gc=False):
    """Undo the operation ``original_key`` by that operation's own amount and direction.

    Attributes:
        amount: the original's amount as the provider states it, or None; compared, never moved.
        round_id: the round to use if the original is unknown.
    """

    key: str
    handle: str
    original_key: str
    currency: str
    amount: Money | None
    round_id: str
    occurred_at: datetime | None


class RoundEnd(Struct, frozen=True, kw_only=True, gc=False):
    """Close the round. Stake and payout are control totals; nothing moves.

    Attributes:
        bet_key: the operation key that a late bet of this round would have; if unknown, it is
            blocked from now on.
        implied: the bet and win that this message repeats; unknown ones are booked under their
            own keys first. Empty where a round end is only compared.
    """

    key: str
    handle: str
    round_id: str
    bet_key: str
    stake: Money
    payout: Money
    occurred_at: datetime | None
    implied: tuple[Bet | Win, ...] = ()


class HistoryRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One record of the provider's own history, pushed or from a statement. Moves nothing.

    Attributes:
        record_id: the provider's id of the record; a newer ``updated_at`` replaces an older
            version.
        round_id: the round it belongs to, in the form that operations use.
        stake, payout: what the provider took from and gave to the player. Both are >= 0, except
            on a record that reverses another record of the same round. On a rolled back record
            they are what the provider says it took back, on either side, and count for nothing.
        rolled_back: whether the provider reports the round as undone.
        declared_net: payout minus stake as the provider computed it, or None.
        balance_before, balance_after: the wallet's balances as the provider reports them, or
            None.
        raw: the record as received.
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


class UnreadableHistory(Struct, frozen=True, kw_only=True, gc=False):
    """An authentic record of the provider's history that cannot be read. Kept as received.

    Attributes:
        path: where in the document, never the value there.
        reason: what was expected at that place.
    """

    path: str
    reason: str


Operation = Bet | Win | BetAndWin | Rollback | RoundEnd
Fact = BalanceQuery | Operation | HistoryRecord | UnreadableHistory


def fingerprint(fact: Operation) -> bytes:
    """A 16-byte digest that is equal for equal facts, whatever their time stamps.

    ``occurred_at`` is left out because a retry may carry a new time stamp. ``ascii`` quotes
    each field, so that no field's text can imitate a boundary between two, and it renders
    alike in every Python version: fingerprints are kept for ever. Cash, and a bet that leaves
    its round open, add nothing, so that facts stored before there were others keep theirs.
    """
    fields = _canonical(fact)
    if not isinstance(fact, Rollback | RoundEnd) and fact.fund is not Fund.CASH:
        fields = (*fields, str(fact.fund))
    return blake2b(ascii(fields).encode(), digest_size=16).digest()


def _canonical(fact: Operation) -> tuple[str, ...]:
    match fact:
        case Bet():
            bet = ("bet", fact.key, fact.handle, *_money(fact.amount), fact.round_id)
            return (*bet, "ends_round") if fact.ends_round else bet
        case Win():
            win = ("win", fact.key, fact.handle, *_money(fact.amount), fact.round_id)
            return (*win, *_money(fact.stake), fact.bet_key or "", str(fact.ends_round))
        case BetAndWin():
            both = ("bet_and_win", fact.key, fact.handle, fact.round_id)
            return (*both, *_money(fact.bet), *_money(fact.win), str(fact.ends_round))
        case Rollback():
            rollback = ("rollback", fact.key, fact.handle, fact.original_key, fact.currency)
            return (*rollback, *_money(fact.amount), fact.round_id)
        case RoundEnd():
            round_end = ("round_end", fact.key, fact.handle, fact.round_id, fact.bet_key)
            return (*round_end, *_money(fact.stake), *_money(fact.payout))


def _money(money: Money | None) -> tuple[str, str]:
    return ("", "") if money is None else (str(money.minor), money.currency)
