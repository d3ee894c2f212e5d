"""Amounts at their edges, and the other way to write a body."""

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call
from vocabulary.money import text_from_minor


async def _misspelt(session: ConformanceSession, bet: Call, amount: str) -> None:
    token = messages.amount_token(amount, session.target)
    name = messages.amount_field(session.target)
    message = message_of(bet, session.target).put(name, token)
    await session.turned_away(messages.signed(message, session.target), f"bet of {amount}")


@scenario()
async def precision(session: ConformanceSession) -> None:
    """An amount finer than the currency is refused, never rounded."""
    target = session.target
    finer = text_from_minor(target.units(10) * 10 + 1, target.exponent + 1)
    bet = session.bet(target.units(10))
    await _misspelt(session, bet, finer)
    await session.accepted(bet, moves=-bet.amount)
    least = session.bet(1)
    await session.accepted(least, moves=-1)
    await session.balance_holds()


@scenario()
async def zero_amounts(session: ConformanceSession) -> None:
    """Bets and wins of nothing are taken and move nothing."""
    bet = session.bet(0)
    await session.accepted(bet, moves=0)
    await session.repeated(bet)
    win = session.win(0, bet)
    await session.accepted(win, moves=0)
    await session.repeated(win)
    await session.balance_holds()


@scenario()
async def negative_amounts(session: ConformanceSession) -> None:
    """A bet of less than nothing is refused."""
    bet = session.bet(session.target.units(10))
    await _misspelt(session, bet, session.target.text(-bet.amount))
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


@scenario(
    only_where(
        lambda target: target.system.messages.takes_forms(target), "bodies are JSON only"
    )
)
async def form_body(session: ConformanceSession) -> None:
    """A form is understood, signed over texts or numbers; a field twice is refused."""
    for as_texts in (True, False):
        bet = session.bet(session.target.units(10))
        message = message_of(bet, session.target)
        request = messages.form(message, session.target, as_texts=as_texts)
        await session.accepted(bet, moves=-bet.amount, request=request)
        await session.repeated(bet, request=request)
    bet = session.bet(session.target.units(10))
    message = message_of(bet, session.target)
    twice = messages.form(
        message, session.target, as_texts=True, twice=messages.amount_field(session.target)
    )
    await session.turned_away(twice, "form with a field twice")
    await session.balance_holds()
