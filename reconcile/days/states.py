"""The states of a business day, and which step may follow. Pure.

::

    open ─► waiting for feed ─► ready ─► closed ─► prepared ─► signed
                                           ▲          └─────────┴──► reopened
                                           └────────────────────────────┘

A prepared or signed day whose figures differ from those of its last step is *changed since*,
without anybody doing anything. The database checks the steps again (storage/schema/days.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn

from reconcile.days.figures import DayFigures
from vocabulary.clock import iso
from vocabulary.errors import NotAllowed
from vocabulary.people import Right, are_two_people
from vocabulary.window import Window


class DayRefused(NotAllowed):
    """The rules do not allow a step of a day; nothing was changed."""


class DayState(StrEnum):
    """The state of a business day of a provider; a closed set."""

    OPEN = "open"
    WAITING = "waiting for feed"
    READY = "ready"
    CLOSED = "closed"
    PREPARED = "prepared"
    SIGNED = "signed"
    CHANGED = "changed since"
    REOPENED = "reopened"


class DayAction(StrEnum):
    """What people do to a closed day; a closed set."""

    PREPARE = "prepared"
    SIGN = "signed"
    REOPEN = "reopened"

    @property
    def right(self) -> Right:
        """The right that a person needs for it."""
        return _RIGHTS[self]


_RIGHTS = {
    DayAction.PREPARE: Right.PREPARE_DAYS,
    DayAction.SIGN: Right.SIGN_DAYS,
    DayAction.REOPEN: Right.REOPEN_DAYS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStep:
    """One step that a person took.

    Attributes:
        number: 1, 2, 3 … within the day.
        by: the person's name.
        eyes: the accounts and operating-system users behind it.
        figures: both sides and the breaks as they were.
        two_people: whether the settings asked for a second person.
    """

    number: int
    action: DayAction
    by: str
    eyes: frozenset[str]
    at: datetime
    reason: str
    figures: DayFigures
    two_people: bool = True
    run_id: str | None = None
    seal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDay:
    """The close of a day by a run.

    Attributes:
        close_no: grows with every close of any day.
        reason: why it was closed although something was missing; empty: nothing was.
    """

    close_no: int
    closed_at: datetime
    run_id: str | None
    reason: str = ""
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """Everything that decides the state of a day.

    Attributes:
        waits_for: what its feeds have not reported.
        mature_at: when nothing of it can be late any more.
        closed: its last close, which counts only if ``closed_again``.
        closed_again: whether that close is later than the last reopening.
        steps: what people did, in order.
        figures: both sides and the breaks now.
        rows_left: its rows left for archives, so no run compares it again: its close stands.
    """

    provider: str
    day: date
    window: Window
    zone: str
    now: datetime
    mature_at: datetime
    waits_for: tuple[str, ...]
    closed: ClosedDay | None
    closed_again: bool
    steps: tuple[DayStep, ...]
    figures: DayFigures
    rows_left: bool = False

    @property
    def last(self) -> DayStep | None:
        """The last step, or None."""
        return self.steps[-1] if self.steps else None

    @property
    def is_over(self) -> bool:
        """Whether the day has ended in its zone."""
        return self.window.end <= self.now

    @property
    def is_closed(self) -> bool:
        """Whether a run closed it, after the last reopening unless none can any more."""
        return self.closed is not None and (self.closed_again or self.rows_left)

    @property
    def has_changed(self) -> bool:
        """Whether a figure or a break differs from the last step, if that fixed figures."""
        last = self.last
        fixed = last is not None and last.action is not DayAction.REOPEN
        return fixed and last is not None and last.figures != self.figures

    @property
    def state(self) -> DayState:
        """The state that follows from the rest."""
        last = self.last
        if last is not None and last.action is not DayAction.REOPEN:
            if self.has_changed:
                return DayState.CHANGED
            signed = last.action is DayAction.SIGN
            return DayState.SIGNED if signed else DayState.PREPARED
        if self.is_closed:
            return DayState.CLOSED
        if last is not None:
            return DayState.REOPENED
        if not self.is_over:
            return DayState.OPEN
        is_complete = self.mature_at <= self.now and not self.waits_for
        return DayState.READY if is_complete else DayState.WAITING

    @property
    def missing(self) -> tuple[str, ...]:
        """What a close must be given a reason for."""
        if self.now < self.mature_at:
            return (*self.waits_for, f"records may be late until {iso(self.mature_at)}")
        return self.waits_for


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRules:
    """What the settings ask of steps.

    Attributes:
        two_people: whether a second person signs what the first prepared.
        accepts: by currency, the open money (gross, minor units) that needs no reason.
    """

    two_people: bool
    accepts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """A step that a person wants to take; see ``DayStep``."""

    action: DayAction
    by: str
    eyes: frozenset[str]
    reason: str = ""


def check_close(day: DayStatus, reason: str) -> None:
    """Check that a run may close a day.

    Raises:
        DayRefused: it is not over, something is missing without a reason, or it is signed.
    """
    if not day.is_over:
        raise DayRefused(
            f"{day.day} of {day.provider} is not over in {day.zone} before"
            f" {iso(day.window.end)}"
        )
    last = day.last
    if last is not None and last.action is not DayAction.REOPEN:
        raise DayRefused(
            f"{day.day} of {day.provider} was {last.action} by {last.by}: reopen it first"
        )
    if day.rows_left:
        raise DayRefused(
            f"{day.day} of {day.provider}: its rows left for archives, so no run compares it"
            " again: `tieout day prepare --reason` takes what was signed and what came since"
        )
    if day.missing and not reason.strip():
        raise DayRefused(
            f"{day.day} of {day.provider}: {'; '.join(day.missing)}. Wait, or close it with"
            " --reason"
        )


def take_step(day: DayStatus, request: StepRequest, rules: StepRules) -> DayStep:
    """Take a step, or refuse it.

    Raises:
        DayRefused: the state, a missing reason or the same person do not allow it.
    """
    match request.action:
        case DayAction.PREPARE:
            _check_prepare(day, request, rules)
        case DayAction.SIGN:
            _check_sign(day, request, rules)
        case DayAction.REOPEN:
            _check_reopen(day, request, rules)
    return DayStep(
        number=len(day.steps) + 1,
        action=request.action,
        by=request.by,
        eyes=request.eyes,
        at=day.now,
        reason=request.reason.strip(),
        figures=day.figures,
        two_people=rules.two_people,
        run_id=None if day.closed is None else day.closed.run_id,
    )


def _check_prepare(day: DayStatus, request: StepRequest, rules: StepRules) -> None:
    last = day.last
    if last is not None and last.action is DayAction.SIGN:
        _refuse(day, "it is signed: reopen it first")
    if day.state is DayState.OPEN:
        _refuse(day, f"it is open until {iso(day.window.end)}")
    if not day.is_closed:
        _refuse(day, f"it is {day.state}: `tieout day close` comes first")
    if day.rows_left and not request.reason.strip():
        _refuse(day, "no run compared what came since its rows left: --reason is expected")
    _check_open_breaks(day, request, rules)


def _check_sign(day: DayStatus, request: StepRequest, rules: StepRules) -> None:
    last = day.last
    if last is not None and last.action is DayAction.SIGN:
        _refuse(day, f"it was signed by {last.by}; a change needs it to be reopened first")
    if not rules.two_people:
        _check_prepare(day, request, rules)
        return
    if last is None or last.action is not DayAction.PREPARE:
        _refuse(day, f"it is {day.state}: `tieout day prepare` by another person comes first")
    if day.has_changed:
        _refuse(day, f"it changed since {last.by} prepared it: prepare it again")
    if not are_two_people(last.eyes, request.eyes):
        _refuse(day, f"{last.by} prepared it: another person signs it")


def _check_reopen(day: DayStatus, request: StepRequest, rules: StepRules) -> None:
    last = day.last
    if last is None or last.action is DayAction.REOPEN:
        _refuse(day, f"it is {day.state}: nothing is prepared or signed")
    if not request.reason.strip():
        _refuse(day, "a reason is expected")
    signed = last.action is DayAction.SIGN
    if signed and rules.two_people and not are_two_people(last.eyes, request.eyes):
        _refuse(day, f"{last.by} signed it: another person reopens it")


def _check_open_breaks(day: DayStatus, request: StepRequest, rules: StepRules) -> None:
    accepted = dict(rules.accepts)
    beyond = [
        text
        for text, currency, gross in day.figures.open_texts()
        if gross > accepted.get(currency, -1)
    ]
    if beyond and not request.reason.strip():
        _refuse(day, f"open breaks: {', '.join(beyond)}; --reason is expected")


def _refuse(day: DayStatus, why: str) -> NoReturn:
    raise DayRefused(f"{day.day} of {day.provider}: {why}")


def last_signed(steps: Sequence[DayStep]) -> DayStep | None:
    """The last step that signed the day, even if it was reopened since."""
    return next((step for step in reversed(steps) if step.action is DayAction.SIGN), None)
