"""A grouping that follows changes is the grouping of the breaks as they are."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from breaks.kinds import BreakKind
from breaks.lists.grouping import BreakGrouping, grouping_of
from breaks.lists.groups import BreakCause, GroupContext, group_breaks
from breaks.lists.traits import BreakTraits
from breaks.states import BreakState
from breaks.store import TrackedBreak
from tests.harness.books.differences.tracked import NOON, tracked

ZONES = {"lottery": "Asia/Kolkata"}
SILENT = frozenset({("lottery", date(2026, 6, 4)), ("cards", date(2026, 6, 5))})
CONTEXT = GroupContext(zones=ZONES, silent_days=SILENT)
KINDS = [
    *(BreakKind.MISSING_AT_PROVIDER, BreakKind.MISSING_IN_LEDGER, BreakKind.PAYOUT),
    BreakKind.UNPARSABLE,
]


def traits_of(break_: TrackedBreak) -> BreakTraits:
    return BreakTraits(**{name: getattr(break_, name) for name in BreakTraits._fields})


@st.composite
def breaks_by_number(draw: st.DrawFn) -> dict[int, TrackedBreak]:
    """Breaks with few different providers, kinds, players, games, minutes, files and states."""
    row = st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["lottery", "cards"]),
            "kind": st.sampled_from(KINDS),
            "player": st.sampled_from(["", "ann", "bob", "new"]),
            "player_known": st.booleans(),
            "game": st.sampled_from([None, "plinko"]),
            "difference": st.integers(-500, 500),
            "began_at": st.none()
            | st.integers(0, 3).map(lambda n: NOON + n * timedelta(hours=8)),
            "theirs": st.sampled_from([None, {"stake": "1.00"}]),
            "evidence": st.sampled_from(
                [{}, {"file": "a.csv"}, {"withdrawn": [{"withdrawn_by": "b.csv"}]}]
            ),
            "state": st.sampled_from([BreakState.OPEN, BreakState.EXPLAINED]),
        }
    )
    rows = draw(st.dictionaries(st.integers(0, 30), row, max_size=25))
    return {number: tracked(number, **values) for number, values in rows.items()}


def summaries(breaks: list[TrackedBreak]) -> list[tuple[object, ...]]:
    """What ``group_breaks`` says of the groups of several breaks or of a known cause."""
    return [
        (
            *(group.group_id, group.provider, group.cause, group.subject, group.sentence),
            *(tuple(b.break_id for b in group.breaks), group.sums),
        )
        for group in group_breaks(breaks, CONTEXT)
        if group.cause is not BreakCause.ALONE
    ]


def shown(grouping: BreakGrouping) -> list[tuple[object, ...]]:
    return [
        (
            *(group.group_id, group.provider, group.cause, group.subject, group.sentence),
            *(group.ids, group.sums),
        )
        for group in grouping.shared
    ]


@given(breaks_by_number())
def test_parts_have_the_groups_that_all_breaks_have_together(
    breaks: dict[int, TrackedBreak],
) -> None:
    grouping = grouping_of(map(traits_of, breaks.values()), CONTEXT)

    assert shown(grouping) == summaries(list(breaks.values()))
    assert grouping.alone + sum(len(group.ids) for group in grouping.shared) == len(breaks)


@given(breaks_by_number(), breaks_by_number())
def test_a_grouping_that_followed_changes_is_the_one_made_anew(
    before: dict[int, TrackedBreak], after: dict[int, TrackedBreak]
) -> None:
    old = grouping_of(map(traits_of, before.values()), CONTEXT)
    changes = {
        tracked(number).break_id: traits_of(after[number]) if number in after else None
        for number in {*before, *after}
        if before.get(number) != after.get(number)
    }

    assert old.changed(changes, silent_days=SILENT) == grouping_of(
        map(traits_of, after.values()), CONTEXT
    )


@given(breaks_by_number())
def test_days_that_get_records_are_silent_no_more(breaks: dict[int, TrackedBreak]) -> None:
    traits = {break_.break_id: traits_of(break_) for break_ in breaks.values()}
    silent = grouping_of(traits.values(), CONTEXT)

    assert silent.changed(traits, silent_days=frozenset()) == grouping_of(
        traits.values(), GroupContext(zones=ZONES)
    )


@given(breaks_by_number())
def test_a_break_that_shares_no_cause_is_found_by_the_id_of_its_group(
    breaks: dict[int, TrackedBreak],
) -> None:
    grouping = grouping_of(map(traits_of, breaks.values()), CONTEXT)

    for group in group_breaks(list(breaks.values()), CONTEXT):
        found = grouping.named(group.group_id)
        assert found is not None
        assert (found.ids, found.sentence) == (
            tuple(b.break_id for b in group.breaks),
            group.sentence,
        )
    assert grouping.named("grp-none") is None
