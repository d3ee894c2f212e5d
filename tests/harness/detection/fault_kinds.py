"""The kinds of fault that can be caused from outside, and the providers they can strike."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.harness.detection.month import BY_TRANSACTION, WITH_BALANCES, System

_EVERY = frozenset(System)
_NAMED = _EVERY - {System.UNNAMED}
#: The providers whose history can have another currency than ours; the aggregator's has one by
#: agreement.
_FILES = frozenset({System.XIGS, System.SPORTSBOOK, System.AGENT})


class FaultKind(StrEnum):
    """What goes wrong."""

    DROPPED = "a line is not reported"
    UNANSWERED = "booked and never answered"
    PHANTOM = "a line of a round that never was"
    LOST = "a round whose callbacks never came"
    LOST_DRIFT = "the same, and later balances show it"
    STAKE = "another stake is reported"
    PAYOUT = "another payout is reported"
    BOTH = "both amounts are reported wrong"
    PLAYER = "reported for another player"
    RESPELLED = "reported under its id in another case"
    CURRENCY = "reported in another currency"
    NET = "a net that is not the sum"
    AFTER = "a balance that does not follow"
    TAKEN_BACK = "reported as rolled back, though it stands"
    UNDO_UNREPORTED = "rolled back, but reported as standing"
    TWICE = "a repeated line"
    TWICE_WRONG = "a repeated wrong line"
    TOTALS = "other totals at the round's end"
    OVERDUE = "a round that is never ended"
    LATE = "an original after its rollback"
    ORPHAN = "a rollback of what never came"
    CONFLICT = "a repeat with other content"
    LOGGED_NOT_RECEIVED = "a logged callback that never came"
    DISPUTED = "logged with another answer"
    BEFORE = "one wrong balance"
    DRIFT = "wrong balances from here on"
    TWINS = "one of two alike is reported, and no balance helps"
    RETURNED = "one of two alike at one balance is reported"
    BELOW_ZERO = "a spent win is rolled back"
    UNREADABLE = "an unreadable line"
    RESTATED = "restated after the close, correctly"
    RESTATED_WRONG = "restated after the close, wrongly"
    NOT_YET_REPORTED = "a line not reported yet"
    NOT_YET_RECEIVED = "callbacks not received yet"
    WIN_UNREPORTED = "reported, but without its win so far"
    WIN_NOT_RECEIVED = "a win not received yet"
    UNDO_NOT_YET_REPORTED = "rolled back, and reported as standing so far"
    WRONG_WHILE_IMMATURE = "another payout than the one under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its kind, the play it strikes, its amount, and its variant."""

    kind: FaultKind
    play: int
    by: int
    variant: int
    other: str


#: Faults that strike only the last hour of a month.
OF_THE_LAST_HOUR = frozenset(
    {
        FaultKind.NOT_YET_REPORTED,
        FaultKind.NOT_YET_RECEIVED,
        FaultKind.WIN_UNREPORTED,
        FaultKind.WIN_NOT_RECEIVED,
        FaultKind.UNDO_NOT_YET_REPORTED,
        FaultKind.WRONG_WHILE_IMMATURE,
    }
)

#: The providers that each fault may strike.
POSSIBLE: Mapping[FaultKind, frozenset[System]] = {
    FaultKind.DROPPED: _EVERY,
    FaultKind.UNANSWERED: _EVERY,
    FaultKind.PHANTOM: _EVERY,
    FaultKind.LOST: _EVERY,
    FaultKind.LOST_DRIFT: frozenset({System.NAMED}),
    FaultKind.STAKE: _EVERY,
    FaultKind.PAYOUT: _EVERY,
    FaultKind.BOTH: _EVERY - {System.SPORTSBOOK},
    FaultKind.PLAYER: _EVERY,
    FaultKind.RESPELLED: _NAMED,
    FaultKind.CURRENCY: _FILES,
    FaultKind.NET: WITH_BALANCES,
    FaultKind.AFTER: WITH_BALANCES,
    FaultKind.TAKEN_BACK: frozenset({System.XIGS, System.SPORTSBOOK}),
    FaultKind.UNDO_UNREPORTED: BY_TRANSACTION,
    FaultKind.TWICE: _FILES,
    FaultKind.TWICE_WRONG: _FILES,
    FaultKind.TOTALS: WITH_BALANCES,
    FaultKind.OVERDUE: frozenset({System.XIGS, System.NAMED, System.UNNAMED}),
    FaultKind.LATE: BY_TRANSACTION,
    FaultKind.ORPHAN: BY_TRANSACTION,
    FaultKind.CONFLICT: _EVERY,
    FaultKind.LOGGED_NOT_RECEIVED: frozenset({System.XIGS}),
    FaultKind.DISPUTED: frozenset({System.XIGS}),
    FaultKind.BEFORE: WITH_BALANCES,
    FaultKind.DRIFT: frozenset({System.NAMED}),
    FaultKind.TWINS: frozenset({System.UNNAMED}),
    FaultKind.RETURNED: frozenset({System.UNNAMED}),
    FaultKind.BELOW_ZERO: frozenset({System.SPORTSBOOK}),
    FaultKind.UNREADABLE: _EVERY,
    FaultKind.RESTATED: _EVERY,
    FaultKind.RESTATED_WRONG: _NAMED,
    FaultKind.NOT_YET_REPORTED: _NAMED,
    FaultKind.NOT_YET_RECEIVED: _NAMED,
    FaultKind.WIN_UNREPORTED: frozenset({System.NAMED, System.XIGS, System.AGENT}),
    FaultKind.WIN_NOT_RECEIVED: frozenset({System.NAMED, System.XIGS}),
    FaultKind.UNDO_NOT_YET_REPORTED: BY_TRANSACTION,
    FaultKind.WRONG_WHILE_IMMATURE: frozenset({System.NAMED, System.XIGS, System.AGENT}),
}
