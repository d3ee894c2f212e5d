"""What every dialect must keep, whoever speaks: run over the registry, none is named here."""

import json
from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from providers.contract import Callback, Provider
from providers.registry import DIALECTS
from simulator.systems.registry import SYSTEMS
from tests.harness.providers.speaker import SECRET, Speaker, configured, secret_of
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.providers.systems import configuration
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.facts import Fact, UnreadableHistory
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

CANARY = "canary-in-the-body-51b9"
#: Verdicts after which the provider may believe that the request stands.
STANDS = {Verdict.BALANCE, Verdict.ACCEPTED, Verdict.REPEATED, Verdict.RECORDED}
#: A bet that the balance cannot cover.
DECLINED = {Verdict.DECLINED_FUNDS}

HOSTILE: Mapping[str, bytes] = {
    "nothing": b"",
    "blank": b" ",
    "zero byte": b"\x00",
    "garbage": bytes(range(256)) * 4,
    "truncated": b'{"user_agent":"u","bal',
    "not an object": b"[1,2,3]",
    "a text": b'"user_agent"',
    "a number": b"12345678901234567890",
    "null": b"null",
    "commas": b"," * 100_000,
    "empty object": b"{}",
    "brackets": b"[" * 100_000,
    "objects": b'{"a":' * 100_000,
    "closed brackets": b"[" * 5_000 + b"]" * 5_000,
    "key twice": b'{"amount":"1","amount":"2"}',
    "key twice inside": b'{"a":{"b":1,"b":2}}',
    "NaN": b'{"balance":NaN}',
    "infinity": b'{"balance":-Infinity}',
    "1e400": b'{"balance":1e400}',
    "huge integer": b'{"balance":' + b"9" * 5_000 + b"}",
    "huge exponent": b'{"balance":1e999999999}',
    "not UTF-8": b'{"user_agent":"\xff\xfe"}',
    "overlong UTF-8": b'{"user_agent":"\xc0\x80"}',
    "UTF-16": '{"user_agent":"u"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"user_agent":"u"}',
    "lone surrogate": b'{"user_agent":"\\ud800"}',
    "prototype": b'{"__proto__":{"hmac":"x"}}',
    "form": b"user_agent=u&balance=5",
    "broken form": b"user_agent=%zz&&&=",
    "web page": b"<html><body>404</body></html>",
    "large": b'{"a":"' + b"x" * 1_000_000 + b'"}',
}
CONTENT_TYPES = {
    "none": {},
    "json": {"content-type": "application/json"},
    "form": {"content-type": "application/x-www-form-urlencoded"},
    "text": {"content-type": "text/plain"},
    "upper": {"content-type": "APPLICATION/JSON;CHARSET=UTF-8"},
    "other charset": {"content-type": "application/x-www-form-urlencoded; charset=utf-16"},
    "not ASCII": {"content-type": "\udcff/é"},
    "megabyte": {"content-type": "a" * 1_000_000},
}


def routes() -> Iterator[tuple[str, str]]:
    for name, dialect in DIALECTS.items():
        yield from ((name, route) for route in dialect.routes)


def pairs_of_routes() -> Iterator[tuple[str, str, str]]:
    for name, signed_for in routes():
        yield from ((name, signed_for, r) for r in DIALECTS[name].routes if r != signed_for)


every_dialect = pytest.mark.parametrize("name", DIALECTS)
every_route = pytest.mark.parametrize(("name", "route"), list(routes()))


def understood(speaker: Speaker, callback: Callback) -> Fact:
    provider = configured(speaker.dialect)
    return speaker.dialect.parse(speaker.dialect.verify(callback, provider), provider)


def test_every_dialect_has_a_voice_here_and_stands_under_its_own_name() -> None:
    assert SPEAKERS.keys() == DIALECTS.keys()
    assert list(DIALECTS) == sorted(DIALECTS)
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


@every_dialect
def test_a_voice_speaks_on_every_route(name: str) -> None:
    assert tuple(SPEAKERS[name].valid) == DIALECTS[name].routes


@every_route
def test_a_valid_request_is_understood_and_understood_again_the_same(
    name: str, route: str
) -> None:
    speaker = SPEAKERS[name]
    callback = speaker.callback(route)

    assert understood(speaker, callback) == understood(speaker, callback)


@pytest.mark.parametrize("headers", CONTENT_TYPES.values(), ids=CONTENT_TYPES)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@every_dialect
def test_hostile_bytes_without_a_signature_are_not_authentic_and_nothing_else(
    name: str, body: bytes, headers: dict[str, str]
) -> None:
    dialect = DIALECTS[name]
    provider = configured(dialect)

    for route in (*dialect.routes, "", "/other", "/\udcff"):
        with pytest.raises(NotAuthentic, match=r"is missing|a body that can carry"):
            dialect.verify(Callback(route=route, headers=headers, body=body), provider)


HOSTILE_SIGNATURES = {
    "empty": "",
    "blank": " ",
    "not hex": "signature",
    "not ASCII": "é" * 64,
    "undecodable": "\udcff\udcfe" * 32,
    "zero bytes": "\x00" * 64,
    "megabyte": "a" * 1_000_000,
}


@pytest.mark.parametrize("presented", HOSTILE_SIGNATURES.values(), ids=HOSTILE_SIGNATURES)
@every_route
def test_hostile_signatures_are_not_authentic_and_nothing_else(
    name: str, route: str, presented: str
) -> None:
    speaker = SPEAKERS[name]
    callback = with_signature(speaker, speaker.callback(route), presented)

    with pytest.raises(NotAuthentic, match=r"missing|does not hold|can carry a signature"):
        speaker.dialect.verify(callback, configured(speaker.dialect))


@every_route
def test_a_signature_cut_doubled_or_padded_is_not_authentic(name: str, route: str) -> None:
    speaker = SPEAKERS[name]
    good = speaker.callback(route)
    signature = signature_of(speaker, good)
    # SHA-256 or SHA-512 in hex, or RSA of 2,048 bits in base64.
    assert len(signature) in {64, 128, 344}

    for changed in (
        signature[:-1],
        signature[1:],
        signature + signature,
        f"{signature}, {signature}",
        f" {signature}",
        f"{signature}\n",
        f"sha256={signature}",
        f'"{signature}"',
        signature[::-1],
    ):
        with pytest.raises(NotAuthentic, match="does not hold"):
            speaker.dialect.verify(
                with_signature(speaker, good, changed), configured(speaker.dialect)
            )


def signature_of(speaker: Speaker, callback: Callback) -> str:
    if speaker.signature_header is not None:
        return callback.headers[speaker.signature_header]
    return str(json.loads(callback.body)["hmac"])


def with_signature(speaker: Speaker, callback: Callback, presented: str) -> Callback:
    """The same request under another signature; in a body it is escaped as JSON needs it."""
    if speaker.signature_header is not None:
        return replace(
            callback, headers={**callback.headers, speaker.signature_header: presented}
        )
    body = callback.body.replace(
        json.dumps(signature_of(speaker, callback)).encode(), json.dumps(presented).encode()
    )
    return replace(callback, body=body)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@every_route
def test_nonsense_that_is_properly_signed_is_malformed_and_nothing_else(
    name: str, route: str, body: bytes
) -> None:
    """Where the signature lies inside the body, an undecodable body has none to show."""
    speaker = SPEAKERS[name]
    callback = speaker.callback(route, body)

    with pytest.raises((Malformed, NotAuthentic)) as refused:
        understood(speaker, callback)

    is_outside = speaker.signature_header is not None
    assert isinstance(refused.value, Malformed) or not is_outside


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"a":1}', b'{"a":{"b":[1,2,{}]}}', b'{"a":"' + b"x" * 10_000 + b'"}'],
    ids=["empty", "unknown", "nested", "long"],
)
@every_route
def test_signed_documents_that_the_dialect_does_not_know_are_malformed(
    name: str, route: str, body: bytes
) -> None:
    speaker = SPEAKERS[name]

    with pytest.raises(Malformed, match=r"body: (exactly|at least) the fields"):
        understood(speaker, speaker.callback(route, body))


@every_route
def test_every_field_is_needed_and_none_may_be_of_another_type(name: str, route: str) -> None:
    speaker = SPEAKERS[name]
    valid = json.loads(speaker.valid[route])
    others: list[object] = [None, True, [], {}, "\x00"]
    variations = [{k: v for k, v in valid.items() if k != gone} for gone in valid]
    variations += [
        {**valid, field: other}
        for field in valid
        for other in others
        if type(other) is not type(valid[field]) or other == "\x00"
    ]

    for variation in variations:
        body = json.dumps(variation, separators=(",", ":"), sort_keys=True).encode()
        assert ": " in refusal_of(speaker, speaker.callback(route, body))


def refusal_of(speaker: Speaker, callback: Callback, provider: Provider | None = None) -> str:
    """Why a callback cannot be read; history that cannot be is kept, not refused."""
    configured_provider = provider or configured(speaker.dialect)
    try:
        fact = speaker.dialect.parse(
            speaker.dialect.verify(callback, configured_provider), configured_provider
        )
    except Malformed as error:
        return str(error)
    assert isinstance(fact, UnreadableHistory)
    return f"{fact.path}: {fact.reason}"


@pytest.mark.parametrize(("name", "signed_for", "other"), list(pairs_of_routes()))
def test_a_body_signed_for_one_route_is_malformed_on_every_other(
    name: str, signed_for: str, other: str
) -> None:
    """No signature here covers the path, so a captured bet must not pass as a win."""
    speaker = SPEAKERS[name]

    with pytest.raises(Malformed, match=r"body: |action: one of"):
        understood(speaker, replace(speaker.callback(signed_for), route=other))


@every_dialect
def test_an_unknown_route_is_malformed(name: str) -> None:
    speaker = SPEAKERS[name]
    known = speaker.dialect.routes
    others = {"", "/", "/bets", "/BET", "bet", "/\udcff", "/" * 100_000} - set(known)
    assert len(others) >= 6

    for route in others:
        with pytest.raises(Malformed, match="route: a route of this dialect is expected"):
            understood(speaker, replace(speaker.callback(known[0]), route=route))


@every_route
def test_any_of_several_live_secrets_verifies_and_a_retired_one_does_not(
    name: str, route: str
) -> None:
    speaker = SPEAKERS[name]
    old, new, retired = b"old-secret", b"new-secret", b"retired-secret"
    provider = configured(speaker.dialect, secrets=(old, new))

    for live in (old, new):
        callback = speaker.sign(route, speaker.valid[route], live)
        assert speaker.dialect.verify(callback, provider).callback is callback
    for dead in (retired, b"", SECRET):
        callback = speaker.sign(route, speaker.valid[route], dead)
        with pytest.raises(NotAuthentic, match="does not hold"):
            speaker.dialect.verify(callback, provider)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@every_route
def test_no_message_carries_a_secret_or_what_stood_in_the_body(name: str, route: str) -> None:
    speaker = SPEAKERS[name]
    provider = configured(speaker.dialect)
    valid = json.loads(speaker.valid[route])
    bodies = [json.dumps({CANARY: 1, "a": 2}), json.dumps({CANARY: {}}), f'"{CANARY}']
    bodies += [json.dumps({**valid, field: f"{CANARY}\n"}) for field in valid]

    messages = []
    for body in bodies:
        compact = body.replace(", ", ",").replace(": ", ":").encode()
        for callback in (
            speaker.callback(route, compact),
            with_header(speaker, Callback(route=route, headers={}, body=compact)),
        ):
            try:
                fact = speaker.dialect.parse(
                    speaker.dialect.verify(callback, provider), provider
                )
            except (Malformed, NotAuthentic) as refused:
                messages += [f"{error!r} {error}" for error in chain(refused)]
            else:
                assert isinstance(fact, UnreadableHistory)
                messages.append(f"{fact!r}")

    assert len(messages) >= len(bodies) * 2
    secret = secret_of(name, SECRET).decode()
    assert [text for text in messages if CANARY in text or secret in text] == []


def with_header(speaker: Speaker, callback: Callback) -> Callback:
    name = speaker.signature_header or "x-signature"
    return replace(callback, headers={name: CANARY})


def outcomes(route: str) -> Iterator[Outcome]:
    for verdict in Verdict:
        for money in (None, Money(29159, "USD"), Money(-5, "JPY"), Money(0, "ETH")):
            for transaction_id in (None, "txn-1-1"):
                yield Outcome(
                    verdict=verdict,
                    route=route,
                    fact=None,
                    transaction_id=transaction_id,
                    balance=money,
                    turnover=money,
                )


def answers(name: str) -> Iterator[tuple[Outcome, CallbackReply]]:
    dialect = DIALECTS[name]
    for route in (*dialect.routes, "/unknown"):
        yield from (
            (outcome, dialect.respond(outcome, configured(dialect)))
            for outcome in outcomes(route)
        )


@every_dialect
def test_every_verdict_has_an_answer_that_is_a_json_object(name: str) -> None:
    for outcome, reply in answers(name):
        assert isinstance(json.loads(reply.body), dict), outcome
        assert 200 <= reply.status < 600, outcome


@every_dialect
def test_no_refusal_can_be_read_as_a_success(name: str) -> None:
    for outcome, reply in answers(name):
        document = json.loads(reply.body)
        if outcome.verdict not in STANDS:
            named = {"status", "error", "message"} | named_in(name, outcome)
            assert document.keys() <= named, outcome
            assert SYSTEMS[name].replies.error(document), outcome


def named_in(name: str, outcome: Outcome) -> set[str]:
    """What a refusal of this system has to name besides its error: a decline, the balance."""
    system = SYSTEMS[name]
    declines = system.messages.declines_name_balance(configuration(system))
    return {"balance", "currency"} if declines and outcome.verdict in DECLINED else set()


@every_dialect
def test_an_outage_of_ours_is_answered_as_something_to_try_again(name: str) -> None:
    kinds = {
        (outcome.verdict, reply)
        for outcome, reply in answers(name)
        if outcome.verdict not in STANDS
    }
    outage = {reply for verdict, reply in kinds if verdict is Verdict.UNAVAILABLE}
    final = {
        reply
        for verdict, reply in kinds
        if verdict in {Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED, Verdict.CONFLICT}
    }

    assert len(outage) == 1
    assert outage.isdisjoint(final)
