"""Amounts at their edges, and the other way to write a body."""

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call, ProviderSystem
from vocabulary.money import text_from_minor


async def _precision(stage: ConformanceSession) -> None:
    subject = stage.subject
    finer = text_from_minor(subject.units(10) * 10 + 1, subject.exponent + 1)
    bet = stage.bet(subject.units(10))
    await _misspelt(stage, bet, finer)
    await stage.accepted(bet, moves=-bet.amount)
    least = stage.bet(1)
    await stage.accepted(least, moves=-1)
    await stage.balance_holds()


async def _negative(stage: ConformanceSession) -> None:
    bet = stage.bet(stage.subject.units(10))
    await _misspelt(stage, bet, stage.subject.text(-bet.amount))
    await stage.accepted(bet, moves=-bet.amount)
    await stage.balance_holds()


async def _misspelt(stage: ConformanceSession, bet: Call, amount: str) -> None:
    token = messages.amount_token(amount, stage.subject)
    name = messages.amount_field(stage.subject)
    message = message_of(bet, stage.subject).put(name, token)
    await stage.turned_away(messages.signed(message, stage.subject), f"bet of {amount}")


async def _zero(stage: ConformanceSession) -> None:
    bet = stage.bet(0)
    await stage.accepted(bet, moves=0)
    await stage.repeated(bet)
    win = stage.win(0, bet)
    await stage.accepted(win, moves=0)
    await stage.repeated(win)
    await stage.balance_holds()


async def _form(stage: ConformanceSession) -> None:
    for as_texts in (True, False):
        bet = stage.bet(stage.subject.units(10))
        message = message_of(bet, stage.subject)
        request = messages.form(message, stage.subject, as_texts=as_texts)
        await stage.accepted(bet, moves=-bet.amount, request=request)
        await stage.repeated(bet, request=request)
    bet = stage.bet(stage.subject.units(10))
    message = message_of(bet, stage.subject)
    twice = messages.form(message, stage.subject, as_texts=True, twice="balance")
    await stage.turned_away(twice, "form with a field twice")
    await stage.balance_holds()


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
            lambda s: (
                s.side is ProviderSystem.AGGREGATOR and bool(s.options.get("form_bodies", True))
            ),
            "bodies are JSON only",
        ),
    ),
)
