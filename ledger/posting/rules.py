"""The posting rules, as data: which entries an operation makes.

Amounts are signed; a positive amount goes *into* the account, so a wallet's balance is the sum
of its entries. Every pair of legs sums to zero by construction. One table renders the SQL that
posts in bulk (``rules_sql``) and feeds the pure functions that tests compare it with.

The part of a balance below zero is money the player owes and is booked to
``player_receivable``. The operation that crosses zero moves it there, and the one that returns
moves it back. How much follows from the operation's own amount and balance, so the order of
posting does not matter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ledger.enums import Account
from vocabulary.facts import Fund


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One side of a pair.

    Attributes:
        number: number in the transaction; part of the primary key of ``entries``.
        account: the account in the ordinary case.
        account_ended: the account if the operation ends its round at once.
        account_adjusted: the account if the operation is a correction.
        by_fund: a fund other than cash replaces the account by the fund's.
        amount: the field of ``Movement`` with the amount.
        sign: +1 or -1.
    """

    number: int
    account: Account
    account_ended: Account
    account_adjusted: Account
    by_fund: bool
    amount: str
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The amounts an accepted operation moved, in minor units.

    Attributes:
        owed: change of the part of the balance below zero; see ``owed_by``.
        adjusts: the operation is a correction.
    """

    stake: int
    payout: int
    funding: int
    ends_round: bool
    owed: int = 0
    fund: Fund = Fund.CASH
    adjusts: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a transaction."""

    leg: int
    account: Account
    amount: int


#: The account of each fund. Cash has none: its account follows from the kind of movement.
ACCOUNT_OF_FUND: Mapping[Fund, Account] = MappingProxyType(
    {
        Fund.FREE_ROUND: Account.BONUS,
        Fund.BONUS: Account.BONUS,
        Fund.JACKPOT: Account.JACKPOT,
        Fund.PROMO: Account.PROMO,
        Fund.DIFFERENCE: Account.DIFFERENCE,
        Fund.SUSPENSE: Account.SUSPENSE,
    }
)


def _always(number: int, account: Account, amount: str, sign: int) -> Leg:
    return Leg(
        number=number,
        account=account,
        account_ended=account,
        account_adjusted=account,
        by_fund=False,
        amount=amount,
        sign=sign,
    )


def _in_round(number: int, amount: str, sign: int) -> tuple[Leg, Leg]:
    counterpart = Leg(
        number=number + 1,
        account=Account.PROVIDER_CLEARING,
        account_ended=Account.GGR,
        account_adjusted=Account.GGR,
        by_fund=True,
        amount=amount,
        sign=-sign,
    )
    return _always(number, Account.PLAYER_WALLET, amount, sign), counterpart


#: Stakes leave the wallet, payouts and funding come into it. While a round is open the other
#: side is the round's clearing. An operation that ends its round goes straight to GGR, and so
#: does a correction of a round, which always ends it. A payment by a fund never enters
#: clearing.
LEGS: tuple[Leg, ...] = (
    *_in_round(1, "stake", -1),
    *_in_round(3, "payout", 1),
    _always(7, Account.PLAYER_WALLET, "funding", 1),
    Leg(
        number=8,
        account=Account.FUNDING,
        account_ended=Account.FUNDING,
        account_adjusted=Account.ADJUSTMENT,
        by_fund=True,
        amount="funding",
        sign=-1,
    ),
    _always(9, Account.PLAYER_WALLET, "owed", -1),
    _always(10, Account.PLAYER_RECEIVABLE, "owed", 1),
)

#: Legs of the sweep that empties an ended round's clearing into GGR.
SWEEP_CLEARING_LEG = 5
SWEEP_GGR_LEG = 6


def owed_by(*, amount: int, balance_after: int) -> int:
    """Change of the part of a balance below zero; negative if the player owes more."""
    return min(balance_after, 0) - min(balance_after - amount, 0)


def entries_of(movement: Movement) -> tuple[Entry, ...]:
    """The entries of one accepted operation; they sum to zero; empty if it moved nothing."""
    return tuple(_entries(movement))


def _entries(movement: Movement) -> Iterator[Entry]:
    amounts = {
        "stake": movement.stake,
        "payout": movement.payout,
        "funding": movement.funding,
        "owed": movement.owed,
    }
    for leg in LEGS:
        amount = leg.sign * amounts[leg.amount]
        if amount != 0:
            yield Entry(leg.number, _account(leg, movement), amount)


def _account(leg: Leg, movement: Movement) -> Account:
    if leg.by_fund and movement.fund is not Fund.CASH:
        return ACCOUNT_OF_FUND[movement.fund]
    if movement.adjusts:
        return leg.account_adjusted
    return leg.account_ended if movement.ends_round else leg.account


def sweep_of(due: int) -> tuple[Entry, ...]:
    """The entries that move the rest of an ended round's clearing to GGR.

    Args:
        due: stake less payout less what was swept before; may be negative.
    """
    if due == 0:
        return ()
    return (
        Entry(SWEEP_CLEARING_LEG, Account.PROVIDER_CLEARING, -due),
        Entry(SWEEP_GGR_LEG, Account.GGR, due),
    )
