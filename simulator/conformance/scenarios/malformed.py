"""Bytes nobody should have sent: refused, without a balance, and nothing moves."""

from collections.abc import Callable, Iterator

from simulator.conformance import messages
from simulator.conformance.messages import Message, message_of
from simulator.conformance.scenario import Scenario, always
from simulator.conformance.session import ConformanceSession
from simulator.protocol.json_text import WireRequest

Requests = Iterator[tuple[str, WireRequest]]

_DEPTH = 5_000
_PADDING_BYTES = 1_000_000


def _bet(stage: ConformanceSession) -> Message:
    return message_of(stage.bet(stage.subject.units(10)), stage.subject)


def _raw(stage: ConformanceSession, what: str, body: bytes) -> tuple[str, WireRequest]:
    return what, messages.signed_bytes(_bet(stage).route, body, stage.subject)


def _garbage(stage: ConformanceSession) -> Requests:
    yield _raw(stage, "no bytes", b"")
    yield _raw(stage, "every byte there is", bytes(range(256)) * 4)
    yield _raw(stage, "a web page", b"<html><body>404</body></html>")
    yield _raw(stage, "null", b"null")
    yield _raw(stage, "a list", b"[1,2,3]")
    yield _raw(stage, "a text", b'"bet"')
    yield _raw(stage, "an empty object", b"{}")


def _truncated(stage: ConformanceSession) -> Requests:
    whole = messages.signed(_bet(stage), stage.subject)
    for part in (1, len(whole.body) // 2, len(whole.body) - 1):
        yield _raw(stage, f"the first {part} bytes of a bet", whole.body[:part])


def _nested(stage: ConformanceSession) -> Requests:
    yield _raw(stage, "nested lists", b"[" * _DEPTH + b"]" * _DEPTH)
    yield _raw(stage, "nested objects", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH)
    yield _raw(stage, "open brackets", b"[" * _DEPTH)
    deep = _bet(stage).put(messages.amount_field(stage.subject), "[" * 900 + "]" * 900)
    yield "a nested amount", messages.signed(deep, stage.subject)


def _duplicate_keys(stage: ConformanceSession) -> Requests:
    message = _bet(stage)
    name = messages.amount_field(stage.subject)
    small = messages.amount_token(stage.subject.text(1), stage.subject)
    sent = ((name, small), *message.pairs)
    yield "an amount twice", messages.sent_otherwise(message, sent, stage.subject)
    who = messages.player_field(stage.subject)
    sent = ((who, '"somebody-else"'), *message.pairs)
    yield "a player twice", messages.sent_otherwise(message, sent, stage.subject)


def _numbers(stage: ConformanceSession) -> Requests:
    for token in ("NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "1e999999999", "true"):
        message = _bet(stage).put(messages.amount_field(stage.subject), token)
        yield f"a bet of {token[:12]}", messages.signed(message, stage.subject)
    for text in ("NaN", "1_000", " 10", "0x10", "", "١٠"):  # noqa: RUF001 - Arabic digits
        message = _bet(stage).put(messages.amount_field(stage.subject), f'"{text}"')
        yield f"a bet of the text {text!r}", messages.signed(message, stage.subject)


def _encodings(stage: ConformanceSession) -> Requests:
    message = _bet(stage)
    who = messages.player_field(stage.subject)
    for what, token in {
        "not UTF-8": '"\udcff\udcfe"',
        "overlong UTF-8": '"\udcc0\udc80"',
        "a lone surrogate": '"\\ud800"',
        "a zero byte": '"\\u0000"',
    }.items():
        yield what, messages.signed(message.put(who, token), stage.subject)
    body = messages.signed(message, stage.subject).body
    yield _raw(stage, "UTF-16", body.decode().encode("utf-16"))


def _oversized(stage: ConformanceSession) -> Requests:
    whole = messages.signed(_bet(stage), stage.subject)
    padded = whole.body + b" " * _PADDING_BYTES
    yield _raw(stage, f"a bet and {_PADDING_BYTES} blanks", padded)


def _scenario(
    name: str, says: str, requests: Callable[[ConformanceSession], Requests]
) -> Scenario:
    async def play(stage: ConformanceSession) -> None:
        for what, request in requests(stage):
            await stage.turned_away(request, what)
        await stage.balance_holds()

    return Scenario(name=name, says=says, play=play, hindered=always)


SCENARIOS = (
    _scenario("hostile_garbage", "what is no message is refused", _garbage),
    _scenario("hostile_truncated", "a message that breaks off is refused", _truncated),
    _scenario("hostile_nesting", "deep nesting is refused", _nested),
    _scenario("hostile_duplicate_keys", "a key that stands twice is refused", _duplicate_keys),
    _scenario("hostile_numbers", "numbers that are no money are refused", _numbers),
    _scenario("hostile_encoding", "text that is no UTF-8, or no name, is refused", _encodings),
    _scenario("hostile_oversized", "a body beyond every message is refused", _oversized),
)
