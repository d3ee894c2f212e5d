"""What of a round is young: what the other side need not know of yet.

A round that both sides tell may differ only because a part of it is young: a win of ours that
the provider's record does not hold yet, or one of theirs that has not reached us so far. Each
side tells its young movements; a difference is timing where it is *exactly* what some of them
come to. A wrong amount is a break at once, unless it happens to be just that; then it is one as
soon as the movement is ripe.

Movements travel as text: ``stake,payout`` each, in minor units and signed, with ``;`` between.
Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vocabulary.maturity import MaturityAges, RecordKind

#: Among the movements of a round: the provider took all of it back just now.
UNDONE = "u"
#: Sums looked at; what a round with more young movements than make so many differs by is not
#: sought any further, and is a break.
SUMS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmatureSince:
    """From which instant on each kind of operation is young."""

    bet: datetime
    win: datetime
    rollback: datetime

    @property
    def first(self) -> datetime:
        """From which instant on anything is."""
        return min(self.bet, self.win, self.rollback)


def young_since(ages: MaturityAges, now: datetime) -> ImmatureSince | None:
    """What is young at an instant; None: a round that both sides tell is never young."""
    if not ages.in_part:
        return None
    bet, win, rollback = (now - ages.age_of(kind) for kind in RecordKind)
    return ImmatureSince(bet=bet, win=win, rollback=rollback)


def is_young(ours: str, theirs: str, stake: int, payout: int) -> bool:
    """Whether a difference, ours less theirs, is what young movements come to.

    The stake is explained by stakes of one side, and so is the payout: where each side has one
    that the other lacks, nothing tells that from a wrong amount.
    """
    if UNDONE in theirs.split(";"):
        return True
    mine, yours = list(_read(ours)), list(_read(theirs))
    return all(
        _comes_to(less, [each[column] for each in mine])
        or _comes_to(-less, [each[column] for each in yours])
        for column, less in enumerate((stake, payout))
    )


def _comes_to(amount: int, amounts: Sequence[int]) -> bool:
    """Whether some of the amounts, or none of them, add up to one."""
    sums = {0}
    for each in amounts:
        sums |= {one + each for one in sums}
        if amount in sums or len(sums) > SUMS_MAX:
            break
    return amount in sums


def _read(movements: str) -> Iterator[tuple[int, int]]:
    for each in movements.split(";"):
        if each:
            stake, _, payout = each.partition(",")
            yield int(stake), int(payout)
