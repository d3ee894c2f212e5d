"""What pages compute from values: texts, addresses, the time axis, the state of a day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from breaks.paging import BreakOrder
from breaks.sources import SourceWord
from breaks.states import BreakChanged
from breaks.store import require_version
from console.accounts.passwords import check_password, is_password
from console.gate import login_path, safe_path
from console.pages.breaks.detail import consequence, side_rows
from console.pages.breaks.listing import csv_row, read_query
from console.rendering import age_text, money_text, printable_text, short_text, signed_text
from console.timeline import LEFT, RIGHT, WIDTH, in_order, positions, timeline_of
from reconcile.days.calendar import calendar_state
from reconcile.days.states import DayState
from tests.harness.books.tracked import NOON, tracked
from tests.unit.console.configs import config
from vocabulary.errors import Malformed


def word(second: int, source: str = "callback") -> SourceWord:
    return SourceWord(
        source=source, at=NOON + timedelta(seconds=second), id=str(second), words="said"
    )


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "EUR", "0.00"),
        (-5, "EUR", "−0.05"),
        (123_456_789, "EUR", "1\u202f234\u202f567.89"),
        (-1_000, "JPY", "−1\u202f000"),
    ],
)
def test_amounts_have_grouped_digits_and_a_real_minus(
    minor: int, currency: str, text: str
) -> None:
    assert money_text(minor, currency, {}) == text


def test_only_positive_amounts_get_a_plus() -> None:
    assert [signed_text(minor, "EUR", {}) for minor in (1, 0, -1)] == ["+0.01", "0.00", "−0.01"]


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=61), "1 h"),
        (timedelta(days=3, hours=23), "3 d"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta, text: str) -> None:
    assert age_text(age) == text


def test_long_ids_lose_their_middle_and_bytes_show_what_is_not_text() -> None:
    assert short_text("brk-12345678901234567890") == "brk-123456…1234567890"
    assert short_text("r1") == "r1"
    assert printable_text(b"a\x00\xffb\n") == "a\\x00\\xffb\n"


@pytest.mark.parametrize(
    "target",
    ["http://x/", "//x", "/\\x", "x", "", "/login?next=/", "javascript:0", "/a\nb", "///x"],
)
def test_no_address_but_a_path_of_ours_is_safe(target: str) -> None:
    assert safe_path(target) == "/"


def test_a_path_of_ours_survives_signing_in() -> None:
    path = "/breaks?state=all&q=a%26b"

    assert safe_path(path) == path
    assert login_path(path) == "/login?next=%2Fbreaks%3Fstate%3Dall%26q%3Da%2526b"
    assert login_path("/") == "/login"


def test_instants_keep_their_order_and_a_gap_is_wider_the_longer_it_is() -> None:
    instants = [NOON, NOON, NOON + timedelta(seconds=1), NOON + timedelta(days=1)]
    places = positions(instants)

    assert positions([]) == []
    assert places[0] == LEFT
    assert places[-1] == WIDTH - RIGHT
    gaps = [after - before for before, after in pairwise(places)]
    assert 0 < gaps[0] < gaps[1] < gaps[2]


def test_many_events_still_fit_the_axis() -> None:
    places = positions([NOON + timedelta(seconds=n) for n in range(200)])

    assert places == sorted(places)
    assert places[-1] <= WIDTH - RIGHT


def test_only_lanes_with_events_are_drawn_and_marks_are_numbered_by_time() -> None:
    words = in_order([word(5, "history"), word(0), word(1)])
    timeline = timeline_of(words)

    assert [name for name, _ in timeline.lanes] == ["ours", "theirs"]
    assert [(mark.number, mark.word.id) for mark in timeline.marks] == [
        (1, "0"),
        (2, "1"),
        (3, "5"),
    ]
    assert timeline_of([]).marks == ()


def test_fields_that_differ_are_marked_but_instants_prove_nothing() -> None:
    break_ = tracked(
        ours={"at": "1", "stake": "1.00", "payout": "0.00"},
        theirs={"at": "2", "stake": "1.00", "payout": "2.50"},
    )

    assert [(row.name, row.differs) for row in side_rows(break_)] == [
        ("at", False),
        ("stake", False),
        ("payout", True),
    ]
    assert side_rows(tracked(ours=None, theirs=None)) == []
    assert consequence(break_, {}) == (
        "we owe the player 2.50 EUR; the provider's GGR is lower than ours by 2.50 EUR"
    )


def test_no_cell_of_the_csv_is_a_formula() -> None:
    row = csv_row(tracked(player="=1+1", explanation="@SUM(A1)", difference=-250), config())

    assert "'=1+1" in row
    assert "'@SUM(A1)" in row
    assert "-2.50" in row


def test_an_address_of_the_list_keeps_its_filters() -> None:
    query = read_query({"provider": "lottery", "q": "a b", "state": "open,waiting"}, config())

    assert query.order is BreakOrder.MONEY
    assert query.break_filter.words == "a b"
    assert len(query.break_filter.states) == 2
    assert query.address("/breaks.csv", sort="age") == (
        "/breaks.csv?provider=lottery&state=open%2Cwaiting&q=a+b&sort=age"
    )


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"is_over": False}, DayState.OPEN),
        ({}, DayState.WAITING),
        ({"close_no": 3}, DayState.CLOSED),
        ({"close_no": 3, "action": "prepared"}, DayState.PREPARED),
        ({"close_no": 3, "action": "signed"}, DayState.SIGNED),
        ({"close_no": 3, "action": "signed", "digest": "other"}, DayState.CHANGED),
        ({"close_no": 3, "action": "reopened"}, DayState.REOPENED),
        ({"close_no": 4, "action": "reopened"}, DayState.CLOSED),
    ],
)
def test_the_calendar_derives_a_state_from_closes_and_steps(
    values: dict[str, Any], state: DayState
) -> None:
    settings = {"is_over": True, "close_no": None, "action": None, "digest": "same", **values}

    assert (
        calendar_state(
            is_over=settings["is_over"],
            close_no=settings["close_no"],
            last_action=settings["action"],
            last_close_no=3,
            is_changed=settings["digest"] != "same",
        )
        is state
    )


def test_a_version_changes_with_state_instant_and_difference() -> None:
    break_ = tracked()
    later = tracked(since=datetime(2026, 6, 5, tzinfo=UTC))

    require_version(break_, break_.version)
    require_version(break_, None)
    for changed in (later, tracked(difference=251)):
        with pytest.raises(BreakChanged, match="changed since you opened it"):
            require_version(changed, break_.version)


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaa", "I am maria, 12345"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(Malformed, match="expected"):
        check_password(password, "maria")


def test_nothing_is_the_password_of_whoever_has_none() -> None:
    assert not is_password("three wooden doors", None)
    assert not is_password("three wooden doors", "no hash")
