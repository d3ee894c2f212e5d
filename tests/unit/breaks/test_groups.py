"""Breaks of one cause are one group, with its likely cause in a sentence."""

from datetime import date, timedelta

from breaks.kinds import BreakKind
from breaks.lists.groups import BreakCause, GroupContext, group_breaks
from breaks.store import TrackedBreak
from tests.harness.books.differences.tracked import NOON, tracked

CONTEXT = GroupContext(zones={"lottery": "Europe/Vienna"})
MINUTE = timedelta(minutes=1)
MISSING = BreakKind.MISSING_IN_LEDGER
AT_PROVIDER = BreakKind.MISSING_AT_PROVIDER


def causes(*breaks: TrackedBreak, context: GroupContext = CONTEXT) -> list[tuple[str, int]]:
    """The cause of each group and the number of its breaks."""
    return [(group.cause.value, len(group.breaks)) for group in group_breaks(breaks, context)]


def test_players_unknown_to_us_are_one_group_whatever_they_played() -> None:
    breaks = [
        tracked(n, player=f"new-{n}", player_known=False, kind=MISSING, game=f"g{n}")
        for n in range(4)
    ]

    (group,) = group_breaks(breaks, CONTEXT)

    assert (group.cause, len(group.breaks)) == (BreakCause.UNKNOWN_PLAYER, 4)
    assert group.sentence.startswith("lottery names players whom we do not know: import them")


def test_a_day_without_any_record_is_one_missing_file() -> None:
    silent = GroupContext(
        zones=CONTEXT.zones, silent_days=frozenset({("lottery", date(2026, 6, 5))})
    )
    late = NOON + timedelta(hours=11)  # already the next day in Vienna
    breaks = [tracked(n, kind=AT_PROVIDER, began_at=late, player=f"p{n}") for n in range(3)]
    earlier = tracked(9, kind=AT_PROVIDER, player="p9")

    assert causes(*breaks, earlier, context=silent) == [("missing_day", 3), ("alone", 1)]


def test_a_provider_that_is_not_configured_has_no_day_that_could_be_missing() -> None:
    silent = GroupContext(zones=CONTEXT.zones, silent_days=frozenset({("gone", NOON.date())}))
    breaks = [tracked(n, provider="gone", kind=AT_PROVIDER, player=f"p{n}") for n in range(3)]

    assert "missing_day" not in dict(causes(*breaks, context=silent))


def test_one_minute_of_several_players_is_an_outage_and_of_one_player_is_not() -> None:
    several = [tracked(n, kind=MISSING, player=f"p{n}") for n in range(3)]
    single = [tracked(n, kind=MISSING, player="ann") for n in range(3)]
    minutes = [
        tracked(n, kind=MISSING, player=f"p{n}", began_at=NOON + n * MINUTE) for n in range(3)
    ]

    assert causes(*several) == [("outage", 3)]
    assert causes(*single) == [("player", 3)]
    assert causes(*minutes) == [("alone", 1)] * 3


def test_one_kind_in_one_game_of_several_players_is_the_game() -> None:
    game = [tracked(n, game="plinko", player=f"p{n}") for n in range(3)]
    other = tracked(7, game="plinko", player="p7", kind=BreakKind.STAKE)

    assert causes(*game, other) == [("game", 3), ("alone", 1)]


def test_unreadable_lines_and_lines_left_out_are_grouped_by_their_file() -> None:
    unreadable = [
        tracked(n, kind=BreakKind.UNPARSABLE, player="", evidence={"file": "a.csv"})
        for n in (1, 2)
    ]
    left_out = tracked(
        3, kind=AT_PROVIDER, theirs=None, evidence={"withdrawn": [{"withdrawn_by": "b.csv"}]}
    )

    groups = group_breaks([*unreadable, left_out], CONTEXT)

    assert [(group.cause, group.subject) for group in groups] == [
        (BreakCause.UNREADABLE_FILE, "a.csv"),
        (BreakCause.LEFT_OUT, "b.csv"),
    ]


def test_a_group_keeps_its_id_when_breaks_join_or_leave() -> None:
    breaks = [tracked(n, game="plinko", player=f"p{n}") for n in range(5)]

    (small,) = group_breaks(breaks[:3], CONTEXT)
    (large,) = group_breaks(breaks, CONTEXT)

    assert small.group_id == large.group_id
    assert small.group_id.startswith("grp-")


def test_the_sums_of_a_group_are_by_currency_and_on_both_axes() -> None:
    breaks = [
        tracked(1, game="g", player="a", difference=250),
        tracked(2, game="g", player="b", difference=-100),
        tracked(3, game="g", player="c", difference=7, currency="USD"),
    ]

    (group,) = group_breaks(breaks, CONTEXT)
    euro, dollar = group.sums

    assert (euro.difference, euro.gross, euro.player, euro.invoice) == (150, 350, 150, -150)
    assert (dollar.currency, dollar.difference) == ("USD", 7)
