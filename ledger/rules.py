"""Which entries an operation makes: the posting rules, as data.

One signed column; a positive amount goes *into* the account, so a wallet's balance is the sum
of its entries. Every pair of legs sums to zero by construction. The same table renders the SQL
that posts in bulk and the pure function that auditors and tests use.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.kinds import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One side of a pair.

    Attributes:
        number: position in the transaction; part of the primary key of ``entries``.
        account: the account while the round is open.
        account_ended: the account when the operation ends its round at once.
        amount: which movement of the operation it carries.
        sign: +1 or -1.
    """

    number: int
    account: Account
    account_ended: Account
    amount: str
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What an accepted operation moved, in minor units."""

    stake: int
    payout: int
    funding: int
    ends_round: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a transaction."""

    leg: int
    account: Account
    amount: int


def _pair(
    first: int, amount: str, sign: int, against: Account, ended: Account
) -> tuple[Leg, Leg]:
    wallet = Account.PLAYER_WALLET
    return (
        Leg(number=first, account=wallet, account_ended=wallet, amount=amount, sign=sign),
        Leg(number=first + 1, account=against, account_ended=ended, amount=amount, sign=-sign),
    )


#: Stake leaves the wallet, payout and funding come into it. While a round is open the other
#: side is the round's clearing; an operation that ends its round goes straight to GGR.
LEGS: tuple[Leg, ...] = (
    *_pair(1, "stake", -1, Account.PROVIDER_CLEARING, Account.GGR),
    *_pair(3, "payout", 1, Account.PROVIDER_CLEARING, Account.GGR),
    *_pair(7, "funding", 1, Account.FUNDING, Account.FUNDING),
)

#: Legs of the sweep that empties an ended round's clearing into GGR.
SWEEP_CLEARING_LEG = 5
SWEEP_GGR_LEG = 6


def entries_of(movement: Movement) -> tuple[Entry, ...]:
    """The entries of one accepted operation; they sum to zero. Nothing moved: none."""
    return tuple(_entries(movement))


def _entries(movement: Movement) -> Iterator[Entry]:
    amounts = {
        "stake": movement.stake,
        "payout": movement.payout,
        "funding": movement.funding,
    }
    for leg in LEGS:
        amount = leg.sign * amounts[leg.amount]
        if amount != 0:
            account = leg.account_ended if movement.ends_round else leg.account
            yield Entry(leg.number, account, amount)


def sweep_of(due: int) -> tuple[Entry, ...]:
    """The entries that move what is left in an ended round's clearing to GGR.

    Args:
        due: stake less payout less what was swept already; may be negative.
    """
    if due == 0:
        return ()
    return (
        Entry(SWEEP_CLEARING_LEG, Account.PROVIDER_CLEARING, -due),
        Entry(SWEEP_GGR_LEG, Account.GGR, due),
    )


def legs_sql() -> str:
    """LEGS as a SQL VALUES list over the columns of ``operations o``."""
    amounts = {
        "stake": "o.stake",
        "payout": "o.payout",
        "funding": "(o.amount - o.payout + o.stake)",
    }
    return ", ".join(
        f"({leg.number}::smallint, CASE WHEN o.ends_round THEN '{leg.account_ended}'"
        f" ELSE '{leg.account}' END::account_kind, {leg.sign} * {amounts[leg.amount]})"
        for leg in LEGS
    )
