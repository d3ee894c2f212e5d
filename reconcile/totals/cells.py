"""Where a round counts, and what one side of a cell adds up to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One side of a cell; amounts in minor units, less rollbacks.

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

    @classmethod
    def of(cls, values: Iterable[int]) -> "Figures":
        """Figures in the order of ``FIGURE_NAMES``."""
        rounds, bets, wins, rollbacks, stake, payout = values
        return cls(
            rounds=rounds,
            bets=bets,
            wins=wins,
            rollbacks=rollbacks,
            stake=stake,
            payout=payout,
        )

    def __add__(self, other: "Figures") -> "Figures":
        return self._combined(other, 1)

    def __sub__(self, other: "Figures") -> "Figures":
        return self._combined(other, -1)

    def _combined(self, other: "Figures", sign: int) -> "Figures":
        return Figures(
            **{
                figure.name: getattr(self, figure.name) + sign * getattr(other, figure.name)
                for figure in fields(self)
            }
        )

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: stakes less payouts."""
        return self.stake - self.payout


#: The figures of a side, in the order of ``Figures``.
FIGURE_NAMES = tuple(figure.name for figure in fields(Figures))
#: A side without any round.
NO_FIGURES = Figures()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGgr:
    """GGR of both sides on one business day in one currency, in minor units."""

    day: date
    currency: str
    ours: int
    theirs: int
