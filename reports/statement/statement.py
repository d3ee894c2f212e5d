"""What a statement says beside the figures of the runs: days, people, corrections, breaks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from reconcile.days.states import DayStatus
from reconcile.days.sums import SidesReader
from reports.statement.bridge import Bridge
from reports.statement.roll_forward import Cuts, RollForward

#: Reads a business day as it is now, its sides by the given reader.
DayReader = Callable[[Connection, date, SidesReader], DayStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLine:
    """A correction of a round, or a write-off.

    Attributes:
        kind: ``correction`` or ``write-off``.
        amount: signed, to the player, in minor units.
        began_at: when its round began, or its break was found; None: not known.
        decided_by: who approved it; None: nobody has.
    """

    kind: str
    id: str
    break_id: str
    round_id: str
    currency: str
    amount: int
    state: str
    reason: str
    proposed_by: str
    decided_by: str | None
    decided_at: datetime | None
    began_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakWords:
    """What a person wrote about a break.

    Attributes:
        occasion: ``comment``, or the action that the text is the reason of.
        kind: of the break.
    """

    written_at: datetime
    author: str
    occasion: str
    text: str
    break_id: str
    kind: str
    currency: str
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """What a person signs, beside the figures of the runs.

    Attributes:
        entity: the company that the statement is of; empty: not set.
        days: the business days of the window, with their figures of now.
        cuts: between which instants breaks are rolled forward.
        words: comments, and reasons of actions, oldest first.
    """

    entity: str
    days: tuple[DayStatus, ...]
    cuts: Cuts
    roll_forward: tuple[RollForward, ...]
    corrections: tuple[CorrectionLine, ...]
    words: tuple[BreakWords, ...]
    bridges: tuple[Bridge, ...]
