"""The states of a business day, and the steps that are refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from reconcile.days.figures import (
    DayFigures,
    OpenMoney,
    SideTotals,
    changes_between,
    stored_figures,
)
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
from vocabulary.money import MINOR_MAX
from vocabulary.window import Window

START = datetime(2026, 11, 26, 23, tzinfo=UTC)
END = START + timedelta(days=1)
TWO, ONE = StepRules(two_people=True), StepRules(two_people=False)


def figures(
    ours: int = 1000, theirs: int = 1000, *, state: str = "s", count: int = 0
) -> DayFigures:
    return DayFigures(
        ours={"EUR": SideTotals(rounds=3, stake=ours, payout=0)},
        theirs={"EUR": SideTotals(rounds=3, stake=theirs, payout=0)},
        breaks={"EUR": OpenMoney(count=count, owed=300, owing=-74)} if count else {},
        state=state,
    )


def business_day(now: datetime = END + timedelta(hours=2), **changes: object) -> DayStatus:
    day = DayStatus(
        provider="lottery",
        day=date(2026, 11, 27),
        window=Window(start=START, end=END),
        zone="Europe/Warsaw",
        now=now,
        mature_at=END + timedelta(minutes=15),
        waits_for=(),
        closed=None,
        closed_again=False,
        steps=(),
        figures=figures(),
    )
    return replace(day, **changes)  # type: ignore[arg-type]


def closed_day(**changes: object) -> DayStatus:
    closed = ClosedDay(close_no=7, closed_at=END, run_id="run-1")
    return business_day(closed=closed, closed_again=True, **changes)  # type: ignore[arg-type]


def after(day: DayStatus, *steps: tuple[DayAction, str], rules: StepRules = TWO) -> DayStatus:
    """The day after people took steps; each name is a person of their own."""
    for action, name in steps:
        request = StepRequest(
            action=action, by=name, eyes=frozenset({f"person:{name}"}), reason="because"
        )
        step = take_step(day, request, rules)
        again = action is not DayAction.REOPEN and day.closed_again
        day = replace(day, steps=(*day.steps, step), closed_again=again)
    return day


PREPARE, SIGN, REOPEN = DayAction.PREPARE, DayAction.SIGN, DayAction.REOPEN


def test_a_day_goes_from_open_to_signed() -> None:
    waiting = business_day(waits_for=("no statement",))
    closed = closed_day()
    prepared = after(closed, (PREPARE, "ana"))
    signed = after(prepared, (SIGN, "ben"))

    assert business_day(now=START).state is DayState.OPEN
    assert waiting.state is DayState.WAITING
    assert business_day(now=END).state is DayState.WAITING
    assert business_day().state is DayState.READY
    assert closed.state is DayState.CLOSED
    assert (prepared.state, signed.state) == (DayState.PREPARED, DayState.SIGNED)
    assert after(signed, (REOPEN, "eve")).state is DayState.REOPENED


def test_a_day_half_a_year_ahead_is_not_closed_even_with_a_reason() -> None:
    ahead = business_day(now=END - timedelta(days=180))

    with pytest.raises(
        DayRefused, match="is not over in Europe/Warsaw before 2026-11-27T23:00"
    ):
        check_close(ahead, "I know")


@pytest.mark.parametrize(
    ("day", "missing"),
    [
        (business_day(waits_for=("no statement of 2026-11-27 was taken in",)), "no statement"),
        (business_day(now=END + timedelta(minutes=1)), "records may be late until"),
    ],
    ids=["feed", "maturity"],
)
def test_a_half_heard_day_is_closed_only_with_a_reason(day: DayStatus, missing: str) -> None:
    with pytest.raises(DayRefused, match=missing):
        check_close(day, " ")
    check_close(day, "they are down until Monday")


@pytest.mark.parametrize("name", ["ana", "ana second"])
def test_nobody_signs_what_they_prepared(name: str) -> None:
    prepared = after(closed_day(), (PREPARE, "ana"))
    eyes = frozenset({f"person:{name}", "os:ana"})
    first = replace(prepared.steps[0], eyes=frozenset({"person:ana", "os:ana"}))

    with pytest.raises(DayRefused, match="ana prepared it: another person signs it"):
        take_step(
            replace(prepared, steps=(first,)), StepRequest(action=SIGN, by=name, eyes=eyes), TWO
        )


def test_who_signed_does_not_reopen_alone() -> None:
    signed = after(closed_day(), (PREPARE, "ana"), (SIGN, "ben"))

    with pytest.raises(DayRefused, match="ben signed it: another person reopens it"):
        after(signed, (REOPEN, "ben"))
    assert after(signed, (REOPEN, "ana")).state is DayState.REOPENED


@pytest.mark.parametrize(
    ("day", "action", "message"),
    [
        (business_day(), PREPARE, "it is ready: `tieout day close` comes first"),
        (business_day(), SIGN, "it is ready: `tieout day prepare` by another person"),
        (closed_day(), SIGN, "it is closed: `tieout day prepare` by another person"),
        (closed_day(), REOPEN, "nothing is prepared or signed"),
        (after(closed_day(), (PREPARE, "a"), (SIGN, "b")), SIGN, "it was signed by b"),
        (after(closed_day(), (PREPARE, "a"), (SIGN, "b")), PREPARE, "reopen it first"),
        (
            after(closed_day(), (PREPARE, "a"), (REOPEN, "c")),
            PREPARE,
            "it is reopened: `tieout day close`",
        ),
    ],
)
def test_a_step_out_of_order_is_refused(
    day: DayStatus, action: DayAction, message: str
) -> None:
    with pytest.raises(DayRefused, match=message):
        after(day, (action, "eve"))


def test_a_reopened_day_is_closed_prepared_and_signed_again() -> None:
    reopened = after(closed_day(), (PREPARE, "a"), (SIGN, "b"), (REOPEN, "a"))

    check_close(reopened, "")
    again = after(replace(reopened, closed_again=True), (PREPARE, "a"), (SIGN, "b"))
    assert again.state is DayState.SIGNED


def test_a_prepared_or_signed_day_is_not_closed_again() -> None:
    with pytest.raises(DayRefused, match="was signed by b: reopen it first"):
        check_close(after(closed_day(), (PREPARE, "a"), (SIGN, "b")), "again")


def test_a_figure_a_break_or_a_correction_that_moves_makes_a_signed_day_changed_since() -> None:
    signed = after(closed_day(), (PREPARE, "a"), (SIGN, "b"))

    for moved in (figures(ours=1030), figures(theirs=970), figures(state="other")):
        assert replace(signed, figures=moved).state is DayState.CHANGED
    assert replace(signed, figures=figures()).state is DayState.SIGNED


def test_what_changed_since_the_preparation_is_not_signed() -> None:
    prepared = after(closed_day(), (PREPARE, "a"))
    changed = replace(prepared, figures=figures(ours=1))

    with pytest.raises(DayRefused, match="it changed since a prepared it: prepare it again"):
        after(changed, (SIGN, "b"))
    assert after(changed, (PREPARE, "a"), (SIGN, "b")).state is DayState.SIGNED


def test_open_breaks_are_named_by_count_and_money_and_need_a_reason_or_a_policy() -> None:
    day = closed_day(figures=figures(count=2))
    request = StepRequest(action=PREPARE, by="a", eyes=frozenset({"person:a"}))
    accepts = replace(TWO, accepts=(("EUR", 374),))

    with pytest.raises(DayRefused, match=r"open breaks: 2 of \+3\.00 and -0\.74 EUR; --reason"):
        take_step(day, request, TWO)
    with pytest.raises(DayRefused, match="open breaks"):
        take_step(day, request, replace(TWO, accepts=(("EUR", 373),)))
    assert take_step(day, request, accepts).number == 1
    assert take_step(day, replace(request, reason="asked them"), TWO).reason == "asked them"


def test_where_the_settings_ask_for_one_person_they_sign_without_preparing() -> None:
    assert after(closed_day(), (SIGN, "a"), rules=ONE).state is DayState.SIGNED


def test_changes_since_sign_off_are_told_by_side() -> None:
    (change,) = changes_between(figures(), figures(ours=1030, theirs=970, count=1))

    assert (change.currency, change.ours, change.theirs) == ("EUR", 30, -30)
    assert (change.open_before, change.open_now) == (0, 1)
    assert changes_between(figures(), figures(state="other")) == []


@pytest.mark.parametrize("many", [3, 100])  # a hundred are beyond 64 bits
def test_the_sums_of_a_day_may_be_larger_than_any_amount(many: int) -> None:
    day = figures(many * MINOR_MAX, -many * MINOR_MAX)

    assert stored_figures(day.to_json(), {}) == day


def test_stored_figures_are_the_same_figures() -> None:
    day = figures(ours=1234, theirs=-5, count=2)

    assert stored_figures(day.to_json(), {}) == day


def test_what_no_break_explains_is_unexplained() -> None:
    day = replace(
        figures(1000, 1031), breaks={"EUR": OpenMoney(count=1, owing=-30, in_breaks=30)}
    )

    assert (day.difference("EUR"), day.unexplained("EUR")) == (31, 1)


def test_a_day_whose_rows_left_is_signed_again_without_another_close() -> None:
    signed = after(closed_day(rows_left=True), (PREPARE, "maria"), (SIGN, "jonas"))
    reopened = after(signed, (REOPEN, "maria"))
    again = after(reopened, (PREPARE, "maria"), (SIGN, "jonas"))

    assert (reopened.state, again.state) == (DayState.CLOSED, DayState.SIGNED)
    with pytest.raises(DayRefused, match="no run compares it again"):
        check_close(reopened, "a late win")
    silent = StepRequest(action=PREPARE, by="maria", eyes=frozenset({"person:maria"}))
    with pytest.raises(DayRefused, match="--reason is expected"):
        take_step(reopened, silent, TWO)
