"""Who may play, and with what money."""

import asyncio

from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget, LedgerHooks
from simulator.protocol.messages import ReplyKind


async def _unknown_player(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10), handle=f"nobody-{session.player.handle}")
    await session.turned_down(bet, ReplyKind.REFUSED)
    await session.balance_holds()


async def _wrong_currency(session: ConformanceSession) -> None:
    other = "USD" if session.target.currency == "EUR" else "EUR"
    bet = session.bet(session.target.units(10), currency=other)
    await session.turned_down(bet, ReplyKind.REFUSED, remark=f" in {other}")
    await session.balance_holds()


async def _blocked_player(session: ConformanceSession) -> None:
    before = session.bet(session.target.units(10))
    await session.accepted(before, moves=-before.amount)
    assert session.hooks.block is not None
    await asyncio.to_thread(session.hooks.block, session.player.player)
    session.note("the player is blocked", "done", "done", passed=True)
    await session.turned_down(session.bet(session.target.units(10)), ReplyKind.DECLINED)
    won = session.target.units(20)
    await session.accepted(session.win(won, before), moves=won)
    await session.balance_holds()


async def _expired_session(session: ConformanceSession) -> None:
    """Never played: ``_no_expiry`` gives the reason."""


def _cannot_block(_subject: ConformanceTarget, hooks: LedgerHooks) -> str:
    return "" if hooks.block else "players can be blocked in our own books only"


def _no_expiry(target: ConformanceTarget, _hooks: LedgerHooks) -> str:
    if target.system.names_session:
        return "callbacks name a session, but not when it ends"
    return "callbacks name no session"


SCENARIOS = (
    Scenario(
        name="blocked_player",
        says="a blocked player's bet is declined, a win is paid",
        play=_blocked_player,
        hindered=_cannot_block,
    ),
    Scenario(
        name="unknown_player",
        says="a player nobody knows is refused",
        play=_unknown_player,
        hindered=always,
    ),
    Scenario(
        name="wrong_currency",
        says="a bet in a currency the player has no wallet in is refused",
        play=_wrong_currency,
        hindered=only_where(
            lambda target: target.system.names_currency, "callbacks name no currency"
        ),
    ),
    Scenario(
        name="expired_session",
        says="a session that has ended takes no bets",
        play=_expired_session,
        hindered=_no_expiry,
    ),
)
