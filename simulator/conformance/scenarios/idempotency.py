"""Once is once: first calls, repeats, and repeats that are none."""

import asyncio
from dataclasses import replace

from simulator.conformance.response import ProviderResponse
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call, CallKind, ReplyKind

#: The same bytes, this often at once.
COPIES = 16


async def _first_bet(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


async def _bet_and_its_win(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    won = session.target.units(25)
    await session.accepted(session.win(won, bet), moves=won)
    await session.balance_holds()


async def _balance_query(session: ConformanceSession) -> None:
    await session.balance_holds()
    await session.balance_holds()


async def _duplicate(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    await session.repeated(bet)
    other = session.bet(session.target.units(5))
    await session.accepted(other, moves=-other.amount)
    await session.repeated(bet)
    await session.balance_holds()


async def _duplicate_win(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    win = session.win(session.target.units(25), bet)
    await session.accepted(win, moves=session.target.units(25))
    await session.repeated(win)
    await session.balance_holds()


async def _concurrent_duplicates(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    request = session.signed(bet)
    responses = await asyncio.gather(*(session.ask(request, bet.kind) for _ in range(COPIES)))
    session.balance -= bet.amount
    _note_copies(session, bet, responses)
    await session.balance_holds()


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


async def _changed_duplicate(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    changed = replace(bet, amount=session.target.units(11))
    await session.turned_down(changed, ReplyKind.CONFLICT)
    await session.repeated(bet)
    await session.balance_holds()


async def _declined_bet(session: ConformanceSession) -> None:
    bet = session.bet(session.balance + 1)
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.repeated(bet)
    everything = session.bet(session.balance)
    await session.accepted(everything, moves=-everything.amount)
    await session.balance_holds()


async def _declined_repeated(session: ConformanceSession) -> None:
    bet = session.bet(session.balance + session.target.units(1))
    await session.turned_down(bet, ReplyKind.DECLINED)
    await session.top_up(session.target.units(50))
    await session.repeated(bet)
    await session.balance_holds()
    again = replace(bet, reference=session.fresh())
    await session.accepted(again, moves=-again.amount)
    await session.balance_holds()


async def _funds_first(session: ConformanceSession) -> None:
    stake = session.balance + session.target.units(1)
    won = session.target.units(50)
    beyond = session.call(CallKind.BET_AND_WIN, session.fresh(), stake, payout=won)
    await session.turned_down(beyond, ReplyKind.DECLINED)
    within = session.call(CallKind.BET_AND_WIN, session.fresh(), session.balance, payout=won)
    await session.accepted(within, moves=won - within.amount)
    await session.repeated(within)
    await session.balance_holds()


SCENARIOS = (
    Scenario(
        name="first_bet",
        says="a bet takes its stake",
        play=_first_bet,
        hindered=always,
    ),
    Scenario(
        name="bet_and_its_win",
        says="a win gives its payout",
        play=_bet_and_its_win,
        hindered=always,
    ),
    Scenario(
        name="balance_query",
        says="a balance query names the balance and changes nothing",
        play=_balance_query,
        hindered=only_where(
            lambda target: target.system.asks_balances, "the protocol has no balance query"
        ),
    ),
    Scenario(
        name="duplicate",
        says="a repeated bet gets the same bytes, also later, and moves nothing",
        play=_duplicate,
        hindered=always,
    ),
    Scenario(
        name="duplicate_win",
        says="a repeated win gets the same bytes and moves nothing",
        play=_duplicate_win,
        hindered=always,
    ),
    Scenario(
        name="concurrent_duplicates",
        says="sixteen copies at once move money once and get one reply",
        play=_concurrent_duplicates,
        hindered=always,
    ),
    Scenario(
        name="changed_duplicate",
        says="a known id with another amount is a conflict and moves nothing",
        play=_changed_duplicate,
        hindered=always,
    ),
    Scenario(
        name="declined_bet",
        says="a bet beyond the balance is declined, one of all of it is taken",
        play=_declined_bet,
        hindered=always,
    ),
    Scenario(
        name="declined_bet_repeated",
        says="a declined bet stays declined, also when there is enough by then",
        play=_declined_repeated,
        hindered=always,
    ),
    Scenario(
        name="funds_before_win",
        says="bet and win are one unit, and the bet must be covered without the win",
        play=_funds_first,
        hindered=only_where(
            lambda target: target.system.bets_carry_wins, "bet and win come separately"
        ),
    ),
)
