"""Undoing: amount and direction come from the original, and it is undone once."""

from simulator.conformance.scenario import needs_rollbacks, only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.messages import ReplyKind


def _wins_stand_alone(target: ConformanceTarget) -> bool:
    """Whether a rolled-back bet leaves its wins as they are."""
    return target.system.has_rollbacks and not target.system.wins_name_bets


@scenario(needs_rollbacks)
async def rollback(session: ConformanceSession) -> None:
    """A rollback gives a bet back once, whatever is repeated."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    undo = session.rollback(bet)
    await session.accepted(undo, moves=bet.amount)
    await session.repeated(undo)
    await session.balance_holds()


@scenario(needs_rollbacks)
async def rollback_first(session: ConformanceSession) -> None:
    """A rollback of something unknown succeeds, and what comes late moves nothing."""
    bet = session.bet(session.target.units(10))
    undo = session.rollback(bet)
    await session.accepted(undo, moves=0)
    await session.turned_down(bet, ReplyKind.REFUSED)
    await session.repeated(undo)
    await session.turned_down(bet, ReplyKind.REFUSED, remark=" again")
    await session.balance_holds()


@scenario(needs_rollbacks)
async def double_rollback(session: ConformanceSession) -> None:
    """A second rollback under another id succeeds and moves nothing."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    await session.accepted(session.rollback(bet), moves=0)
    await session.balance_holds()


@scenario(needs_rollbacks)
async def rollback_of_win(session: ConformanceSession) -> None:
    """A rollback of a win takes it back, below zero if need be."""
    won = session.target.units(50)
    win = await session.win_to_come(won, session.target.units(10))
    await session.accepted(win, moves=won)
    bet = session.bet(session.balance)
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(win), moves=-won)
    await session.balance_holds()


@scenario(
    only_where(
        _wins_stand_alone,
        "the protocol has no rollback, or the win is undone with its bet",
    )
)
async def win_after_rollback(session: ConformanceSession) -> None:
    """A result after its bet was rolled back is still owed."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    won = session.target.units(20)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()


def _wins_fall_with_bets(target: ConformanceTarget) -> bool:
    """Whether a win names a bet that may be rolled back."""
    return target.system.has_rollbacks and target.system.shares_rounds


@scenario(only_where(_wins_fall_with_bets, "no win names a bet that can be rolled back"))
async def win_of_rolled_back_bet(session: ConformanceSession) -> None:
    """A win that names a bet which was rolled back is refused."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    await session.turned_down(session.win(session.target.units(20), bet), ReplyKind.REFUSED)
    await session.balance_holds()


@scenario(needs_rollbacks)
async def repeat_after_rollback(session: ConformanceSession) -> None:
    """A repeated bet that was rolled back meanwhile moves nothing."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.accepted(session.rollback(bet), moves=bet.amount)
    await session.repeated(bet)
    await session.balance_holds()


@scenario(needs_rollbacks)
async def rollback_of_declined_bet(session: ConformanceSession) -> None:
    """A rollback of a declined bet succeeds and gives nothing."""
    bet = session.bet(session.balance + session.target.units(1))
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.accepted(session.rollback(bet), moves=0)
    await session.balance_holds()


@scenario(needs_rollbacks)
async def rollback_of_rollback(session: ConformanceSession) -> None:
    """A rollback of a rollback moves nothing, and is answered as configured."""
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
