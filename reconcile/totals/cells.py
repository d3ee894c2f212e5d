"""Where a round counts, and what one side of a cell adds up to. Pure."""

from dataclasses import dataclass
from datetime import date
from operator import add, sub
from typing import NamedTuple

#: The game of a round if no record of the provider shows it.
UNKNOWN_GAME = "unknown"


class TotalsCell(NamedTuple):
    """Where a round counts: the business day on which it began, its game, its currency.

    A tuple, because a page sorts thousands of them and looks each up several times.
    """

    day: date
    game: str
    currency: str


class Figures(NamedTuple):
    """One side of a cell; amounts in minor units, less rollbacks. A tuple as ``TotalsCell``.

    Attributes:
        rounds: those that began on that day.
        bets, wins: our operations, or the provider's records with a stake or a payout.
        rollbacks: our operations, or the provider's records that roll a round back.
    """

    rounds: int = 0
    bets: int = 0
    wins: int = 0
    rollbacks: int = 0
    stake: int = 0
    payout: int = 0

    def __add__(self, other: "Figures") -> "Figures":  # type: ignore[override] # it adds figures
        return Figures(*map(add, self, other))

    def __sub__(self, other: "Figures") -> "Figures":
        return Figures(*map(sub, self, other))

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: stakes less payouts."""
        return self.stake - self.payout


#: The figures of a side, in the order of ``Figures``.
FIGURE_NAMES = Figures._fields
#: A side without any round.
NO_FIGURES = Figures()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGgr:
    """GGR of both sides on one business day in one currency, in minor units."""

    day: date
    currency: str
    ours: int
    theirs: int
