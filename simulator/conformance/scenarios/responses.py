"""How answers look: statuses, and what a refusal must never say."""

from dataclasses import replace

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import Scenario, always
from simulator.conformance.session import ConformanceSession
from simulator.conformance.target import ConformanceTarget
from simulator.protocol.json_text import WireRequest
from simulator.protocol.messages import Call, CallKind, ProviderSystem, ReplyKind

_ANY_ERROR = tuple(range(400, 500))


def statuses(subject: ConformanceTarget) -> dict[str, tuple[int, ...]]:
    """The HTTP statuses each case may be answered with, by the sheets and the options."""
    number = subject.number
    match subject.side:
        case ProviderSystem.SPORTSBOOK:
            always_200 = dict.fromkeys(("success", "declined", "unknown", "malformed"), (200,))
            return {**always_200, "unsigned": (number("bad_hash_status", 200),)}
        case ProviderSystem.AGGREGATOR:
            return {
                "success": (200,),
                "declined": (number("insufficient_funds_status", 400),),
                "unknown": (number("player_unknown_status", 404),),
                "malformed": (400,),
                "unsigned": (401,),
            }
        case ProviderSystem.AGENT_PLATFORM:
            return {
                "success": (200,),
                "declined": (number("insufficient_funds_status", 400),),
                **dict.fromkeys(("unknown", "malformed", "unsigned"), _ANY_ERROR),
            }
        case ProviderSystem.XIGS:
            named = {"declined": (402,), "unknown": (404,), "unsigned": (401,)}
            return {"success": (200,), **named, "malformed": (400,)}


async def _statuses(stage: ConformanceSession) -> None:
    cases = _cases(stage)
    stage.balance -= stage.subject.units(10)
    for case, wanted in statuses(stage.subject).items():
        heard = await stage.ask(cases[case], CallKind.BET)
        status = heard.reply.status if heard.reply else 0
        expected = "any 4xx" if wanted is _ANY_ERROR else f"status {wanted[0]}"
        stage.note(f"{case} bet", expected, heard.shown, passed=status in wanted)
    await stage.balance_holds()


def _cases(stage: ConformanceSession) -> dict[str, WireRequest]:
    subject = stage.subject
    bet = stage.bet(subject.units(10))
    message = message_of(bet, subject)
    name = messages.amount_field(subject)
    unknown = replace(bet, reference=stage.fresh(), handle=f"nobody-{bet.handle}")
    return {
        "success": stage.signed(bet),
        "declined": stage.signed(stage.bet(stage.balance + subject.units(1))),
        "unknown": stage.signed(unknown),
        "malformed": messages.signed(message.put(name, "null"), subject),
        "unsigned": messages.with_signature(
            message.route, messages.printed(message.pairs), "0" * 64, subject
        ),
    }


async def _no_balance(stage: ConformanceSession) -> None:
    cases = _cases(stage)
    bet = stage.bet(stage.subject.units(10))
    await stage.accepted(bet, moves=-bet.amount)
    cases["conflicting"] = stage.signed(_changed(bet))
    del cases["success"]
    for case, request in cases.items():
        heard = await stage.ask(request, CallKind.BET)
        stands = heard.seen in {ReplyKind.SUCCESS, ReplyKind.BALANCE, None}
        passed = heard.is_bare and not stands
        stage.note(f"{case} bet", "an error without a balance", heard.shown, passed=passed)
    await stage.balance_holds()


def _changed(bet: Call) -> Call:
    return replace(bet, amount=bet.amount + 1)


SCENARIOS = (
    Scenario(
        name="errors_name_no_balance",
        says="no error carries a balance, so that none is read as a success",
        play=_no_balance,
        hindered=always,
    ),
    Scenario(
        name="http_statuses",
        says="each answer has the status its protocol wants",
        play=_statuses,
        hindered=always,
    ),
)
