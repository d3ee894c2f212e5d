"""Only the provider is heard, and only at the place it spoke to."""

from dataclasses import replace

from simulator.conformance import messages
from simulator.conformance.messages import Message, message_of
from simulator.conformance.scenario import Scenario, always, only_where
from simulator.conformance.session import ConformanceSession
from simulator.protocol.messages import Call, CallKind, ProviderSystem

#: A secret that no receiver was ever given.
_STRANGE = b"a secret that was never agreed"


def _bet(stage: ConformanceSession) -> Call:
    return stage.bet(stage.subject.units(10))


async def _missing(stage: ConformanceSession) -> None:
    bet = _bet(stage)
    message = message_of(bet, stage.subject)
    body = messages.printed(message.pairs)
    request = messages.with_signature(message.route, body, None, stage.subject)
    await stage.turned_away(request, "bet without a signature")
    await stage.accepted(bet, moves=-bet.amount)
    await stage.balance_holds()


async def _wrong(stage: ConformanceSession) -> None:
    bet = _bet(stage)
    message = message_of(bet, stage.subject)
    body = messages.printed(message.pairs)
    good = messages.signature_of(body, stage.subject, stage.subject.secrets[0])
    for wrong in ("0" * len(good), "signature", "", good[:-1]):
        request = messages.with_signature(message.route, body, wrong, stage.subject)
        await stage.turned_away(request, f"bet under the signature {wrong[:12]!r}…")
    await stage.accepted(bet, moves=-bet.amount)
    await stage.balance_holds()


async def _other_secret(stage: ConformanceSession) -> None:
    message = message_of(_bet(stage), stage.subject)
    request = messages.signed(message, stage.subject, _STRANGE)
    await stage.turned_away(request, "bet signed with a secret that does not hold")
    await stage.balance_holds()


async def _old_secret(stage: ConformanceSession) -> None:
    for secret in stage.subject.secrets[1:]:
        bet = _bet(stage)
        request = messages.signed(message_of(bet, stage.subject), stage.subject, secret)
        await stage.accepted(bet, moves=-bet.amount, request=request)
        await stage.balance_holds()


async def _changed_body(stage: ConformanceSession) -> None:
    message = message_of(_bet(stage), stage.subject)
    request = messages.signed(message, stage.subject)
    name = messages.amount_field(stage.subject)
    token = dict(message.pairs)[name]
    digit = token.replace("1", "2", 1)
    field = messages.printed([(name, token)])[1:-1]
    changed = messages.printed([(name, digit)])[1:-1]
    assert request.body.count(field) == 1
    forged = replace(request, body=request.body.replace(field, changed))
    await stage.turned_away(forged, "bet changed after it was signed")
    await stage.balance_holds()


async def _endpoint_confusion(stage: ConformanceSession) -> None:
    bet = _bet(stage)
    await stage.accepted(bet, moves=-bet.amount)
    for said, route in _misdirected(stage, bet):
        request = messages.signed(Message(route, said.pairs), stage.subject)
        await stage.turned_away(request, f"body for {said.route} sent to {route}")
    await stage.balance_holds()


def _misdirected(stage: ConformanceSession, bet: Call) -> list[tuple[Message, str]]:
    """Bodies that are authentic and say something, each with a place it does not belong to."""
    if stage.subject.side is ProviderSystem.SPORTSBOOK:
        calls = [stage.rollback(bet), stage.bet(1), stage.win(1, bet)]
        routes: tuple[str, ...] = ("/transaction", "/transaction-rollback")
    else:
        other = stage.bet(1)
        end = stage.call(CallKind.ROUND_END, bet.reference, bet.amount)
        calls = [stage.call(CallKind.BALANCE, "", 0), other, stage.win(1, bet), end]
        routes = ("/balance", "/bet", "/settle-bet", "/bet-end", "/history")
    signed = [message_of(call, stage.subject) for call in calls]
    return [
        (message, route) for message in signed for route in routes if route != message.route
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
        hindered=only_where(lambda s: len(s.secrets) > 1, "one secret is configured"),
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
            lambda s: s.side in {ProviderSystem.AGGREGATOR, ProviderSystem.SPORTSBOOK},
            "one URL hears everything",
        ),
    ),
)
