"""Who may play, and with what money."""

import asyncio

from simulator.conformance.scenario import only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget, LedgerHooks
from simulator.protocol.messages import ReplyKind


def _cannot_block(_subject: ConformanceTarget, hooks: LedgerHooks) -> str:
    return "" if hooks.block else "players can be blocked in our own books only"


def _no_expiry(target: ConformanceTarget, _hooks: LedgerHooks) -> str:
    if target.system.names_session:
        return "callbacks name a session, but not when it ends"
    return "callbacks name no session"


@scenario(_cannot_block)
async def blocked_player(session: ConformanceSession) -> None:
    """A blocked player's bet is declined, a win is paid."""
    before = session.bet(session.target.units(10))
    await session.accepted(before, moves=-before.amount)
    assert session.hooks.block is not None
    await asyncio.to_thread(session.hooks.block, session.player.player)
    session.note("the player is blocked", "done", "done", passed=True)
    await session.turned_down(session.bet(session.target.units(10)), ReplyKind.DECLINED)
    won = session.target.units(20)
    await session.accepted(session.win(won, before), moves=won)
    await session.balance_holds()


@scenario()
async def unknown_player(session: ConformanceSession) -> None:
    """A player nobody knows is refused."""
    bet = session.bet(session.target.units(10), handle=f"nobody-{session.player.handle}")
    await session.turned_down(bet, ReplyKind.REFUSED)
    await session.balance_holds()


@scenario(only_where(lambda target: target.system.names_currency, "callbacks name no currency"))
async def wrong_currency(session: ConformanceSession) -> None:
    """A bet in a currency the player has no wallet in is refused."""
    other = "USD" if session.target.currency == "EUR" else "EUR"
    bet = session.bet(session.target.units(10), currency=other)
    await session.turned_down(bet, ReplyKind.REFUSED, remark=f" in {other}")
    await session.balance_holds()


@scenario(_no_expiry)
async def expired_session(session: ConformanceSession) -> None:
    """A session that has ended takes no bets."""
    # Never played: ``_no_expiry`` gives the reason.
