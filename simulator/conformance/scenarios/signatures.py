"""Only the provider is believed, and only at the route it called."""

from dataclasses import replace

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.message_format import Message, printed
from simulator.protocol.messages import Call, CallKind

#: A secret that no receiver was ever given.
_STRANGE = b"a secret that was never agreed"


def _bet(session: ConformanceSession) -> Call:
    return session.bet(session.target.units(10))


async def _missing(session: ConformanceSession) -> None:
    bet = _bet(session)
    message = message_of(bet, session.target)
    body = printed(message.pairs)
    request = messages.with_signature(message.route, body, None, session.target)
    await session.turned_away(request, "bet without a signature")
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


async def _wrong(session: ConformanceSession) -> None:
    bet = _bet(session)
    message = message_of(bet, session.target)
    body = printed(message.pairs)
    good = messages.signature_of(body, session.target)
    for wrong in ("0" * len(good), "signature", "", good[:-1]):
        request = messages.with_signature(message.route, body, wrong, session.target)
        await session.turned_away(request, f"bet under the signature {wrong[:12]!r}…")
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


async def _other_secret(session: ConformanceSession) -> None:
    message = message_of(_bet(session), session.target)
    request = messages.signed(message, session.target, _STRANGE)
    await session.turned_away(request, "bet signed with a secret that does not hold")
    await session.balance_holds()


async def _old_secret(session: ConformanceSession) -> None:
    for secret in session.target.secrets[1:]:
        bet = _bet(session)
        request = messages.signed(message_of(bet, session.target), session.target, secret)
        await session.accepted(bet, moves=-bet.amount, request=request)
        await session.balance_holds()


async def _changed_body(session: ConformanceSession) -> None:
    message = message_of(_bet(session), session.target)
    request = messages.signed(message, session.target)
    name = messages.amount_field(session.target)
    token = dict(message.pairs)[name]
    digit = token.replace("1", "2", 1)
    field = printed([(name, token)])[1:-1]
    changed = printed([(name, digit)])[1:-1]
    assert request.body.count(field) == 1
    forged = replace(request, body=request.body.replace(field, changed))
    await session.turned_away(forged, "bet changed after it was signed")
    await session.balance_holds()


async def _endpoint_confusion(session: ConformanceSession) -> None:
    bet = _bet(session)
    await session.accepted(bet, moves=-bet.amount)
    for message, route in _misdirected(session, bet):
        request = messages.signed(Message(route, message.pairs), session.target)
        await session.turned_away(request, f"body for {message.route} sent to {route}")
    await session.balance_holds()


def _misdirected(session: ConformanceSession, bet: Call) -> list[tuple[Message, str]]:
    """Authentic messages, each with a route it does not belong to."""
    system = session.target.system
    calls = [session.rollback(bet)] if system.has_rollbacks else []
    calls += [session.call(CallKind.BALANCE, "", 0)] if system.asks_balances else []
    calls += [session.bet(1), session.win(1, bet)]
    if system.has_round_ends:
        calls.append(session.call(CallKind.ROUND_END, bet.reference, bet.amount))
    bodies = [message_of(call, session.target) for call in calls]
    return [
        (message, route)
        for message in bodies
        for route in system.messages.routes
        if route != message.route
    ]


SCENARIOS = (
    Scenario(
        name="signature_missing",
        says="nothing moves without a signature, and the same bet may come signed",
        play=_missing,
        hindered=always,
    ),
    Scenario(
        name="signature_wrong",
        says="nothing moves under a signature that does not hold",
        play=_wrong,
        hindered=always,
    ),
    Scenario(
        name="signature_of_another_secret",
        says="a secret that does not hold, or does no longer, proves nothing",
        play=_other_secret,
        hindered=always,
    ),
    Scenario(
        name="signature_of_old_secret",
        says="while secrets are exchanged, the older one holds too",
        play=_old_secret,
        hindered=only_where(lambda target: len(target.secrets) > 1, "one secret is configured"),
    ),
    Scenario(
        name="changed_after_signing",
        says="an amount changed on the way is refused",
        play=_changed_body,
        hindered=always,
    ),
    Scenario(
        name="endpoint_confusion",
        says="a body signed for one route is refused at every other",
        play=_endpoint_confusion,
        hindered=only_where(
            lambda target: len(target.system.messages.routes) > 1, "one URL hears everything"
        ),
    ),
)
