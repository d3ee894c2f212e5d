"""Once is once: first calls, repeats, and repeats that are none."""

import asyncio
from dataclasses import replace

from simulator.conformance.response import ProviderResponse
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call, CallKind, ReplyKind

#: The same bytes, this often at once.
COPIES = 16


async def _first_bet(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.balance_holds()


async def _bet_and_its_win(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    won = stage.subject.units(25)
    await stage.accepted(stage.win(won, bet), moves=won)
    await stage.balance_holds()


async def _balance_query(stage: ConformanceSession) -> None:
    await stage.balance_holds()
    await stage.balance_holds()


async def _duplicate(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.repeated(bet)
    other = stage.bet(stage.subject.units(5))
    await stage.accepted(other, moves=-other.amount)
    await stage.repeated(bet)
    await stage.balance_holds()


async def _duplicate_win(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    win = stage.win(stage.subject.units(25), bet)
    await stage.accepted(win, moves=stage.subject.units(25))
    await stage.repeated(win)
    await stage.balance_holds()


async def _concurrent_duplicates(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    request = stage.signed(bet)
    heard = await asyncio.gather(*(stage.ask(request, bet.kind) for _ in range(COPIES)))
    stage.balance -= bet.amount
    _note_copies(stage, bet, heard)
    await stage.balance_holds()


def _note_copies(stage: ConformanceSession, bet: Call, heard: list[ProviderResponse]) -> None:
    replies = {one.reply for one in heard}
    same = len(replies) == 1 and heard[0].seen is ReplyKind.SUCCESS
    shown = sorted({one.shown for one in heard})
    more = f" and {len(shown) - 2} others" if len(shown) > 2 else ""
    seen = " / ".join(shown[:2]) + more
    sent = f"{stage.words(bet)}, {COPIES} times at once"
    stage.note(sent, "success, all replies the same", seen, passed=same)


async def _changed_duplicate(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    changed = replace(bet, amount=stage.subject.units(11))
    await stage.turned_down(changed, ReplyKind.CONFLICT)
    await stage.repeated(bet)
    await stage.balance_holds()


async def _declined_bet(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.balance + 1)
    await stage.turned_down(bet, ReplyKind.DECLINED)
    await stage.repeated(bet)
    everything = stage.bet(stage.balance)
    await stage.accepted(everything, moves=-everything.amount)
    await stage.balance_holds()


async def _declined_repeated(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.balance + stage.subject.units(1))
    await stage.turned_down(bet, ReplyKind.DECLINED)
    await stage.top_up(stage.subject.units(50))
    await stage.repeated(bet)
    await stage.balance_holds()
    again = replace(bet, reference=stage.fresh())
    await stage.accepted(again, moves=-again.amount)
    await stage.balance_holds()


async def _funds_first(stage: ConformanceSession) -> None:
    stake = stage.balance + stage.subject.units(1)
    won = stage.subject.units(50)
    beyond = stage.call(CallKind.BET_AND_WIN, stage.fresh(), stake, payout=won)
    await stage.turned_down(beyond, ReplyKind.DECLINED)
    within = stage.call(CallKind.BET_AND_WIN, stage.fresh(), stage.balance, payout=won)
    await stage.accepted(within, moves=won - within.amount)
    await stage.repeated(within)
    await stage.balance_holds()


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
        hindered=only_where(lambda s: s.asks_balances, "the protocol has no balance query"),
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
        hindered=only_where(lambda s: s.is_one_unit, "bet and win come separately"),
    ),
)
