"""Once is once: first calls, repeats, and repeats that are none."""

import asyncio
from dataclasses import replace

from simulator.conformance.response import ProviderResponse
from simulator.conformance.scenario import only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call, CallKind, ReplyKind

#: The same bytes, this often at once.
COPIES = 16


def _note_copies(
    session: ConformanceSession, bet: Call, responses: list[ProviderResponse]
) -> None:
    replies = {response.reply for response in responses}
    same = len(replies) == 1 and responses[0].seen is ReplyKind.SUCCESS
    shown = sorted({response.shown for response in responses})
    more = f" and {len(shown) - 2} others" if len(shown) > 2 else ""
    seen = " / ".join(shown[:2]) + more
    sent = f"{session.words(bet)}, {COPIES} times at once"
    session.note(sent, "success, all replies the same", seen, passed=same)


@scenario()
async def first_bet(session: ConformanceSession) -> None:
    """A bet takes its stake."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


@scenario()
async def bet_and_its_win(session: ConformanceSession) -> None:
    """A win gives its payout."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    won = session.target.units(25)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()


@scenario(
    only_where(lambda target: target.system.asks_balances, "the protocol has no balance query")
)
async def balance_query(session: ConformanceSession) -> None:
    """A balance query names the balance and changes nothing."""
    await session.balance_holds()
    await session.balance_holds()


@scenario()
async def duplicate(session: ConformanceSession) -> None:
    """A repeated bet gets the same bytes, also later, and moves nothing."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.repeated(bet)
    other = session.bet(session.target.units(5))
    await session.accepted(other, moves=-other.amount)
    await session.repeated(bet)
    await session.balance_holds()


@scenario()
async def duplicate_win(session: ConformanceSession) -> None:
    """A repeated win gets the same bytes and moves nothing."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    win = session.win(session.target.units(25), bet)
    await session.accepted(win, moves=session.target.units(25))
    await session.repeated(win)
    await session.balance_holds()


@scenario()
async def concurrent_duplicates(session: ConformanceSession) -> None:
    """Sixteen copies at once move money once and get one reply."""
    bet = session.bet(session.target.units(10))
    request = session.signed(bet)
    responses = await asyncio.gather(*(session.ask(request, bet.kind) for _ in range(COPIES)))
    session.balance -= bet.amount
    _note_copies(session, bet, responses)
    await session.balance_holds()


@scenario()
async def changed_duplicate(session: ConformanceSession) -> None:
    """A known id with another amount is a conflict and moves nothing."""
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    changed = replace(bet, amount=session.target.units(11))
    await session.turned_down(changed, ReplyKind.CONFLICT)
    await session.repeated(bet)
    await session.balance_holds()


@scenario()
async def declined_bet(session: ConformanceSession) -> None:
    """A bet beyond the balance is declined, one of all of it is taken."""
    bet = session.bet(session.balance + 1)
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.repeated(bet)
    everything = session.bet(session.balance)
    await session.accepted(everything, moves=-everything.amount)
    await session.balance_holds()


@scenario()
async def declined_bet_repeated(session: ConformanceSession) -> None:
    """A declined bet stays declined, also when there is enough by then."""
    bet = session.bet(session.balance + session.target.units(1))
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.top_up(session.target.units(50))
    await session.repeated(bet)
    await session.balance_holds()
    again = replace(bet, reference=session.fresh())
    await session.accepted(again, moves=-again.amount)
    await session.balance_holds()


@scenario(
    only_where(lambda target: target.system.bets_carry_wins, "bet and win come separately")
)
async def funds_before_win(session: ConformanceSession) -> None:
    """Bet and win are one unit, and the bet must be covered without the win."""
    stake = session.balance + session.target.units(1)
    won = session.target.units(50)
    beyond = session.call(CallKind.BET_AND_WIN, session.fresh(), stake, payout=won)
    await session.turned_down(beyond, ReplyKind.DECLINED)
    within = session.call(CallKind.BET_AND_WIN, session.fresh(), session.balance, payout=won)
    await session.accepted(within, moves=won - within.amount)
    await session.repeated(within)
    await session.balance_holds()
