"""Groups partition the breaks, whatever their order, and sum up to the same money."""

from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from breaks.kinds import BreakKind
from breaks.lists.groups import BreakCause, GroupContext, group_breaks
from breaks.store import TrackedBreak
from tests.harness.books.differences.tracked import NOON, tracked

CONTEXT = GroupContext(
    zones={"lottery": "Asia/Kolkata"},
    silent_days=frozenset({("lottery", date(2026, 6, 4)), ("cards", date(2026, 6, 5))}),
)


@st.composite
def several_breaks(draw: st.DrawFn) -> list[TrackedBreak]:
    """Breaks with few different providers, players, games, minutes and files."""
    evidence = st.sampled_from(
        [{}, {"file": "a.csv"}, {"withdrawn": [{"withdrawn_by": "b.csv"}]}, {"withdrawn": []}]
    )
    fields = st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["lottery", "cards"]),
            "kind": st.sampled_from(list(BreakKind)),
            "player": st.sampled_from(["", "ann", "bob", "new"]),
            "player_known": st.booleans(),
            "game": st.sampled_from([None, "plinko"]),
            "currency": st.sampled_from(["EUR", "JPY"]),
            "difference": st.integers(-500, 500),
            "began_at": st.none()
            | st.integers(0, 3).map(lambda n: NOON + n * timedelta(hours=8)),
            "evidence": evidence,
        }
    )
    rows = draw(st.lists(fields, max_size=25))
    return [tracked(number, **row) for number, row in enumerate(rows)]


@given(several_breaks(), st.randoms(use_true_random=False))
def test_every_break_is_in_exactly_one_group_in_whatever_order(
    breaks: list[TrackedBreak], random: Random
) -> None:
    groups = group_breaks(breaks, CONTEXT)
    shuffled = list(breaks)
    random.shuffle(shuffled)

    members = [break_.break_id for group in groups for break_ in group.breaks]
    assert sorted(members) == [break_.break_id for break_ in breaks]
    assert group_breaks(shuffled, CONTEXT) == groups
    assert len({group.group_id for group in groups}) == len(groups)


@given(several_breaks())
def test_groups_add_up_to_the_money_of_their_breaks(breaks: list[TrackedBreak]) -> None:
    groups = group_breaks(breaks, CONTEXT)
    sums = [total for group in groups for total in group.sums]

    assert sum(total.difference for total in sums) == sum(b.difference for b in breaks)
    assert sum(total.gross for total in sums) == sum(abs(b.difference) for b in breaks)
    assert sum(total.invoice for total in sums) == sum(b.effects.invoice for b in breaks)


@given(several_breaks())
def test_a_group_has_one_provider_and_a_sentence_and_alone_means_alone(
    breaks: list[TrackedBreak],
) -> None:
    for group in group_breaks(breaks, CONTEXT):
        assert {break_.provider for break_ in group.breaks} == {group.provider}
        assert group.sentence.endswith(".")
        assert group.cause is not BreakCause.ALONE or len(group.breaks) == 1
