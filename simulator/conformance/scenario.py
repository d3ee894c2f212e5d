"""What a scenario is, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from simulator.conformance.session import Stage, Step
from simulator.conformance.target import Hooks, Subject

Play = Callable[[Stage], Awaitable[None]]
#: Why a scenario cannot be played, or an empty text.
Hindrance = Callable[[Subject, Hooks], str]


class Result(StrEnum):
    """How a scenario ended; the value is printed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that must hold.

    Attributes:
        says: the rule in a sentence.
        hindered: why it does not apply to a subject.
    """

    name: str
    says: str
    play: Play
    hindered: Hindrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one scenario.

    Attributes:
        reason: why it was not applicable, else empty.
        steps: what was sent, in order; the last one is the one that failed, if one did.
    """

    scenario: Scenario
    result: Result
    reason: str
    steps: tuple[Step, ...]


def always(_subject: Subject, _hooks: Hooks) -> str:
    """Nothing stands in the way."""
    return ""


def only_where(applies: Callable[[Subject], bool], otherwise: str) -> Hindrance:
    """A hindrance with one reason."""
    return lambda subject, _hooks: "" if applies(subject) else otherwise


#: Undoing needs a protocol that can undo.
needs_rollbacks = only_where(lambda s: s.has_rollbacks, "the protocol has no rollback")
#: An order of bet and win needs them to come apart.
needs_separate_wins = only_where(
    lambda s: not s.is_one_unit, "bet and win come as one transaction"
)
