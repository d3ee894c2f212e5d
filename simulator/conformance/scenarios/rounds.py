"""What may come in another order than it happened, and how a round ends."""

from dataclasses import replace

from simulator.conformance.scenario import needs_separate_wins, only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.messages import Call, CallKind, ReplyKind

_NO_END = "the protocol has no message for a round's end"


async def _orphan(session: ConformanceSession, win: Call, moves: int) -> None:
    """A win that comes before its bet, or without one."""
    if not session.target.wins_need_bets:
        await session.accepted(win, moves=moves)
    else:
        await session.turned_down(win, ReplyKind.REFUSED)


def _ends_rounds(target: ConformanceTarget) -> bool:
    return target.system.has_round_ends


def _end_books(target: ConformanceTarget) -> bool:
    return _ends_rounds(target) and target.system.messages.round_end_books(target)


def _end_compares(target: ConformanceTarget) -> bool:
    return _ends_rounds(target) and not _end_books(target)


@scenario(needs_separate_wins)
async def reorder(session: ConformanceSession) -> None:
    """A win before its bet, the bet, and the win again come to what they should."""
    bet = session.bet(session.target.units(10))
    won = session.target.units(20)
    win = session.win(won, bet)
    await _orphan(session, win, won)
    await session.accepted(bet, moves=-bet.amount)
    if not session.target.wins_need_bets:
        await session.repeated(win)
    else:
        await session.accepted(win, moves=won)
    await session.repeated(win)
    await session.balance_holds()


@scenario(needs_separate_wins)
async def win_without_bet(session: ConformanceSession) -> None:
    """A win whose bet was never seen is credited or refused, as configured."""
    won = session.target.units(20)
    win = session.win(won, session.bet(session.target.units(10)))
    await _orphan(session, win, won)
    await session.balance_holds()


@scenario(only_where(_ends_rounds, _NO_END))
async def end_then_late_win(session: ConformanceSession) -> None:
    """The end of a round moves nothing, and a win after it is still paid."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    end = session.call(CallKind.ROUND_END, bet.reference, bet.amount)
    await session.accepted(end, moves=0)
    await session.repeated(end)
    won = session.target.units(20)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()


@scenario(only_where(_end_compares, "no round's end that only compares"))
async def end_before_bet(session: ConformanceSession) -> None:
    """A round that ended before its bet came takes it no more."""
    bet = session.bet(session.target.units(10))
    end = session.call(CallKind.ROUND_END, bet.reference, bet.amount)
    await session.accepted(end, moves=0)
    await session.turned_down(bet, ReplyKind.REFUSED)
    await session.repeated(end)
    await session.turned_down(bet, ReplyKind.REFUSED, remark=" again")
    await session.balance_holds()


@scenario(only_where(_end_books, "no round's end that books what is missing"))
async def end_books_missing(session: ConformanceSession) -> None:
    """A round's end books bet and win never seen, and the late originals move nothing."""
    stake, won = session.target.units(10), session.target.units(25)
    unseen, seen = session.bet(stake), session.bet(stake)
    end = session.call(CallKind.ROUND_END, unseen.reference, stake, payout=won)
    await session.accepted(end, moves=won - stake)
    await session.repeated(end)
    await session.acknowledged(unseen)
    await session.acknowledged(session.win(won, unseen))
    await session.accepted(seen, moves=-stake)
    end = session.call(CallKind.ROUND_END, seen.reference, stake, payout=won)
    await session.accepted(end, moves=won)
    await session.acknowledged(session.win(won, seen))
    await session.balance_holds()


def _has_several_results(target: ConformanceTarget) -> bool:
    return target.system.shares_rounds or not target.system.wins_name_bets


@scenario(only_where(_has_several_results, "a bet has at most one result"))
async def several_results(session: ConformanceSession) -> None:
    """One bet may have several results, each paid once."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    results = [session.win(session.target.units(whole), bet) for whole in (5, 7, 0)]
    for result in results:
        await session.accepted(result, moves=result.amount)
    for result in results:
        await session.repeated(result)
    await session.balance_holds()


@scenario(
    only_where(lambda target: target.system.win_ends_round, "rounds are not opened and closed")
)
async def close_before_open(session: ConformanceSession) -> None:
    """A close before its open goes as configured, and a changed one is a conflict."""
    bet = session.bet(session.target.units(10))
    lost = session.win(0, bet)
    await _orphan(session, lost, 0)
    await session.accepted(bet, moves=-bet.amount)
    if not session.target.wins_need_bets:
        await session.repeated(lost)
    else:
        await session.accepted(lost, moves=0)
    changed = replace(lost, amount=session.target.units(20))
    await session.turned_down(changed, ReplyKind.CONFLICT)
    await session.balance_holds()


@scenario(only_where(lambda target: target.system.shares_rounds, "transactions share no round"))
async def closing_bet(session: ConformanceSession) -> None:
    """A bet may close its round, and a win that comes after it is still paid."""
    bet = replace(session.bet(session.target.units(10)), closes=True)
    await session.accepted(bet, moves=-bet.amount)
    await session.repeated(bet)
    won = session.target.units(20)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()
