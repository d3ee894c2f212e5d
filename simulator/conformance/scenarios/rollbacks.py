"""Undoing: amount and direction come from the original, and it is undone once."""

from simulator.conformance.scenario import Scenario, needs_rollbacks, only_where
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.messages import ReplyKind


async def _rollback(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    undo = session.rollback(bet)
    await session.accepted(undo, moves=bet.amount)
    await session.repeated(undo)
    await session.balance_holds()


async def _rollback_first(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    undo = session.rollback(bet)
    await session.accepted(undo, moves=0)
    await session.turned_down(bet, ReplyKind.REFUSED)
    await session.repeated(undo)
    await session.turned_down(bet, ReplyKind.REFUSED, remark=" again")
    await session.balance_holds()


async def _double_rollback(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    await session.accepted(session.rollback(bet), moves=0)
    await session.balance_holds()


async def _rollback_of_win(session: ConformanceSession) -> None:
    won = session.target.units(50)
    win = session.win(won, session.bet(session.target.units(10)))
    await session.accepted(win, moves=won)
    bet = session.bet(session.balance)
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(win), moves=-won)
    await session.balance_holds()


async def _win_after_rollback(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    won = session.target.units(20)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()


async def _repeat_after_rollback(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    await session.repeated(bet)
    await session.balance_holds()


async def _rollback_of_declined(session: ConformanceSession) -> None:
    bet = session.bet(session.balance + session.target.units(1))
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.accepted(session.rollback(bet), moves=0)
    await session.balance_holds()


async def _rollback_of_rollback(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    undo = session.rollback(bet)
    await session.accepted(undo, moves=bet.amount)
    redo = session.rollback(undo)
    if session.target.rollback_of_rollback_accepts:
        await session.accepted(redo, moves=0)
    else:
        await session.turned_down(redo, ReplyKind.REFUSED)
    await session.balance_holds()


def _wins_stand_alone(target: ConformanceTarget) -> bool:
    """Whether a rolled-back bet leaves its wins as they are."""
    return target.system.has_rollbacks and not target.system.wins_name_bets


SCENARIOS = (
    Scenario(
        name="rollback",
        says="a rollback gives a bet back once, whatever is repeated",
        play=_rollback,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="rollback_first",
        says="a rollback of something unknown succeeds, and what comes late moves nothing",
        play=_rollback_first,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="double_rollback",
        says="a second rollback under another id succeeds and moves nothing",
        play=_double_rollback,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="rollback_of_win",
        says="a rollback of a win takes it back, below zero if need be",
        play=_rollback_of_win,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="win_after_rollback",
        says="a result after its bet was rolled back is still owed",
        play=_win_after_rollback,
        hindered=only_where(
            _wins_stand_alone,
            "the protocol has no rollback, or the win is undone with its bet",
        ),
    ),
    Scenario(
        name="repeat_after_rollback",
        says="a repeated bet that was rolled back meanwhile moves nothing",
        play=_repeat_after_rollback,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="rollback_of_declined_bet",
        says="a rollback of a declined bet succeeds and gives nothing",
        play=_rollback_of_declined,
        hindered=needs_rollbacks,
    ),
    Scenario(
        name="rollback_of_rollback",
        says="a rollback of a rollback moves nothing, and is answered as configured",
        play=_rollback_of_rollback,
        hindered=needs_rollbacks,
    ),
)
