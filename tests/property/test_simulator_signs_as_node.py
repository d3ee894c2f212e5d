"""The simulator's own signatures against the providers' JavaScript under Node."""

from random import Random

import pytest

from simulator.history.true_history import history_of
from simulator.protocol.history_lines import RunSpan
from simulator.protocol.json_text import (
    JAVASCRIPT,
    PLAIN,
    JsonAmount,
    Value,
    WireRequest,
    deep_sorted,
)
from simulator.protocol.system import System
from simulator.scenarios.plan import make_plan
from simulator.systems.xigs.calls import signature
from tests.harness.providers.systems import AGGREGATOR, SPORTSBOOK, XIGS, request_for
from tests.harness.servers.node import (
    javascript_hashes,
    javascript_sorted_signatures,
    javascript_verdicts,
)
from vocabulary.clock import SystemClock

SECRET = "agent-secret-\u00e9"
CURRENCIES = ["USD", "JPY", "BHD", "CLF"]


def _requests(side: System, currency: str) -> list[WireRequest]:
    plan = make_plan(seed=11, callbacks=400, players=8, systems=(side,), currency=currency)
    now = SystemClock().now()
    sent = [request_for(step.call, SECRET.encode(), sent_at=now) for step in plan.steps]
    span = RunSpan(now, now, len(plan.steps))
    if side.push is None:
        return sent
    told = side.push(history_of(plan), 11, span, SECRET.encode())
    return sent + [request for requests in told for request in requests]


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_aggregators_sample_accepts_every_call_and_all_history(currency: str) -> None:
    bodies = [request.body.decode() for request in _requests(AGGREGATOR, currency)]
    assert len(bodies) > 400
    assert all(javascript_verdicts(bodies, SECRET))


@pytest.mark.parametrize("currency", CURRENCIES)
def test_cards_are_signed_as_javascript_sorts_and_prints_them(currency: str) -> None:
    requests = _requests(XIGS, currency)
    answers = javascript_sorted_signatures([one.body.decode() for one in requests], SECRET)
    signed = [one.headers["x-signed-request"] for one in requests]
    assert signed == [digest for _, digest in answers]


def test_the_sportsbook_is_hashed_as_it_is_sent() -> None:
    requests = _requests(SPORTSBOOK, "USD")
    hashes = javascript_hashes([one.body.decode() for one in requests], SECRET)
    assert [one.headers["X-Security-Hash"] for one in requests] == hashes


def _value(rng: Random, depth: int) -> Value:
    kinds: list[Value] = [
        "".join(rng.choice(_LETTERS) for _ in range(rng.randrange(6))),
        bool(rng.randrange(2)),
        rng.randrange(-(2**53), 2**53),
        JsonAmount(rng.randrange(-(10**12), 10**12), rng.randrange(9)),
    ]
    if depth:
        kinds.append([_value(rng, depth - 1) for _ in range(rng.randrange(4))])
        kinds.append(_object(rng, depth - 1))
    return kinds[rng.randrange(len(kinds))]


def _object(rng: Random, depth: int) -> dict[str, Value]:
    names = {_name(rng) for _ in range(rng.randrange(7))}
    return {name: _value(rng, depth) for name in rng.sample(sorted(names), len(names))}


def _name(rng: Random) -> str:
    if rng.randrange(4) == 0:
        return rng.choice(["0", "10", "2", "007", "4294967294", "4294967295", "-1", "1.5"])
    return "".join(rng.choice(_UNESCAPED) for _ in range(rng.randrange(4)))


#: Nothing that JSON escapes. Node 24's JSON.parse reads the key ``"0`` as ``\\"`` once it has
#: read the latter in another object, so what it says of such keys is no measure.
_UNESCAPED = "abZ_09/\x7f\u00e9\u2028\uffff\U0001f3b0"
_LETTERS = _UNESCAPED + '"\\\n\x00'


def test_any_document_is_sorted_printed_and_signed_as_javascript_does() -> None:
    rng = Random(20260604)
    documents: list[Value] = [_object(rng, 3) for _ in range(2000)]
    answers = javascript_sorted_signatures(map(PLAIN, documents), SECRET)
    for document, (text, digest) in zip(documents, answers, strict=True):
        assert JAVASCRIPT(deep_sorted(document)) == text
        assert signature(document, SECRET.encode()) == digest
    assert any(
        text != PLAIN(document) for document, (text, _) in zip(documents, answers, strict=True)
    )
