"""Who may play, and with what money."""

import asyncio

from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget, LedgerHooks
from simulator.protocol.messages import ProviderSystem, ReplyKind


async def _unknown_player(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10), handle=f"nobody-{stage.guest.handle}")
    await stage.turned_down(bet, ReplyKind.REFUSED)
    await stage.balance_holds()


async def _wrong_currency(stage: ConformanceSession) -> None:
    other = "USD" if stage.subject.currency == "EUR" else "EUR"
    bet = stage.bet(stage.subject.units(10), currency=other)
    await stage.turned_down(bet, ReplyKind.REFUSED, said=f" in {other}")
    await stage.balance_holds()


async def _blocked_player(stage: ConformanceSession) -> None:
    before = stage.bet(stage.subject.units(10))
    await stage.accepted(before, moves=-before.amount)
    assert stage.hooks.block is not None
    await asyncio.to_thread(stage.hooks.block, stage.guest.player)
    stage.note("the player is blocked", "done", "done", passed=True)
    await stage.turned_down(stage.bet(stage.subject.units(10)), ReplyKind.DECLINED)
    won = stage.subject.units(20)
    await stage.accepted(stage.win(won, before), moves=won)
    await stage.balance_holds()


async def _expired_session(stage: ConformanceSession) -> None:
    """Is never played: see why it is hindered."""


def _cannot_block(_subject: ConformanceTarget, hooks: LedgerHooks) -> str:
    return "" if hooks.block else "players can be blocked in our own books only"


def _no_expiry(subject: ConformanceTarget, _hooks: LedgerHooks) -> str:
    if subject.side in {ProviderSystem.AGENT_PLATFORM, ProviderSystem.XIGS}:
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
            lambda s: s.side is not ProviderSystem.AGGREGATOR, "callbacks name no currency"
        ),
    ),
    Scenario(
        name="expired_session",
        says="a session that has ended takes no bets",
        play=_expired_session,
        hindered=_no_expiry,
    ),
)
