"""Only the provider is believed, and only at the route it called."""

from dataclasses import replace

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import only_where, scenario
from simulator.conformance.session import ConformanceSession
from simulator.protocol.message_format import Message, printed
from simulator.protocol.messages import Call, CallKind

#: The name of a secret that no receiver was ever given.
_STRANGE = b"a secret that was never agreed"


def _bet(session: ConformanceSession) -> Call:
    return session.bet(session.target.units(10))


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


@scenario()
async def signature_missing(session: ConformanceSession) -> None:
    """Nothing moves without a signature, and the same bet may come signed."""
    bet = _bet(session)
    message = message_of(bet, session.target)
    body = printed(message.pairs)
    request = messages.with_signature(message.route, body, None, session.target)
    await session.turned_away(request, "bet without a signature")
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


@scenario()
async def signature_wrong(session: ConformanceSession) -> None:
    """Nothing moves under a signature that does not hold."""
    bet = _bet(session)
    message = message_of(bet, session.target)
    body = printed(message.pairs)
    good = messages.signature_of(body, session.target)
    for wrong in ("0" * len(good), "signature", "", good[:-1]):
        request = messages.with_signature(message.route, body, wrong, session.target)
        await session.turned_away(request, f"bet under the signature {wrong[:12]!r}…")
    await session.accepted(bet, moves=-bet.amount)
    await session.balance_holds()


@scenario()
async def signature_of_another_secret(session: ConformanceSession) -> None:
    """A secret that does not hold, or does no longer, proves nothing."""
    message = message_of(_bet(session), session.target)
    strange = session.target.system.secret_of(_STRANGE)
    request = messages.signed(message, session.target, strange)
    await session.turned_away(request, "bet signed with a secret that does not hold")
    await session.balance_holds()


@scenario(only_where(lambda target: len(target.secrets) > 1, "one secret is configured"))
async def signature_of_old_secret(session: ConformanceSession) -> None:
    """While secrets are exchanged, the older one holds too."""
    for secret in session.target.secrets[1:]:
        bet = _bet(session)
        request = messages.signed(message_of(bet, session.target), session.target, secret)
        await session.accepted(bet, moves=-bet.amount, request=request)
        await session.balance_holds()


@scenario()
async def changed_after_signing(session: ConformanceSession) -> None:
    """An amount changed on the way is refused."""
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


@scenario(
    only_where(
        lambda target: len(target.system.messages.routes) > 1, "one URL hears everything"
    )
)
async def endpoint_confusion(session: ConformanceSession) -> None:
    """A body signed for one route is refused at every other."""
    bet = _bet(session)
    await session.accepted(bet, moves=-bet.amount)
    for message, route in _misdirected(session, bet):
        request = messages.signed(Message(route, message.pairs), session.target)
        await session.turned_away(request, f"body for {message.route} sent to {route}")
    await session.balance_holds()
