"""Amounts at their edges, and the other way to write a body."""

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call
from vocabulary.money import text_from_minor


async def _precision(session: ConformanceSession) -> None:
    target = session.target
    finer = text_from_minor(target.units(10) * 10 + 1, target.exponent + 1)
    bet = session.bet(target.units(10))
    await _misspelt(session, bet, finer)
    await session.accepted(bet, moves=-bet.amount)
    least = session.bet(1)
    await session.accepted(least, moves=-1)
    await session.balance_holds()


async def _negative(session: ConformanceSession) -> None:
    bet = session.bet(session.target.units(10))
    await _misspelt(session, bet, session.target.text(-bet.amount))
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


async def _misspelt(session: ConformanceSession, bet: Call, amount: str) -> None:
    token = messages.amount_token(amount, session.target)
    name = messages.amount_field(session.target)
    message = message_of(bet, session.target).put(name, token)
    await session.turned_away(messages.signed(message, session.target), f"bet of {amount}")


async def _zero(session: ConformanceSession) -> None:
    bet = session.bet(0)
    await session.accepted(bet, moves=0)
    await session.repeated(bet)
    win = session.win(0, bet)
    await session.accepted(win, moves=0)
    await session.repeated(win)
    await session.balance_holds()


async def _form(session: ConformanceSession) -> None:
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


SCENARIOS = (
    Scenario(
        name="precision",
        says="an amount finer than the currency is refused, never rounded",
        play=_precision,
        hindered=always,
    ),
    Scenario(
        name="zero_amounts",
        says="bets and wins of nothing are taken and move nothing",
        play=_zero,
        hindered=always,
    ),
    Scenario(
        name="negative_amounts",
        says="a bet of less than nothing is refused",
        play=_negative,
        hindered=always,
    ),
    Scenario(
        name="form_body",
        says="a form is understood, signed over texts or numbers; a field twice is refused",
        play=_form,
        hindered=only_where(
            lambda target: target.system.messages.takes_forms(target), "bodies are JSON only"
        ),
    ),
)
