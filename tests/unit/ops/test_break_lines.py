"""Breaks as lines of at most 80 columns, whatever the ids and amounts are."""

from hypothesis import given
from hypothesis import strategies as st

from breaks.kinds import BreakKind
from breaks.lists.groups import GroupContext, group_breaks
from breaks.states import BreakState
from ops.commands.breaks.lines import WIDTH, group_lines, list_lines
from ops.commands.breaks.show import bytes_text, impact_sentence, side_lines
from ops.settings.model import Settings
from reports.find.short_ids import short_id
from tests.harness.books.differences.tracked import tracked

SETTINGS = Settings.model_construct(providers=[])
NAMES = st.text("abcdefghij0123456789-", min_size=1, max_size=60)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "provider": NAMES,
                "player": NAMES,
                "round_id": NAMES,
                "kind": st.sampled_from(list(BreakKind)),
                "state": st.sampled_from(list(BreakState)),
                "assignee": st.none() | st.sampled_from(["maria", "a very long name indeed"]),
                "difference": st.integers(-(10**12), 10**12),
            }
        ),
        max_size=5,
    )
)
def test_no_line_of_a_list_or_of_groups_is_wider_than_80_columns(
    rows: list[dict[str, object]],
) -> None:
    breaks = [tracked(number, **row) for number, row in enumerate(rows)]
    groups = group_breaks(breaks, GroupContext(zones={}))

    lines = [
        *list_lines(breaks, SETTINGS),
        *(line for group in groups for line in group_lines(group, SETTINGS)),
    ]

    assert [line for line in lines if len(line) > WIDTH] == []


def test_a_list_says_whose_days_are_in_utc_because_nobody_knows_their_zone() -> None:
    lines = " ".join(list_lines([tracked(1, provider="gone")], SETTINGS))

    assert lines.endswith(
        "gone is not configured: no zone is known, so days and times are in UTC"
    )


def test_a_short_id_is_as_long_as_it_has_to_be() -> None:
    names = ["brk-0011223344", "brk-0011223399", "brk-ff11223344"]

    assert [short_id(name, names) for name in names] == [
        "brk-001122334",
        "brk-001122339",
        "brk-ff112233",
    ]


def test_a_record_reported_twice_says_that_only_the_invoice_differs() -> None:
    break_ = tracked(kind=BreakKind.DUPLICATE_AT_PROVIDER, difference=-500)

    assert impact_sentence(break_, {}) == (
        "Player: nobody owes anything. Provider: the provider's GGR is higher than ours by"
        " 5.00 EUR."
    )
    assert "only the invoice differs" in list_lines([break_], SETTINGS)[1]


def test_sides_are_two_columns_and_what_differs_is_marked() -> None:
    lines = list(side_lines(tracked()))

    assert [line.split() for line in lines] == [
        ["ours", "lottery"],
        ["stake", "1.00", "1.00"],
        ["payout", "0.00", "≠", "2.50"],
    ]
    assert "no round compared" in "".join(side_lines(tracked(ours=None, theirs=None)))


def test_bytes_are_shown_as_text_with_escapes() -> None:
    assert bytes_text(b'{"a": "\xc3\xa9"}\n') == '{"a": "é"}\n'
    assert bytes_text(b"\x00\xff\x1b[2J") == "\\x00\\xff\\x1b[2J"
