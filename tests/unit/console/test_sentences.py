"""The first line of a page says how things stand, the most urgent first."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from console.sentences import (
    counted,
    day_sentence,
    nobody_owes_sentence,
    since_lines,
    today_sentence,
)
from reconcile.days.figures import DayFigures, OpenMoney, SideTotals
from reconcile.days.states import ClosedDay, DayAction, DayState, DayStatus, DayStep
from vocabulary.window import Window

DAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NO_ROUNDS = DayFigures(ours={}, theirs={}, breaks={}, state="")


def figures(payout: int = 0, *, state: str = "a") -> DayFigures:
    """One round on each side; theirs pays 0.30 more, which one open break explains."""
    return DayFigures(
        ours={"USD": SideTotals(rounds=1, stake=100, payout=payout)},
        theirs={"USD": SideTotals(rounds=1, stake=100, payout=30)},
        breaks={"USD": OpenMoney(count=1, owed=30, in_breaks=-30)},
        state=state,
    )


def status(*actions: DayAction, provider: str = "agg", **values: Any) -> DayStatus:
    """A closed day on which these steps were taken."""
    steps = tuple(
        DayStep(
            number=number,
            action=action,
            by="maria",
            eyes=frozenset({"person:1"}),
            at=NOON,
            reason="r",
            figures=figures(),
        )
        for number, action in enumerate(actions, start=1)
    )
    window = Window(
        start=datetime(2026, 11, 27, tzinfo=UTC), end=datetime(2026, 11, 28, tzinfo=UTC)
    )
    fields: dict[str, Any] = {
        "provider": provider,
        "day": DAY,
        "window": window,
        "zone": "UTC",
        "now": NOON,
        "mature_at": window.end,
        "waits_for": (),
        "closed": ClosedDay(close_no=1, closed_at=NOON, run_id="run-1"),
        "closed_again": True,
        "steps": steps,
        "figures": figures(),
    }
    return DayStatus(**{**fields, **values})


SIGNED = status(DayAction.PREPARE, DayAction.SIGN)
CHANGED = status(DayAction.PREPARE, DayAction.SIGN, figures=figures(20))
READY = status(closed=None, closed_again=False)
EMPTY = status(closed=None, closed_again=False, figures=NO_ROUNDS)
WAITING = status(closed=None, closed_again=False, waits_for=("no file arrived",))


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ([SIGNED, CHANGED], "changed after it was prepared or signed for 1 of 2 providers."),
        ([status(), SIGNED], "is ready to be signed for 1 of 2 providers."),
        ([status(), status(DayAction.PREPARE)], "is ready to be signed for all 2 providers."),
        ([SIGNED, WAITING], "waits for its feeds for 1 of 2 providers."),
        ([SIGNED], "is signed at agg."),
        ([READY, EMPTY], "can be closed for 1 of 2 providers."),
        ([EMPTY, EMPTY], "has no round for all 2 providers."),
    ],
)
def test_the_most_urgent_of_all_providers_comes_first(
    days: list[DayStatus], sentence: str
) -> None:
    assert today_sentence(days, DAY).startswith(f"Friday 27 November 2026 {sentence}")


def test_what_no_break_explains_is_summed_up_by_currency() -> None:
    assert today_sentence([SIGNED], DAY).endswith("Unexplained: 0.00 USD.")
    assert today_sentence([SIGNED, CHANGED], DAY).endswith("Unexplained: 0.20 USD.")
    assert today_sentence([EMPTY], DAY).endswith("Unexplained: nothing.")
    assert today_sentence([], DAY).startswith("No provider is configured")


def test_what_one_side_lacks_does_not_hide_what_the_other_lacks_at_another_provider() -> None:
    lacks = status(provider="lottery", figures=figures(-20))

    sentence = today_sentence([CHANGED, lacks], DAY)

    assert sentence.endswith("Unexplained: 0.20 USD, −0.20 USD.")


def test_every_state_of_a_day_has_a_sentence_with_what_comes_next() -> None:
    running = status(closed=None, closed_again=False, now=datetime(2026, 11, 27, 9, tzinfo=UTC))
    reopened = status(DayAction.PREPARE, DayAction.REOPEN, closed_again=False)
    days = [running, WAITING, READY, status(), status(DayAction.PREPARE), SIGNED, CHANGED]
    sentences = {day.state: day_sentence(day) for day in [*days, reopened]}

    assert sentences == {
        DayState.OPEN: "The day is not over in UTC; so far it has 1 open break.",
        DayState.WAITING: "It waits: no file arrived.",
        DayState.READY: "Everything was reported, with 1 open break. A run closes it next.",
        DayState.CLOSED: "It is closed with 1 open break. One person prepares it, another"
        " signs it.",
        DayState.PREPARED: "maria prepared it with 1 open break. Another person signs it.",
        DayState.SIGNED: "maria signed it, and nothing has changed since.",
        DayState.CHANGED: "It changed since: ours −0.20, theirs 0.00 USD, open breaks 1 → 1.",
        DayState.REOPENED: "maria reopened it: r. A run closes it again.",
    }


def test_a_break_that_moved_without_a_figure_is_told_too() -> None:
    moved = status(DayAction.PREPARE, DayAction.SIGN, figures=figures(state="b"))

    assert since_lines(moved) == ["no figure changed, but a break or a correction did"]
    assert since_lines(SIGNED) == []


def test_counts_have_their_noun() -> None:
    assert [counted(number, "day") for number in (0, 1, 1200)] == [
        *("no days", "1 day", "1\u202f200 days")
    ]


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ([], "No break is open, so nobody owes anything."),
        ([status()], "No break is open, so nobody owes anything."),
        (
            [status(), status(provider="hub", closed=None)],
            "No break is open, but no run has closed the day at hub.",
        ),
        (
            [status(closed=None), status(provider="hub", closed=None)],
            "No break is open, but no run has closed the day at 2 providers.",
        ),
    ],
)
def test_nobody_owes_anything_only_where_a_run_has_looked(
    days: list[DayStatus], sentence: str
) -> None:
    assert nobody_owes_sentence(days) == sentence
