"""A plan is whole, exact and decided by its seed alone."""

import pytest

from simulator.protocol.messages import CallKind, ReplyKind
from simulator.protocol.system import System
from simulator.scenarios.plan import Plan, final_balance_queries, make_plan
from tests.harness.providers.systems import (
    AGENT_PLATFORM,
    AGGREGATOR,
    ALL_SYSTEMS,
    SPORTSBOOK,
    XIGS,
)

ALL = ALL_SYSTEMS


def _plan(seed: int = 7, callbacks: int = 2000, sides: tuple[System, ...] = ALL) -> Plan:
    return make_plan(seed=seed, callbacks=callbacks, players=40, systems=sides, currency="USD")


def test_the_same_seed_gives_the_same_plan_to_the_last_byte() -> None:
    assert repr(_plan()) == repr(_plan())


def test_another_seed_gives_other_players_ids_and_amounts() -> None:
    one, other = _plan(seed=7), _plan(seed=8)
    assert not {p.player for p in one.players} & {p.player for p in other.players}
    assert not _references(one) & _references(other)
    assert [s.call.amount for s in one.steps] != [s.call.amount for s in other.steps]


def _references(plan: Plan) -> set[str]:
    return {step.call.reference for step in plan.steps} - {""}


@pytest.mark.parametrize("sides", [ALL, *((side,) for side in ALL)])
@pytest.mark.parametrize("callbacks", [0, 1, 2, 17, 500])
def test_a_plan_delivers_exactly_as_many_callbacks_as_asked(
    callbacks: int, sides: tuple[System, ...]
) -> None:
    plan = _plan(callbacks=callbacks, sides=sides)
    assert plan.callbacks == callbacks
    assert {step.call.side for step in plan.steps} <= set(sides)


def test_a_plan_of_some_size_contains_every_misbehaviour() -> None:
    plan = _plan(callbacks=8000)
    told = {
        (s.call.side, s.call.kind, s.expected.seen, s.expected.repeated) for s in plan.steps
    }
    for side in ALL:
        bet = CallKind.BET_AND_WIN if side is AGENT_PLATFORM else CallKind.BET
        assert (side, bet, ReplyKind.SUCCESS, False) in told
        assert (side, bet, ReplyKind.SUCCESS, True) in told
        assert (side, bet, ReplyKind.DECLINED, False) in told
        assert (side, bet, ReplyKind.DECLINED, True) in told
        assert (side, bet, ReplyKind.CONFLICT, False) in told
    for side in (AGGREGATOR, XIGS):
        assert (side, CallKind.WIN, ReplyKind.REFUSED, False) in told
    assert (SPORTSBOOK, CallKind.BET, ReplyKind.REFUSED, False) in told
    assert (
        AGENT_PLATFORM,
        CallKind.BET_AND_WIN,
        ReplyKind.REFUSED,
        False,
    ) in told
    assert (AGENT_PLATFORM, CallKind.ROLLBACK, ReplyKind.CONFLICT, False) in told
    assert any(step.copies > 1 for step in plan.steps)
    assert {step.call.side for step in plan.steps if step.call.player is None} == set(ALL)
    undone = {_original_kind(plan, step.call.original) for step in plan.steps}
    assert {CallKind.WIN, CallKind.BET, CallKind.BET_AND_WIN} <= undone


def test_spins_come_free_and_beyond_the_means_of_a_player_whom_the_win_would_save() -> None:
    spins = [
        step
        for step in _plan(callbacks=3000, sides=(AGENT_PLATFORM,)).steps
        if step.call.kind is CallKind.BET_AND_WIN and not step.expected.repeated
    ]
    free = [step for step in spins if step.call.amount == 0]
    assert free
    assert all(step.call.payout > 0 for step in free)
    declined = [step.call for step in spins if step.expected.seen is ReplyKind.DECLINED]
    assert any(call.payout >= call.amount for call in declined)


def test_no_two_deliveries_are_the_same_attempt() -> None:
    plan = _plan()
    asked = [step.call.attempt for step in (*plan.steps, *final_balance_queries(plan))]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    ("sides", "asking"),
    [
        ((AGENT_PLATFORM, AGGREGATOR, SPORTSBOOK, XIGS), {AGENT_PLATFORM, AGGREGATOR}),
        ((AGGREGATOR, XIGS), {AGGREGATOR}),
        ((SPORTSBOOK, XIGS), set()),
    ],
)
def test_balances_are_asked_at_the_end_by_the_sides_that_can(
    sides: tuple[System, ...], asking: set[System]
) -> None:
    plan = _plan(callbacks=200, sides=sides)
    questions = final_balance_queries(plan)
    assert {step.call.side for step in questions} == asking
    if asking:
        assert [step.call.player for step in questions] == [one.player for one in plan.players]


def _original_kind(plan: Plan, original: str) -> CallKind | None:
    kinds = {step.call.reference: step.call.kind for step in plan.steps if original}
    return kinds.get(original)


def test_final_balances_are_the_openings_plus_everything_that_moved() -> None:
    plan = _plan()
    balances = {one.player: one.opening for one in plan.players}
    moved: dict[str, int] = {}
    for step in plan.steps:
        call = step.call
        if step.expected.seen is not ReplyKind.SUCCESS or step.expected.repeated:
            continue
        amount = {
            CallKind.BET: -call.amount,
            CallKind.WIN: call.amount,
            CallKind.BET_AND_WIN: call.payout - call.amount,
        }.get(call.kind, 0)
        if call.kind is CallKind.ROLLBACK:
            amount = -moved.pop(call.original, 0)
        else:
            moved[call.reference] = amount
        balances[call.player or ""] += amount
    assert balances == plan.balances


def test_few_rounds_are_left_open_at_the_end() -> None:
    plan = _plan(callbacks=4000, sides=(AGGREGATOR,))
    stood = [s.call for s in plan.steps if s.expected.seen is ReplyKind.SUCCESS]
    opened = {call.reference for call in stood if call.kind is CallKind.BET}
    ended = {call.reference for call in stood if call.kind is CallKind.ROUND_END}
    assert ended <= opened
    assert len(opened - ended) <= len(opened) // 20
