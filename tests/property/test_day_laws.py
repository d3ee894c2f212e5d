"""Random people in any order: nobody signs alone, nothing signed changes silently."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconcile.days.figures import DayFigures, SideTotals, changes_between
from reconcile.days.states import (
    ClosedDay,
    DayAction,
    DayRefused,
    DayState,
    DayStatus,
    StepRequest,
    StepRules,
    check_close,
    take_step,
)
from vocabulary.errors import Malformed
from vocabulary.people import Actor, Person, PersonRefused, Role, actor_for, are_two_people
from vocabulary.window import Window

END = datetime(2026, 11, 28, tzinfo=UTC)
TWO = StepRules(two_people=True)


def person(number: int, name: str, *roles: Role, os_user: str | None = None) -> Person:
    return Person(
        person_id=number,
        name=name,
        display_name=name,
        roles=frozenset(roles or {Role.APPROVER}),
        os_user=os_user,
    )


#: Two accounts of ana, an administrator, two people with tokens, and one who left.
PEOPLE = (
    person(1, "ana", os_user="ana"),
    person(2, "ana second", os_user="ana"),
    person(3, "root", Role.ADMIN, os_user="root"),
    person(4, "ben"),
    person(5, "eve"),
    replace(person(6, "left"), disabled=True),
)
OS_USERS = ("ana", "root", "nobody")


def human_of(actor: Actor) -> str:
    """The human being at the keyboard: both accounts of ana are hers."""
    return actor.acting.name.split()[0]


class DayMachine(RuleBasedStateMachine):
    """One day, its clock, its figures, and everybody who may touch it."""

    def __init__(self) -> None:
        super().__init__()
        self.day = DayStatus(
            provider="p",
            day=date(2026, 11, 27),
            window=Window(start=END - timedelta(days=1), end=END),
            zone="UTC",
            now=END - timedelta(hours=12),
            mature_at=END + timedelta(minutes=15),
            waits_for=("the statement",),
            closed=None,
            closed_again=False,
            steps=(),
            figures=DayFigures(ours={}, theirs={}, breaks={}, state=""),
        )
        self.humans: list[str] = []

    @initialize(over=st.sampled_from([True, True, False]))
    def the_day_is_over_or_not(self, *, over: bool) -> None:
        if over:
            self.day = replace(self.day, now=END + timedelta(hours=1), waits_for=())

    @precondition(lambda self: not self.day.is_over)
    @rule(hours=st.integers(min_value=1, max_value=30))
    def time_passes(self, hours: int) -> None:
        self.day = replace(self.day, now=self.day.now + timedelta(hours=hours))

    @precondition(lambda self: self.day.waits_for)
    @rule()
    def the_feed_arrives(self) -> None:
        self.day = replace(self.day, waits_for=())

    @precondition(lambda self: len(self.day.steps) >= 2)
    @rule(ours=st.integers(-2, 2), theirs=st.integers(-2, 2), state=st.sampled_from("ab"))
    def figures_move_late(self, ours: int, theirs: int, state: str) -> None:
        self.figures_move(ours, theirs, state)

    @precondition(lambda self: len(self.day.steps) == 1)
    @rule(ours=st.integers(-1, 0))
    def figures_move_before_the_sign_off(self, ours: int) -> None:
        self.figures_move(ours, 0, "a")

    def figures_move(self, ours: int, theirs: int, state: str) -> None:
        figures = DayFigures(
            ours={"EUR": SideTotals(rounds=1, stake=ours)},
            theirs={"EUR": SideTotals(rounds=1, stake=theirs)},
            breaks={},
            state=state,
        )
        self.day = replace(self.day, figures=figures)

    @precondition(lambda self: not self.day.is_closed)
    @rule(reason=st.sampled_from(["", "they are down"]))
    def somebody_closes(self, reason: str) -> None:
        try:
            check_close(self.day, reason)
        except DayRefused:
            return
        assert self.day.is_over
        assert reason or not self.day.missing
        number = (self.day.closed.close_no if self.day.closed else 0) + 1
        closed = ClosedDay(close_no=number, closed_at=self.day.now, run_id=f"run-{number}")
        self.day = replace(self.day, closed=closed, closed_again=True)

    @rule(
        action=st.sampled_from(DayAction),
        os_user=st.sampled_from(OS_USERS),
        token=st.sampled_from([None, *PEOPLE]),
        named=st.one_of(st.none(), st.none(), st.sampled_from(PEOPLE)),
        reason=st.sampled_from(["", "because"]),
    )
    def somebody_takes_a_step(
        self,
        action: DayAction,
        os_user: str,
        token: Person | None,
        named: Person | None,
        reason: str,
    ) -> None:
        own = tuple(one for one in PEOPLE if one.os_user == os_user)
        try:
            actor = actor_for(
                None if named is None else named.name,
                os_user=os_user,
                by_token=token,
                by_os_user=own,
                named=named,
            )
            request = StepRequest(
                action=action, by=actor.person.name, eyes=actor.eyes, reason=reason
            )
            step = take_step(self.day, request, TWO)
        except (DayRefused, PersonRefused, Malformed):
            return
        again = self.day.closed_again and action is not DayAction.REOPEN
        self.day = replace(self.day, steps=(*self.day.steps, step), closed_again=again)
        self.humans.append(human_of(actor))

    @invariant()
    def no_path_signs_alone(self) -> None:
        for before, step in zip(self.day.steps, self.day.steps[1:], strict=False):
            if step.action is DayAction.SIGN:
                assert before.action is DayAction.PREPARE
                assert are_two_people(before.eyes, step.eyes)
                assert self.humans[before.number - 1] != self.humans[step.number - 1]
                assert before.figures == step.figures
        if self.day.steps:
            assert self.day.steps[0].action is DayAction.PREPARE

    @invariant()
    def nobody_who_left_takes_a_step(self) -> None:
        assert all(step.by != "left" for step in self.day.steps)

    @invariant()
    def a_step_needs_a_day_that_is_over(self) -> None:
        assert self.day.is_over or not self.day.steps

    @precondition(lambda self: self.day.steps)
    @invariant()
    def no_signed_figure_changes_silently(self) -> None:
        last = self.day.steps[-1]
        if last.action is DayAction.REOPEN:
            assert last.reason
            return
        moved = last.figures != self.day.figures
        assert (self.day.state is DayState.CHANGED) == moved
        if last.figures.ours != self.day.figures.ours:
            (change,) = changes_between(last.figures, self.day.figures)
            assert change.ours or last.figures.currencies != self.day.figures.currencies


TestDays = DayMachine.TestCase
TestDays.settings = settings(max_examples=400, stateful_step_count=40)
