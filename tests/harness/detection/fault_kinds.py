"""What can go wrong with a month from outside, and at whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.harness.detection.month import BY_TRANSACTION, WITH_BALANCES, System

_EVERY = frozenset(System)
_NAMED = _EVERY - {System.UNNAMED}
#: Whose history can name another currency than ours: the aggregator's has one by agreement.
_FILES = frozenset({System.XIGS, System.SPORTSBOOK, System.AGENT})


class Lie(StrEnum):
    """What goes wrong."""

    DROPPED = "a line is not told"
    PHANTOM = "a line of a round that never was"
    LOST = "a round whose callbacks never came"
    LOST_DRIFT = "the same, and later balances tell it"
    STAKE = "another stake is told"
    PAYOUT = "another payout is told"
    BOTH = "both amounts are told otherwise"
    PLAYER = "told of another player"
    CURRENCY = "told in another currency"
    NET = "a net that is not the sum"
    AFTER = "a balance that does not follow"
    TAKEN_BACK = "told as taken back, though it stands"
    UNDO_UNTOLD = "taken back, but told as standing"
    TWICE = "a line told again"
    TWICE_WRONG = "a wrong line told again"
    TOTALS = "other totals at the round's end"
    OVERDUE = "a round that is never ended"
    LATE = "an original after its rollback"
    ORPHAN = "a rollback of what never came"
    CONFLICT = "a repeat with other content"
    UNHEARD = "a logged callback that never came"
    DISPUTED = "logged with another answer"
    BEFORE = "a balance told wrong once"
    DRIFT = "balances off from here on"
    TWINS = "of two alike one is told, where no balance helps"
    RETURNED = "of two alike at one balance one is told"
    BELOW_ZERO = "a spent win is taken back"
    UNREADABLE = "a line nobody can read"
    RESTATED = "told otherwise after the close, rightly now"
    RESTATED_WRONG = "told otherwise after the close, wrongly now"
    YET_UNTOLD = "a line not told so far"
    YET_UNHEARD = "callbacks that have not come so far"
    WIN_UNTOLD = "told, but so far without its win"
    WIN_UNHEARD = "a win that has not come so far"
    UNDO_YET_UNTOLD = "taken back, and so far told as standing"
    WRONG_WHILE_YOUNG = "another payout than the one under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what, in which play, by how much, in which of its variants."""

    lie: Lie
    play: int
    by: int
    variant: int
    other: str


#: What strikes the last hour of a month, and nothing else does.
OF_THE_LAST_HOUR = frozenset(
    {
        Lie.YET_UNTOLD,
        Lie.YET_UNHEARD,
        Lie.WIN_UNTOLD,
        Lie.WIN_UNHEARD,
        Lie.UNDO_YET_UNTOLD,
        Lie.WRONG_WHILE_YOUNG,
    }
)

#: Where a fault may strike.
POSSIBLE: Mapping[Lie, frozenset[System]] = {
    Lie.DROPPED: _EVERY,
    Lie.PHANTOM: _EVERY,
    Lie.LOST: _EVERY,
    Lie.LOST_DRIFT: frozenset({System.NAMED}),
    Lie.STAKE: _EVERY,
    Lie.PAYOUT: _EVERY,
    Lie.BOTH: _EVERY - {System.SPORTSBOOK},
    Lie.PLAYER: _EVERY,
    Lie.CURRENCY: _FILES,
    Lie.NET: WITH_BALANCES,
    Lie.AFTER: WITH_BALANCES,
    Lie.TAKEN_BACK: frozenset({System.XIGS, System.SPORTSBOOK}),
    Lie.UNDO_UNTOLD: BY_TRANSACTION,
    Lie.TWICE: _FILES,
    Lie.TWICE_WRONG: _FILES,
    Lie.TOTALS: WITH_BALANCES,
    Lie.OVERDUE: frozenset({System.XIGS, System.NAMED, System.UNNAMED}),
    Lie.LATE: BY_TRANSACTION,
    Lie.ORPHAN: BY_TRANSACTION,
    Lie.CONFLICT: _EVERY,
    Lie.UNHEARD: frozenset({System.XIGS}),
    Lie.DISPUTED: frozenset({System.XIGS}),
    Lie.BEFORE: WITH_BALANCES,
    Lie.DRIFT: frozenset({System.NAMED}),
    Lie.TWINS: frozenset({System.UNNAMED}),
    Lie.RETURNED: frozenset({System.UNNAMED}),
    Lie.BELOW_ZERO: frozenset({System.SPORTSBOOK}),
    Lie.UNREADABLE: _EVERY,
    Lie.RESTATED: _EVERY,
    Lie.RESTATED_WRONG: _NAMED,
    Lie.YET_UNTOLD: _NAMED,
    Lie.YET_UNHEARD: _NAMED,
    Lie.WIN_UNTOLD: frozenset({System.NAMED, System.XIGS, System.AGENT}),
    Lie.WIN_UNHEARD: frozenset({System.NAMED, System.XIGS}),
    Lie.UNDO_YET_UNTOLD: BY_TRANSACTION,
    Lie.WRONG_WHILE_YOUNG: frozenset({System.NAMED, System.XIGS, System.AGENT}),
}
