"""Injected faults: exactly those remembered, one per round, one kind each."""

from collections import Counter

import pytest

from simulator.history.faults import InjectedFault, inject
from simulator.history.operational_faults import OperationalFaultKind, mishaps_of
from simulator.history.true_history import history_of
from simulator.protocol.fault_kinds import FaultKind
from simulator.protocol.history_lines import HistoryLine
from simulator.protocol.messages import CallKind, ReplyKind, Side
from simulator.scenarios.plan import make_plan
from tests.harness.providers.systems import AGGREGATOR, ALL_SYSTEMS, XIGS

ALL = ALL_SYSTEMS


@pytest.fixture(scope="module")
def lines() -> tuple[HistoryLine, ...]:
    return history_of(
        make_plan(seed=3, callbacks=3000, players=20, systems=ALL, currency="USD")
    )


def _net(lines: tuple[HistoryLine, ...], side: Side, round_id: str) -> int:
    undone = {(line.side, line.round_id) for line in lines if line.rolled_back}
    if (side, round_id) in undone:
        return 0
    return sum(
        line.payout - line.stake
        for line in lines
        if line.side is side and line.round_id == round_id
    )


def test_an_honest_history_contradicts_itself_nowhere(lines: tuple[HistoryLine, ...]) -> None:
    assert all(line.net == line.payout - line.stake for line in lines)
    assert all(line.before >= line.stake for line in lines if line.side is AGGREGATOR)
    assert len({(line.side, line.record_id) for line in lines}) == len(lines)


def test_every_kind_is_injected_on_every_side_that_can_have_it(
    lines: tuple[HistoryLine, ...],
) -> None:
    possible = sum(len(side.possible_faults) for side in ALL)
    _, faults = inject(lines, seed=3, faults=2 * possible)
    assert possible >= 27
    assert Counter((fault.side, fault.kind) for fault in faults) == {
        (side, kind): 2 for side in ALL for kind in FaultKind if kind in side.possible_faults
    }


def test_only_sums_that_are_told_can_be_wrong_and_only_statements_can_repeat() -> None:
    assert {side for side in ALL if FaultKind.ARITHMETIC in side.possible_faults} == {
        AGGREGATOR
    }
    assert {side for side in ALL if FaultKind.DUPLICATE not in side.possible_faults} == {
        AGGREGATOR
    }


def test_an_open_round_is_never_told_with_a_prize(lines: tuple[HistoryLine, ...]) -> None:
    told, _ = inject(lines, seed=3, faults=300)
    cards = [line for line in told if line.side is XIGS]
    assert any(not line.closed for line in cards)
    assert all(line.payout == 0 for line in cards if not line.closed)


def test_no_round_is_hit_twice_and_all_others_are_told_as_they_were(
    lines: tuple[HistoryLine, ...],
) -> None:
    told, faults = inject(lines, seed=3, faults=60)
    hit = [(fault.side, fault.round_id) for fault in faults]
    assert len(hit) == len(set(hit)) == 60
    untouched = [line for line in lines if (line.side, line.round_id) not in set(hit)]
    assert [line for line in told if (line.side, line.round_id) not in set(hit)] == untouched


def test_a_difference_is_what_the_told_history_says_less_the_truth(
    lines: tuple[HistoryLine, ...],
) -> None:
    told, faults = inject(lines, seed=3, faults=60)
    for fault in faults:
        theirs = _net(told, fault.side, fault.round_id)
        ours = _net(lines, fault.side, fault.round_id)
        told_wrong = fault.kind is FaultKind.BALANCE
        assert theirs - ours == (0 if told_wrong else fault.difference)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_kind_changes_only_what_it_is_named_for(
    kind: FaultKind, lines: tuple[HistoryLine, ...]
) -> None:
    told, faults = inject(lines, seed=5, faults=54)
    hits = [fault for fault in faults if fault.kind is kind]
    assert hits
    for fault in hits:
        assert _kind_of(fault, lines, told) is kind


def _kind_of(
    fault: InjectedFault, lines: tuple[HistoryLine, ...], told: tuple[HistoryLine, ...]
) -> FaultKind:
    """The kind as a reader of both sides would name it, looking at everything."""
    ours, theirs = (_of_round(fault, side) for side in (lines, told))
    if not theirs:
        return FaultKind.DROPPED
    if not ours:
        return FaultKind.PHANTOM
    if len(theirs) > len(ours):
        assert theirs[0] == ours[0]
        return FaultKind.STATUS if theirs[-1].rolled_back else _twice(ours, theirs)
    pairs = zip(ours, theirs, strict=True)
    ((one, other),) = [(one, other) for one, other in pairs if one != other]
    if other.net != other.payout - other.stake:
        assert (one.stake, one.payout) == (other.stake, other.payout)
        return FaultKind.ARITHMETIC
    if one.stake != other.stake:
        assert one.payout == other.payout
        return FaultKind.STAKE
    if one.payout != other.payout:
        return FaultKind.PAYOUT
    assert (one.handle == other.handle) is (one.before != other.before)
    return FaultKind.BALANCE if one.before != other.before else FaultKind.PLAYER


def _twice(ours: list[HistoryLine], theirs: list[HistoryLine]) -> FaultKind:
    repeated = [line for line in ours if theirs.count(line) == 2]
    assert len(repeated) == 1
    assert [line for line in theirs if line not in repeated] == [
        line for line in ours if line not in repeated
    ]
    return FaultKind.DUPLICATE


def _of_round(fault: InjectedFault, lines: tuple[HistoryLine, ...]) -> list[HistoryLine]:
    return [x for x in lines if (x.side, x.round_id) == (fault.side, fault.round_id)]


def test_rounds_that_were_rolled_back_are_left_alone(lines: tuple[HistoryLine, ...]) -> None:
    _, faults = inject(lines, seed=3, faults=200)
    undone = {line.round_id for line in lines if line.kind is CallKind.ROLLBACK}
    assert undone
    assert not undone & {fault.round_id for fault in faults}


def test_a_history_too_short_for_all_faults_gets_as_many_as_fit(
    lines: tuple[HistoryLine, ...],
) -> None:
    assert inject((), seed=1, faults=5) == ((), ())
    one = tuple(line for line in lines if line.side is AGGREGATOR)[:1]
    told, faults = inject(one, seed=1, faults=5)
    assert len(faults) == 1
    assert told != one


def test_the_same_seed_injects_the_same_faults(lines: tuple[HistoryLine, ...]) -> None:
    assert inject(lines, seed=4, faults=9) == inject(lines, seed=4, faults=9)
    assert inject(lines, seed=4, faults=9)[1] != inject(lines, seed=5, faults=9)[1]


def test_rounds_with_a_mishap_of_their_own_are_left_alone(
    lines: tuple[HistoryLine, ...],
) -> None:
    plan = make_plan(seed=3, callbacks=3000, players=20, systems=ALL, currency="USD")
    mishaps = mishaps_of(plan)
    _, faults = inject(lines, seed=3, faults=200, mishaps=mishaps)
    assert not {(m.side, m.round_id) for m in mishaps} & {(f.side, f.round_id) for f in faults}


def test_mishaps_are_read_off_the_script() -> None:
    plan = make_plan(seed=3, callbacks=3000, players=20, systems=ALL, currency="USD")
    mishaps = mishaps_of(plan)
    kinds = Counter(mishap.kind for mishap in mishaps)
    conflicts = {
        (step.call.side, step.call.key)
        for step in plan.steps
        if step.expected.seen is ReplyKind.CONFLICT
    }
    assert kinds[OperationalFaultKind.CONFLICT] == len(conflicts)
    below = {player for player, balance in plan.balances.items() if balance < 0}
    assert {m.player for m in mishaps if m.kind is OperationalFaultKind.BELOW_ZERO} == below
    assert kinds[OperationalFaultKind.LATE] > 0
