"""How answers look: statuses, and what a refusal must never say."""

from dataclasses import replace

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import scenario
from simulator.conformance.session import ConformanceSession
from simulator.protocol.json_text import WireRequest
from simulator.protocol.message_format import ANY_ERROR, printed
from simulator.protocol.messages import Call, CallKind, ReplyKind


def _cases(session: ConformanceSession) -> dict[str, WireRequest]:
    target = session.target
    bet = session.bet(target.units(10))
    message = message_of(bet, target)
    name = messages.amount_field(target)
    unknown = replace(bet, reference=session.fresh(), handle=f"nobody-{bet.handle}")
    return {
        "success": session.signed(bet),
        "declined": session.signed(session.bet(session.balance + target.units(1))),
        "unknown": session.signed(unknown),
        "malformed": messages.signed(message.put(name, "null"), target),
        "unsigned": messages.with_signature(
            message.route, printed(message.pairs), "0" * 64, target
        ),
    }


def _changed(bet: Call) -> Call:
    return replace(bet, amount=bet.amount + 1)


@scenario()
async def errors_name_no_balance(session: ConformanceSession) -> None:
    """No error carries a balance, unless a decline must, so that none is read as a success."""
    cases = _cases(session)
    bet = session.bet(session.target.units(10))
    await session.accepted(bet, moves=-bet.amount)
    cases["conflicting"] = session.signed(_changed(bet))
    del cases["success"]
    for case, request in cases.items():
        response = await session.ask(request, CallKind.BET)
        stands = response.seen in {ReplyKind.SUCCESS, ReplyKind.BALANCE, None}
        passed = response.is_bare and not stands
        session.note(f"{case} bet", "an error without a balance", response.shown, passed=passed)
    await session.balance_holds()


@scenario()
async def http_statuses(session: ConformanceSession) -> None:
    """Each answer has the status its protocol wants."""
    cases = _cases(session)
    session.balance -= session.target.units(10)
    for case, allowed in session.target.system.messages.statuses(session.target).items():
        response = await session.ask(cases[case], CallKind.BET)
        status = response.reply.status if response.reply else 0
        expected = "any 4xx" if allowed is ANY_ERROR else f"status {allowed[0]}"
        session.note(f"{case} bet", expected, response.shown, passed=status in allowed)
    await session.balance_holds()
