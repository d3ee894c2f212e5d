"""Disputes as values: their lines, packs, answers, and the states that follow. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from breaks.kinds import BreakKind
from breaks.states import SETTLED, BreakState


class AnswerKind(StrEnum):
    """What a provider answers to a line; a closed set."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WILL_RESTATE = "will_restate"


#: The columns of an answer file, in the order of the template.
ANSWER_COLUMNS = (
    *("line", "round_id", "currency", "difference"),
    *("answer", "reference", "comment"),
)


class LineState(StrEnum):
    """How a line of a dispute stands; derived, never stored."""

    UNANSWERED = "unanswered"
    ACCEPTED = "accepted"
    WILL_RESTATE = "will_restate"
    REJECTED = "rejected"
    CURED = "cured"  # no run finds the break any more
    SETTLED = "settled"  # we corrected, wrote off, explained or closed the break
    TAKEN_BACK = "taken_back"  # a person works on the break again, or it returned
    DISPUTED_AGAIN = "disputed_again"  # a later dispute has the break


#: Lines whose money is still between the provider and us.
CLAIMED = frozenset(
    {LineState.UNANSWERED, LineState.ACCEPTED, LineState.WILL_RESTATE, LineState.REJECTED}
)


class DisputeState(StrEnum):
    """How a dispute stands; derived, never stored."""

    OPEN = "open"
    EXPORTED = "exported"
    ANSWERED = "answered"  # nothing is left to be answered


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAmounts:
    """What one side has of a round, minor units."""

    stake: int
    payout: int

    @property
    def ggr(self) -> int:
        """Stake less payout."""
        return self.stake - self.payout


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeAnswer:
    """What the provider answered to a line, and the file that says it.

    Attributes:
        reference, comment: the provider's own; may be empty.
        file_line: the line or row of the file.
        imported_by: the person who imported the file.
    """

    answer: AnswerKind
    reference: str
    comment: str
    file: str
    file_sha256: str
    file_line: int
    imported_by: str
    imported_at: datetime

    def says_the_same(self, other: "DisputeAnswer") -> bool:
        """Whether another answer has the same words, from whatever file."""
        words = (self.answer, self.reference, self.comment)
        return words == (other.answer, other.reference, other.comment)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLine:
    """One break of a dispute, with the amounts as they were put before the provider.

    Attributes:
        alias: the provider's own name of the round if it differs from ours; else empty.
        ours, theirs: None: that side has nothing, or not one row of its own.
        difference: the provider's GGR less ours, minor units; plus: its invoice is too high.
        difference_now: the same by the last run that found the break.
        state: see ``state_of``.
    """

    dispute_id: str
    line: int
    break_id: str
    round_id: str
    alias: str
    kind: BreakKind
    currency: str
    ours: RoundAmounts | None
    theirs: RoundAmounts | None
    difference: int
    difference_now: int
    began_at: datetime | None
    state: LineState
    answer: DisputeAnswer | None = None

    @property
    def name(self) -> str:
        """The line's id, by which an answer names it."""
        return f"{self.dispute_id}/{self.line}"

    @property
    def is_claimed(self) -> bool:
        """Whether its money is still between the provider and us."""
        return self.state in CLAIMED


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeExport:
    """A pack that was written.

    Attributes:
        number: counts the packs of one provider.
        due_at: by when the provider is asked to answer.
        document_sha256: of the JSON document in the pack.
        pack_sha256: of the whole archive.
        size: of the archive, in bytes.
    """

    number: int
    exported_by: str
    exported_at: datetime
    due_at: datetime
    document_sha256: str
    pack_sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Breaks of one provider that were put before it together.

    Attributes:
        note: to the provider; may be empty.
        exports: the oldest first.
    """

    dispute_id: str
    provider: str
    note: str
    opened_by: str
    opened_at: datetime
    lines: tuple[DisputeLine, ...]
    exports: tuple[DisputeExport, ...] = ()

    @property
    def state(self) -> DisputeState:
        """Whether a pack was written, and whether anything is left to be answered."""
        if not any(line.state is LineState.UNANSWERED for line in self.lines):
            return DisputeState.ANSWERED
        return DisputeState.EXPORTED if self.exports else DisputeState.OPEN

    @property
    def sent_at(self) -> datetime | None:
        """When its first pack was written."""
        return self.exports[0].exported_at if self.exports else None

    @property
    def due_at(self) -> datetime | None:
        """By when the last pack asked for answers."""
        return self.exports[-1].due_at if self.exports else None

    def is_overdue(self, now: datetime) -> bool:
        """Whether answers are missing after the due date."""
        due = self.due_at
        return self.state is DisputeState.EXPORTED and due is not None and due < now

    def counts(self) -> Mapping[LineState, int]:
        """The number of lines in every state that has any."""
        counts = Counter(line.state for line in self.lines)
        return {state: counts[state] for state in LineState if counts[state]}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakPosition:
    """What became of a disputed break.

    Attributes:
        since: when it entered its workflow state.
        opened_at: when it was found first, or returned.
        is_cleared: no run finds it any more.
        is_disputed_later: a later dispute has it.
    """

    state: BreakState
    since: datetime
    opened_at: datetime
    is_cleared: bool
    is_disputed_later: bool


def state_of(
    answer: AnswerKind | None, position: BreakPosition, *, opened_at: datetime
) -> LineState:
    """How a line stands, by its answer and by what became of its break.

    Args:
        answer: what the provider answered; None: nothing yet.
        position: of the break.
        opened_at: when the dispute was opened, which made the break wait.
    """
    if position.is_disputed_later:
        return LineState.DISPUTED_AGAIN
    if position.is_cleared:
        return LineState.CURED
    if position.state in SETTLED:
        return LineState.SETTLED
    if position.opened_at > opened_at:  # what is open now was never put before the provider
        return LineState.TAKEN_BACK
    if answer is AnswerKind.REJECTED:
        return LineState.REJECTED
    if position.state is not BreakState.WAITING or position.since > opened_at:
        return LineState.TAKEN_BACK
    return LineState.UNANSWERED if answer is None else LineState(answer)
