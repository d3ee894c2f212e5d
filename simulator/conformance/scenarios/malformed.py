"""Bytes nobody should have sent: refused, without a balance, and nothing moves."""

from collections.abc import Callable, Iterator
from functools import update_wrapper

from simulator.conformance import messages
from simulator.conformance.messages import message_of
from simulator.conformance.scenario import Scenario, scenario
from simulator.conformance.session import ConformanceSession
from simulator.protocol.json_text import WireRequest
from simulator.protocol.message_format import Message

Requests = Iterator[tuple[str, WireRequest]]
_DEPTH = 5_000
_PADDING_BYTES = 1_000_000


def _bet(session: ConformanceSession) -> Message:
    return message_of(session.bet(session.target.units(10)), session.target)


def _raw(session: ConformanceSession, case: str, body: bytes) -> tuple[str, WireRequest]:
    return case, messages.signed_bytes(_bet(session).route, body, session.target)


def _refused(requests: Callable[[ConformanceSession], Requests]) -> Scenario:
    """A scenario in which every request must be refused."""

    async def play(session: ConformanceSession) -> None:
        for case, request in requests(session):
            await session.turned_away(request, case)
        await session.balance_holds()

    return scenario()(update_wrapper(play, requests))


@_refused
def hostile_garbage(session: ConformanceSession) -> Requests:
    """What is no message is refused."""
    yield _raw(session, "no bytes", b"")
    yield _raw(session, "every byte there is", bytes(range(256)) * 4)
    yield _raw(session, "a web page", b"<html><body>404</body></html>")
    yield _raw(session, "null", b"null")
    yield _raw(session, "a list", b"[1,2,3]")
    yield _raw(session, "a text", b'"bet"')
    yield _raw(session, "an empty object", b"{}")


@_refused
def hostile_truncated(session: ConformanceSession) -> Requests:
    """A message that breaks off is refused."""
    whole = messages.signed(_bet(session), session.target)
    for part in (1, len(whole.body) // 2, len(whole.body) - 1):
        yield _raw(session, f"the first {part} bytes of a bet", whole.body[:part])


@_refused
def hostile_nesting(session: ConformanceSession) -> Requests:
    """Deep nesting is refused."""
    yield _raw(session, "nested lists", b"[" * _DEPTH + b"]" * _DEPTH)
    yield _raw(session, "nested objects", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH)
    yield _raw(session, "open brackets", b"[" * _DEPTH)
    deep = _bet(session).put(messages.amount_field(session.target), "[" * 900 + "]" * 900)
    yield "a nested amount", messages.signed(deep, session.target)


@_refused
def hostile_duplicate_keys(session: ConformanceSession) -> Requests:
    """A key that stands twice is refused."""
    message = _bet(session)
    name = messages.amount_field(session.target)
    small = messages.amount_token(session.target.text(1), session.target)
    sent = ((name, small), *message.pairs)
    yield "an amount twice", messages.sent_otherwise(message, sent, session.target)
    player = messages.player_field(session.target)
    sent = ((player, '"somebody-else"'), *message.pairs)
    yield "a player twice", messages.sent_otherwise(message, sent, session.target)


@_refused
def hostile_numbers(session: ConformanceSession) -> Requests:
    """Numbers that are no money are refused."""
    for token in ("NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "1e999999999", "true"):
        message = _bet(session).put(messages.amount_field(session.target), token)
        yield f"a bet of {token[:12]}", messages.signed(message, session.target)
    for text in ("NaN", "1_000", " 10", "0x10", "", "١٠"):  # noqa: RUF001 - Arabic digits
        message = _bet(session).put(messages.amount_field(session.target), f'"{text}"')
        yield f"a bet of the text {text!r}", messages.signed(message, session.target)


@_refused
def hostile_encoding(session: ConformanceSession) -> Requests:
    """Text that is no UTF-8, or no name, is refused."""
    message = _bet(session)
    player = messages.player_field(session.target)
    for case, token in {
        "not UTF-8": '"\udcff\udcfe"',
        "overlong UTF-8": '"\udcc0\udc80"',
        "a lone surrogate": '"\\ud800"',
        "a zero byte": '"\\u0000"',
    }.items():
        yield case, messages.signed(message.put(player, token), session.target)
    body = messages.signed(message, session.target).body
    yield _raw(session, "UTF-16", body.decode().encode("utf-16"))


@_refused
def hostile_oversized(session: ConformanceSession) -> Requests:
    """A body beyond every message is refused."""
    whole = messages.signed(_bet(session), session.target)
    padded = whole.body + b" " * _PADDING_BYTES
    yield _raw(session, f"a bet and {_PADDING_BYTES} blanks", padded)
