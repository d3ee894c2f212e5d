"""The aggregator's history under ids of its own: nothing names our rounds, no money changes."""

from dataclasses import replace

import pytest

from simulator.history.faults import InjectedFault, inject
from simulator.history.foreign_ids import as_found, with_own_ids
from simulator.history.true_history import history_of
from simulator.protocol.fault_kinds import FaultKind
from simulator.protocol.history_lines import HistoryLine
from simulator.scenarios.plan import make_plan
from tests.harness.providers.systems import AGGREGATOR, SPORTSBOOK

OWN = frozenset({AGGREGATOR})


@pytest.fixture(scope="module")
def lines() -> tuple[HistoryLine, ...]:
    sides = (AGGREGATOR, SPORTSBOOK)
    return history_of(
        make_plan(seed=3, callbacks=1500, players=10, systems=sides, currency="USD")
    )


def _of_aggregator(faults: tuple[InjectedFault, ...], kind: FaultKind) -> list[InjectedFault]:
    return [one for one in faults if one.side is AGGREGATOR and one.kind is kind]


def test_only_the_ids_of_the_aggregators_records_are_others(
    lines: tuple[HistoryLine, ...],
) -> None:
    told = with_own_ids(lines, OWN)
    assert [replace(line, record_id="") for line in told] == [
        replace(line, record_id="") for line in lines
    ]
    for was, line in zip(lines, told, strict=True):
        own = line.side is AGGREGATOR
        assert (line.record_id != was.record_id) == own
        assert (was.record_id in line.record_id) != own
    assert len({(line.side, line.record_id) for line in told}) == len(lines)


def test_an_invented_round_is_found_under_its_record(lines: tuple[HistoryLine, ...]) -> None:
    told, faults = inject(lines, seed=3, faults=60, own_ids=OWN)
    named = {f"history:{line.record_id}" for line in with_own_ids(told, OWN)}
    invented = _of_aggregator(as_found(faults, told, OWN), FaultKind.PHANTOM)
    assert len(invented) >= len(_of_aggregator(faults, FaultKind.PHANTOM)) > 0
    assert {one.round_id for one in invented} <= named


def test_a_round_told_of_another_is_one_untold_and_one_invented(
    lines: tuple[HistoryLine, ...],
) -> None:
    told, faults = inject(lines, seed=3, faults=60, own_ids=OWN)
    found = as_found(faults, told, OWN)
    mixed_up = _of_aggregator(faults, FaultKind.PLAYER)
    assert mixed_up
    assert not _of_aggregator(found, FaultKind.PLAYER)
    assert len(found) == len(faults) + len(mixed_up)
    for one in mixed_up:
        (line,) = (each for each in lines if each.round_id == one.round_id)
        dropped = replace(one, kind=FaultKind.DROPPED, difference=line.stake - line.payout)
        assert dropped in found


def test_no_balance_is_told_otherwise_where_balances_are_what_ties(
    lines: tuple[HistoryLine, ...],
) -> None:
    told, faults = inject(lines, seed=3, faults=60, own_ids=OWN)
    assert not _of_aggregator(faults, FaultKind.BALANCE)
    before = {line.round_id: line.before for line in lines}
    for one in _of_aggregator(faults, FaultKind.STAKE):
        (line,) = (each for each in told if each.round_id == one.round_id)
        assert line.before == before[one.round_id]
        assert line.before >= line.stake


def test_what_is_wrong_at_the_others_is_found_as_it_was(lines: tuple[HistoryLine, ...]) -> None:
    told, faults = inject(lines, seed=3, faults=60, own_ids=OWN)
    others = [one for one in faults if one.side is not AGGREGATOR]
    found = as_found(faults, told, OWN)
    assert others
    assert [one for one in found if one.side is not AGGREGATOR] == others
