"""A scenario and its result."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from simulator.conformance.session import ConformanceSession, ScenarioStep
from simulator.conformance.target import ConformanceTarget, LedgerHooks

Play = Callable[[ConformanceSession], Awaitable[None]]
#: Why a scenario cannot be played, or an empty text.
Hindrance = Callable[[ConformanceTarget, LedgerHooks], str]


class ScenarioOutcome(StrEnum):
    """How a scenario ended; the value is printed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that must hold.

    Attributes:
        says: the rule in a sentence.
        hindered: why it does not apply to a target.
    """

    name: str
    says: str
    play: Play
    hindered: Hindrance


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """The result of one scenario.

    Attributes:
        reason: why it was not applicable, else empty.
        steps: what was sent, in order; the last one is the one that failed, if one did.
    """

    scenario: Scenario
    result: ScenarioOutcome
    reason: str
    steps: tuple[ScenarioStep, ...]


def always(_subject: ConformanceTarget, _hooks: LedgerHooks) -> str:
    """Nothing prevents it."""
    return ""


def only_where(applies: Callable[[ConformanceTarget], bool], otherwise: str) -> Hindrance:
    """A hindrance with one reason."""
    return lambda target, _hooks: "" if applies(target) else otherwise


#: Undoing needs a protocol that can undo.
needs_rollbacks = only_where(
    lambda target: target.system.has_rollbacks, "the protocol has no rollback"
)
#: An order of bet and win needs them to come apart.
needs_separate_wins = only_where(
    lambda target: not target.system.bets_carry_wins, "bet and win come as one transaction"
)


def scenario(hindered: Hindrance = always) -> Callable[[Play], Scenario]:
    """Make a function a scenario that has its name; its docstring is the rule in a sentence."""

    def decorate(play: Play) -> Scenario:
        rule = (play.__doc__ or "").removesuffix(".")
        says = rule[:1].lower() + rule[1:]
        return Scenario(name=play.__name__, says=says, play=play, hindered=hindered)

    return decorate
