"""What may come in another order than it happened, and how a round ends."""

from dataclasses import replace

from simulator.conformance.scenario import Scenario, needs_separate_wins, only_where
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.messages import Call, CallKind, ProviderSystem, ReplyKind


def _credits_orphans(subject: ConformanceTarget) -> bool:
    """Where a win names no bet, any win is owed."""
    names_bet = subject.option("key_source", "round") == "round"
    return subject.orphan_win_credits or not names_bet


async def _orphan(stage: ConformanceSession, win: Call, moves: int) -> None:
    """A win that comes before its bet, or without one."""
    if _credits_orphans(stage.subject):
        await stage.accepted(win, moves=moves)
    else:
        await stage.turned_down(win, ReplyKind.REFUSED)


async def _win_without_bet(stage: ConformanceSession) -> None:
    won = stage.subject.units(20)
    win = stage.win(won, stage.bet(stage.subject.units(10)))
    await _orphan(stage, win, won)
    await stage.balance_holds()


async def _reorder(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    won = stage.subject.units(20)
    win = stage.win(won, bet)
    await _orphan(stage, win, won)
    await stage.accepted(bet, moves=-bet.amount)
    if _credits_orphans(stage.subject):
        await stage.repeated(win)
    else:
        await stage.accepted(win, moves=won)
    await stage.repeated(win)
    await stage.balance_holds()


async def _close_before_open(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    lost = stage.win(0, bet)
    await _orphan(stage, lost, 0)
    await stage.accepted(bet, moves=-bet.amount)
    if _credits_orphans(stage.subject):
        await stage.repeated(lost)
    else:
        await stage.accepted(lost, moves=0)
    changed = replace(lost, amount=stage.subject.units(20))
    await stage.turned_down(changed, ReplyKind.CONFLICT)
    await stage.balance_holds()


async def _end_then_settle(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    end = stage.call(CallKind.ROUND_END, bet.reference, bet.amount)
    await stage.accepted(end, moves=0)
    await stage.repeated(end)
    won = stage.subject.units(20)
    await stage.accepted(stage.win(won, bet), moves=won)
    await stage.balance_holds()


async def _end_before_bet(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    end = stage.call(CallKind.ROUND_END, bet.reference, bet.amount)
    await stage.accepted(end, moves=0)
    await stage.turned_down(bet, ReplyKind.REFUSED)
    await stage.repeated(end)
    await stage.turned_down(bet, ReplyKind.REFUSED, said=" again")
    await stage.balance_holds()


async def _end_books_missing(stage: ConformanceSession) -> None:
    stake, won = stage.subject.units(10), stage.subject.units(25)
    unseen, seen = stage.bet(stake), stage.bet(stake)
    end = stage.call(CallKind.ROUND_END, unseen.reference, stake, payout=won)
    await stage.accepted(end, moves=won - stake)
    await stage.repeated(end)
    await stage.acknowledged(unseen)
    await stage.acknowledged(stage.win(won, unseen))
    await stage.accepted(seen, moves=-stake)
    end = stage.call(CallKind.ROUND_END, seen.reference, stake, payout=won)
    await stage.accepted(end, moves=won)
    await stage.acknowledged(stage.win(won, seen))
    await stage.balance_holds()


def _ends_rounds(subject: ConformanceTarget) -> bool:
    return subject.side is ProviderSystem.AGGREGATOR


def _end_books(subject: ConformanceTarget) -> bool:
    return _ends_rounds(subject) and subject.option("bet_end", "compare") == "apply_missing"


def _end_compares(subject: ConformanceTarget) -> bool:
    return _ends_rounds(subject) and not _end_books(subject)


async def _several_results(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    results = [stage.win(stage.subject.units(whole), bet) for whole in (5, 7, 0)]
    for result in results:
        await stage.accepted(result, moves=result.amount)
    for result in results:
        await stage.repeated(result)
    await stage.balance_holds()


_NO_END = "the protocol has no message for a round's end"

SCENARIOS = (
    Scenario(
        name="reorder",
        says="a win before its bet, the bet, and the win again come to what they should",
        play=_reorder,
        hindered=needs_separate_wins,
    ),
    Scenario(
        name="win_without_bet",
        says="a win whose bet was never seen is credited or refused, as configured",
        play=_win_without_bet,
        hindered=needs_separate_wins,
    ),
    Scenario(
        name="end_then_late_win",
        says="the end of a round moves nothing, and a win after it is still paid",
        play=_end_then_settle,
        hindered=only_where(_ends_rounds, _NO_END),
    ),
    Scenario(
        name="end_before_bet",
        says="a round that ended before its bet came takes it no more",
        play=_end_before_bet,
        hindered=only_where(_end_compares, "no round's end that only compares"),
    ),
    Scenario(
        name="end_books_missing",
        says="a round's end books bet and win never seen, and the late originals move nothing",
        play=_end_books_missing,
        hindered=only_where(_end_books, "no round's end that books what is missing"),
    ),
    Scenario(
        name="several_results",
        says="one bet may have several results, each paid once",
        play=_several_results,
        hindered=only_where(
            lambda s: s.side is ProviderSystem.SPORTSBOOK, "a bet has at most one result"
        ),
    ),
    Scenario(
        name="close_before_open",
        says="a close before its open goes as configured, and a changed one is a conflict",
        play=_close_before_open,
        hindered=only_where(
            lambda s: s.side is ProviderSystem.XIGS, "rounds are not opened and closed"
        ),
    ),
)
