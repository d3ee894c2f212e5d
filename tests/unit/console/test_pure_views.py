"""What pages compute from values: texts, addresses, the time axis, the state of a day."""

from base64 import urlsafe_b64encode as b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zlib import compress

import pytest

from breaks.lists.paging import BreakOrder
from breaks.policy import DEFAULT_RULES, overdue_limits
from breaks.sources import CallbackBooking, SourceWord
from breaks.states import BreakChanged
from breaks.store import require_version
from console.accounts.passwords import check_password, is_password
from console.drawings.timeline import (
    LEFT,
    RIGHT,
    VERTICAL_STEP,
    VERTICAL_WIDTH,
    WIDTH,
    events_of,
    horizontal_timeline,
    positions,
    vertical_positions,
    vertical_timeline,
)
from console.gate import login_path, safe_path
from console.pages.breaks.bulk import (
    BREAKS_MAX,
    decode_versions,
    digest_of,
    encode_versions,
    money_of,
)
from console.pages.breaks.columns import COLUMNS, SHOWN, file_columns, file_rows
from console.pages.breaks.detail import consequence, side_rows
from console.pages.breaks.selection import BreakQuery, read_query
from console.rendering import (
    age_text,
    bytes_text,
    money_text,
    printable_text,
    short_text,
    signed_text,
)
from console.spreadsheets import csv_file
from reconcile.days.calendar import calendar_state
from reconcile.days.states import DayState
from tests.harness.books.differences.tracked import NOON, tracked
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


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (-(10 << 20), "−10 MiB"),
        (3 << 39, "1.5 TiB"),
    ],
)
def test_sizes_are_in_powers_of_1024(size: int, text: str) -> None:
    assert bytes_text(size) == text


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
    events = events_of([word(5, "history"), word(0), word(600)])

    for timeline in (horizontal_timeline(events), vertical_timeline(events)):
        assert [name for name, _ in timeline.lanes] == ["callbacks", "their record"]
        assert [(mark.name, mark.events[0].word.id) for mark in timeline.marks] == [
            ("1", "0"),
            ("2", "5"),
            ("3", "600"),
        ]
    assert horizontal_timeline([]).marks == vertical_timeline([]).marks == ()


def test_a_callback_is_followed_by_our_reply_and_its_entries() -> None:
    booking = CallbackBooking(
        reply_status=200,
        committed_at=NOON + timedelta(milliseconds=3),
        posted_at=NOON + timedelta(seconds=1),
        entries=("player 1.00 EUR", "clearing -1.00 EUR"),
    )
    callback = replace(word(0), booking=booking)
    declined = replace(
        word(9),
        booking=replace(
            booking, entries=(), posted_at=None, committed_at=NOON + timedelta(seconds=9)
        ),
    )

    assert [(event.source, event.words) for event in events_of([declined, callback])] == [
        ("callback", "said"),
        ("our reply", "answered 200 after 3 ms"),
        ("entries", "player 1.00 EUR, clearing -1.00 EUR"),
        ("callback", "said"),
        ("our reply", "answered 200 after 0 ms"),
    ]


@pytest.mark.parametrize("count", [1, 2, 60, 200])
def test_no_marks_of_a_lane_cover_each_other(count: int) -> None:
    sources = ("callback", "version", "webhook log")
    events = events_of([word(n * n, sources[n % 3]) for n in range(count)])
    horizontal, vertical = horizontal_timeline(events), vertical_timeline(events)

    for timeline in (horizontal, vertical):
        numbers = sorted(e.number for mark in timeline.marks for e in mark.events)
        assert numbers == list(range(1, count + 1))
        assert all(
            0 <= m.x <= timeline.width and 0 <= m.y <= timeline.height for m in timeline.marks
        )
        for lane in {mark.y for mark in horizontal.marks}:
            places = [mark.x for mark in horizontal.marks if mark.y == lane]
            assert all(after - before >= 20 for before, after in pairwise(places))
    assert vertical.width == VERTICAL_WIDTH
    heights = vertical_positions([event.at for event in events])
    assert all(after - before >= VERTICAL_STEP for before, after in pairwise(heights))


def test_fields_that_differ_are_marked_but_instants_prove_nothing() -> None:
    break_ = tracked(
        ours={"at": "2026-06-04T12:00:00+00:00", "stake": "1.00", "payout": "0.00"},
        theirs={"at": "2026-06-04T12:00:01+00:00", "stake": "1.00", "payout": "2.50"},
    )

    assert [(row.name, row.differs) for row in side_rows(break_, "UTC")] == [
        ("at", False),
        ("stake", False),
        ("payout", True),
    ]
    assert side_rows(tracked(ours=None, theirs=None), "UTC") == []
    assert consequence(break_, {}) == (
        "we owe the player 2.50 EUR; the provider's GGR is lower than ours by 2.50 EUR"
    )


def test_no_cell_of_the_csv_is_a_formula() -> None:
    breaks = [tracked(player="=1+1", explanation="@SUM(A1)", difference=-250)]
    columns = file_columns(SHOWN)
    file = csv_file("breaks", columns, file_rows(breaks, columns, config(), NOON))
    row = file.content.decode("utf-8-sig").splitlines()[1].split(",")

    assert "'=1+1" in row
    assert "'@SUM(A1)" in row
    assert "-2.50" in row


def test_a_file_has_the_chosen_columns_and_no_difference_without_currency() -> None:
    assert file_columns(("break", "difference", "age")) == (
        *("break", "difference", "currency", "age"),
    )
    assert file_columns(("break", "currency")) == ("break", "currency")
    assert set(file_columns(SHOWN)) <= set(COLUMNS)


def asked(**fields: str) -> BreakQuery:
    return read_query(fields, config(), now=NOON, person_id=7)


def test_an_address_of_the_list_keeps_its_filters() -> None:
    query = asked(provider="lottery", q="a b", state="open,waiting")

    assert query.order is BreakOrder.MONEY
    assert query.break_filter.words == "a b"
    assert len(query.break_filter.states) == 2
    assert query.address("/breaks.csv", sort="age") == (
        "/breaks.csv?provider=lottery&state=open%2Cwaiting&q=a+b&sort=age"
    )


def test_an_address_keeps_amounts_ages_and_columns() -> None:
    query = asked(
        currency="EUR",
        min="1.50",
        max="20",
        age="3",
        overdue="1",
        mentioned="me",
        **{"col-state": "1", "col-due": "1"},
    )

    break_filter = query.break_filter
    assert (break_filter.min_difference, break_filter.max_difference) == (150, 2_000)
    assert break_filter.opened_before == NOON - timedelta(days=3)
    assert break_filter.overdue == overdue_limits(DEFAULT_RULES, NOON)
    assert break_filter.mentioned == 7
    assert query.columns == ("break", "state", "due")
    assert query.address("").endswith("&sort=money&cols=break%2Cstate%2Cdue")


@pytest.mark.parametrize(
    "fields",
    [
        {"min": "1.00"},
        {"currency": "EUR", "min": "1.005"},
        {"currency": "eur"},
        {"age": "0"},
        {"age": "99999"},
        {"under": "0"},
        {"in_figures": "yes"},
        {"age": "\N{SUPERSCRIPT TWO}"},
        {"overdue": "yes"},
        {"mentioned": "jonas"},
        {"cols": "break,colour"},
        {"game": "a\0b"},
    ],
)
def test_a_filter_that_cannot_be_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="expected"):
        asked(**fields)


def test_a_selection_survives_its_form_and_fits_into_it() -> None:
    breaks = [tracked(number, difference=number) for number in range(1, BREAKS_MAX + 1)]
    field = encode_versions(breaks)

    assert len(field) < 60_000
    assert decode_versions(field) == {b.break_id: digest_of(b) for b in breaks}
    assert digest_of(breaks[0]) != digest_of(tracked(1, difference=2))


@pytest.mark.parametrize(
    "field",
    [
        "",
        "nonsense",
        "\N{SNOWMAN}",
        encode_versions([]),
        encode_versions([tracked(number) for number in range(BREAKS_MAX + 1)]),
        b64encode(compress(b"x y\n" * 200_000)).decode(),
        b64encode(compress(b"onlyoneword")).decode(),
    ],
)
def test_a_selection_that_is_none_is_refused(field: str) -> None:
    with pytest.raises(Malformed, match="expected"):
        decode_versions(field)


def test_the_money_of_a_selection_is_added_up_by_provider_and_currency() -> None:
    breaks = [
        tracked(1, difference=250),
        tracked(2, difference=-100),
        tracked(3, provider="slots", currency="USD", difference=7),
    ]
    ((lottery, euros), (slots, dollars)) = money_of(breaks)

    assert (lottery, euros.difference, euros.gross, euros.invoice) == (
        "lottery",
        150,
        350,
        -150,
    )
    assert (slots, dollars.currency, dollars.player) == ("slots", "USD", 7)


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
