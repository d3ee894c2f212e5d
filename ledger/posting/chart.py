"""The chart of accounts, as data; the same accounts as in ``ledger.enums`` and the database.

Entries are signed and positive means *into* the account. The usual balance of a credit account
is above zero: it holds what we owe. That of a debit account is below zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ledger.enums import Account

NormalSide = Literal["debit", "credit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """One account; the names are JSON keys.

    Attributes:
        side: its normal side; credit is a positive sum of entries.
        per: what has a balance of its own in this account.
    """

    account: Account
    side: NormalSide
    per: str
    meaning: str


_LINES: tuple[ChartLine, ...] = (
    ChartLine(
        account=Account.PLAYER_WALLET,
        side="credit",
        per="player and currency",
        meaning="money the player has with us; never below zero",
    ),
    ChartLine(
        account=Account.PROVIDER_CLEARING,
        side="credit",
        per="provider, round and currency",
        meaning="what an open round holds between stake and payout",
    ),
    ChartLine(
        account=Account.GGR,
        side="credit",
        per="provider and currency",
        meaning="stakes less payouts of ended rounds",
    ),
    ChartLine(
        account=Account.FUNDING,
        side="debit",
        per="currency",
        meaning="money that came from outside less money that went there",
    ),
    ChartLine(
        account=Account.ADJUSTMENT,
        side="debit",
        per="currency",
        meaning="corrections by hand that belong to no round",
    ),
    ChartLine(
        account=Account.SUSPENSE,
        side="debit",
        per="currency",
        meaning="money whose account is not known yet",
    ),
    ChartLine(
        account=Account.BONUS,
        side="debit",
        per="provider and currency",
        meaning="bonuses and free rounds granted to players",
    ),
    ChartLine(
        account=Account.JACKPOT,
        side="debit",
        per="provider and currency",
        meaning="jackpots paid to players",
    ),
    ChartLine(
        account=Account.PROMO,
        side="debit",
        per="provider and currency",
        meaning="promotions and tournament prizes paid to players",
    ),
    ChartLine(
        account=Account.PLAYER_RECEIVABLE,
        side="debit",
        per="player and currency",
        meaning="what the player owes us: the part of a balance below zero",
    ),
    ChartLine(
        account=Account.DIFFERENCE,
        side="debit",
        per="provider and currency",
        meaning="residuals within a tolerance and write-offs, each booked here against GGR",
    ),
)

#: Every account with its normal side and meaning, in the order of the type ``account_kind``.
CHART: Mapping[Account, ChartLine] = MappingProxyType({line.account: line for line in _LINES})
