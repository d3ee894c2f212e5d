"""Undoing: amount and direction come from the original, and it is undone once."""

from simulator.conformance.scenario import Scenario, needs_rollbacks, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import ProviderSystem, ReplyKind


async def _rollback(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    undo = stage.rollback(bet)
    await stage.accepted(undo, moves=bet.amount)
    await stage.repeated(undo)
    await stage.balance_holds()


async def _rollback_first(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    undo = stage.rollback(bet)
    await stage.accepted(undo, moves=0)
    await stage.turned_down(bet, ReplyKind.REFUSED)
    await stage.repeated(undo)
    await stage.turned_down(bet, ReplyKind.REFUSED, said=" again")
    await stage.balance_holds()


async def _double_rollback(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.accepted(stage.rollback(bet), moves=bet.amount)
    await stage.accepted(stage.rollback(bet), moves=0)
    await stage.balance_holds()


async def _rollback_of_win(stage: ConformanceSession) -> None:
    won = stage.subject.units(50)
    win = stage.win(won, stage.bet(stage.subject.units(10)))
    await stage.accepted(win, moves=won)
    bet = stage.bet(stage.balance)
    await stage.accepted(bet, moves=-bet.amount)
    await stage.accepted(stage.rollback(win), moves=-won)
    await stage.balance_holds()


async def _win_after_rollback(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.accepted(stage.rollback(bet), moves=bet.amount)
    won = stage.subject.units(20)
    await stage.accepted(stage.win(won, bet), moves=won)
    await stage.balance_holds()


async def _repeat_after_rollback(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.accepted(stage.rollback(bet), moves=bet.amount)
    await stage.repeated(bet)
    await stage.balance_holds()


async def _rollback_of_declined(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.balance + stage.subject.units(1))
    await stage.turned_down(bet, ReplyKind.DECLINED)
    await stage.accepted(stage.rollback(bet), moves=0)
    await stage.balance_holds()


async def _rollback_of_rollback(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    undo = stage.rollback(bet)
    await stage.accepted(undo, moves=bet.amount)
    redo = stage.rollback(undo)
    if stage.subject.rollback_of_rollback_accepts:
        await stage.accepted(redo, moves=0)
    else:
        await stage.turned_down(redo, ReplyKind.REFUSED)
    await stage.balance_holds()


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
            lambda s: s.side is ProviderSystem.SPORTSBOOK,
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
