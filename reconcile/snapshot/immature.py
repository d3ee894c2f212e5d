"""Decide whether two sides of a round differ only by movements too recent to be expected.

A movement is immature while it is younger than the age configured for its kind: the other side
need not report it yet. A round that both sides report may differ because one of them holds an
immature win or rollback that the other does not hold yet. Each side lists its immature
movements, and a difference is timing exactly if some of them add up to it. Any other wrong
amount is a break at once; one that happens to equal a sum of immature movements becomes a break
when they mature.

Movements are text: ``stake,payout`` each, signed minor units, separated by ``;``. This module
is pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vocabulary.maturity import MaturityAges, RecordKind

#: Stands among the movements of a round that the provider rolled back entirely just now.
UNDONE = "u"
#: The most sums that are tried. A round with too many immature movements is a break.
SUMS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmatureSince:
    """The instant after which an operation of each kind is immature."""

    bet: datetime
    win: datetime
    rollback: datetime

    @property
    def first(self) -> datetime:
        """The instant before which everything is mature."""
        return min(self.bet, self.win, self.rollback)


def immature_since(ages: MaturityAges, now: datetime) -> ImmatureSince | None:
    """Return what is immature at ``now``; None if parts of a round never count as immature."""
    if not ages.in_part:
        return None
    bet, win, rollback = (now - ages.age_of(kind) for kind in RecordKind)
    return ImmatureSince(bet=bet, win=win, rollback=rollback)


def explained_by_immature(ours: str, theirs: str, stake: int, payout: int) -> bool:
    """Return whether immature movements explain a difference.

    The stake must be explained by the stakes of one side alone, and so must the payout. If each
    side held a movement that the other lacks, the difference could as well be a wrong amount.

    Args:
        ours: our immature movements.
        theirs: the provider's immature movements.
        stake: our stake less theirs, minor units.
        payout: our payout less theirs, minor units.
    """
    if UNDONE in theirs.split(";"):
        return True
    our_movements, their_movements = list(_parse(ours)), list(_parse(theirs))
    return all(
        _some_add_up(difference, [movement[column] for movement in our_movements])
        or _some_add_up(-difference, [movement[column] for movement in their_movements])
        for column, difference in enumerate((stake, payout))
    )


def _some_add_up(total: int, amounts: Sequence[int]) -> bool:
    """Return whether some of the amounts, or none of them, add up to ``total``."""
    sums = {0}
    for amount in amounts:
        sums |= {partial + amount for partial in sums}
        if total in sums or len(sums) > SUMS_MAX:
            break
    return total in sums


def _parse(movements: str) -> Iterator[tuple[int, int]]:
    for movement in movements.split(";"):
        if movement:
            stake, _, payout = movement.partition(",")
            yield int(stake), int(payout)
