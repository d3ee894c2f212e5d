"""The agent platform's signature: over which text, and what it holds together."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any

import pytest

from providers.contract import OptionValue, Provider
from providers.registry import DIALECTS
from tests.harness.dialects.agent_platform import (
    API_TOKEN,
    GAME_LINK,
    GET_BALANCE,
    MAKE_BET,
    NEWER,
    ROLLBACK,
    as_sent,
    callback,
    hex_of,
    texts,
)
from tests.harness.providers.speaker import configured
from tests.harness.providers.speaker import hex_of as keyed
from vocabulary.errors import Malformed, NotAuthentic

AGENT_PLATFORM = DIALECTS["agent_platform"]

#: Every choice of ``signed_text`` but "any".
FORMS = tuple(texts(GET_BALANCE))


def asked_with(options: Mapping[str, OptionValue]) -> Provider:
    return configured(AGENT_PLATFORM, secrets=(API_TOKEN,), options=options)


ASKED = asked_with({})


def test_the_published_vectors_verify() -> None:
    body = as_sent(GET_BALANCE)
    for signature in (
        "77d0dbcb373cb39aea0e16a4fdebf5671ff5e90ecab63cfacdb2f44bd5db6b7c",
        "fb80770e38cd323a1a0dcb5b9114a3589d389d21a2997edb336a5475b957b117",
    ):
        received = callback(body, signature)
        assert AGENT_PLATFORM.verify(received, ASKED).callback is received


@pytest.mark.parametrize(
    ("signed_text", "signature"),
    [
        ("sorted_escaped", "3d9b01ea1a323c1899bc574766abd71523f2a1a40349781460fa5c168f328c89"),
        (
            "sorted_unescaped",
            "25448c7b9fa0832000c36a97078da7910785d2c514cab12d6125ac09b244a549",
        ),
    ],
)
def test_the_sample_with_slashes_verifies_in_exactly_its_form(
    signed_text: str, signature: str
) -> None:
    received = callback(as_sent(GAME_LINK), signature)
    forms = texts(GAME_LINK)

    for allowed in AGENT_PLATFORM.options["signed_text"].choices or ():
        provider = asked_with({"signed_text": allowed})
        # The sample is all ASCII, so two forms print the same text.
        if allowed == "any" or forms[str(allowed)] == forms[signed_text]:
            assert AGENT_PLATFORM.verify(received, provider).document == {
                name: str(value) for name, value in GAME_LINK.items()
            }
        else:
            with pytest.raises(NotAuthentic, match="the signature does not hold"):
                AGENT_PLATFORM.verify(received, provider)


@pytest.mark.parametrize("document", [GET_BALANCE, NEWER, MAKE_BET, ROLLBACK])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_verifies_under_every_secret(document: Mapping[str, Any], form: str) -> None:
    provider = configured(AGENT_PLATFORM, secrets=(b"old", API_TOKEN))
    for secret in (b"old", API_TOKEN):
        received = callback(as_sent(document), hex_of(texts(document)[form], secret))
        assert AGENT_PLATFORM.verify(received, provider).callback is received


def test_a_body_respelt_on_the_way_verifies_by_its_sorted_form_only() -> None:
    respelt = json.dumps(NEWER, indent=2)

    for form, text in texts(NEWER).items():
        received = callback(respelt, hex_of(text, API_TOKEN))
        if form == "raw":
            with pytest.raises(NotAuthentic, match="the signature does not hold"):
                AGENT_PLATFORM.verify(received, ASKED)
        else:
            assert AGENT_PLATFORM.verify(received, ASKED).callback is received


@pytest.mark.parametrize("form", FORMS)
def test_no_byte_of_the_body_can_be_flipped(form: str) -> None:
    good = as_sent({**NEWER, "type": "makeBet", "transaction_id": "T-9", "bet": 1, "win": 2.5})
    signature = hex_of(texts(json.loads(good))[form], API_TOKEN)
    assert AGENT_PLATFORM.verify(callback(good, signature), ASKED).document == json.loads(
        good, parse_int=str, parse_float=str
    )

    for place in range(len(good.encode())):
        for bit in (0x01, 0x20):
            changed = bytearray(good.encode())
            changed[place] ^= bit
            with pytest.raises(NotAuthentic, match="the signature does not hold"):
                AGENT_PLATFORM.verify(callback(bytes(changed), signature), ASKED)


@pytest.mark.parametrize(("sent", "signed"), [("10.0", "10"), ("10", "10.00"), ("1e1", "10")])
def test_number_tokens_are_signed_as_sent(sent: str, signed: str) -> None:
    body = '{"bet":10.0,"a":1}'.replace("10.0", sent)
    other = f'{{"a":1,"bet":{signed}}}'

    received = callback(body, hex_of(f'{{"a":1,"bet":{sent}}}', API_TOKEN))
    assert AGENT_PLATFORM.verify(received, ASKED).document == {"bet": sent, "a": "1"}
    with pytest.raises(NotAuthentic, match="the signature does not hold"):
        AGENT_PLATFORM.verify(callback(body, hex_of(other, API_TOKEN)), ASKED)


@pytest.mark.parametrize("headers", [{}, {"x-signature": ""}, {"signature": "x"}])
def test_a_missing_signature_is_a_refusal(headers: dict[str, str]) -> None:
    received = callback(as_sent(GET_BALANCE), headers.get("x-signature", ""))

    with pytest.raises(NotAuthentic, match="the header X-Signature is missing"):
        AGENT_PLATFORM.verify(received, ASKED)


def test_a_key_twice_is_proven_only_as_sent_and_never_understood() -> None:
    text = as_sent(MAKE_BET)[:-1] + ',"win":0}'

    proven = AGENT_PLATFORM.verify(callback(text, hex_of(text, API_TOKEN)), ASKED)

    with pytest.raises(Malformed, match="each key once"):
        AGENT_PLATFORM.parse(proven, ASKED)
    for printed in texts({**MAKE_BET, "win": 0}).values():
        with pytest.raises(NotAuthentic, match="the signature does not hold"):
            AGENT_PLATFORM.verify(callback(text, hex_of(printed, API_TOKEN)), ASKED)


@pytest.mark.parametrize("text", ['{"a":"\\ud800"}', "[1]", "nonsense"])
def test_a_body_without_a_sorted_form_can_still_be_proven_as_sent(text: str) -> None:
    received = callback(text, hex_of(text, API_TOKEN))

    assert AGENT_PLATFORM.verify(received, ASKED).callback is received
    with pytest.raises(NotAuthentic, match="the signature does not hold"):
        AGENT_PLATFORM.verify(received, asked_with({"signed_text": "sorted_escaped"}))
    with pytest.raises(Malformed, match="body: "):
        AGENT_PLATFORM.parse(AGENT_PLATFORM.verify(received, ASKED), ASKED)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_alone_can_be_required(form: str) -> None:
    provider = asked_with({"signed_text": form})

    for name, text in texts(NEWER).items():
        received = callback(as_sent(NEWER), hex_of(text, API_TOKEN))
        if name == form:
            assert AGENT_PLATFORM.verify(received, provider).callback is received
        else:
            with pytest.raises(NotAuthentic, match="the signature does not hold"):
                AGENT_PLATFORM.verify(received, provider)


def test_keys_that_look_like_numbers_are_signed_in_php_order() -> None:
    body = as_sent({**GET_BALANCE, "10": 1, "9": 2})
    signed = json.dumps({"9": 2, "10": 1, **dict(sorted(GET_BALANCE.items()))})
    compact = signed.replace(", ", ",").replace(": ", ":")
    received = callback(body, hex_of(compact, API_TOKEN))

    assert AGENT_PLATFORM.verify(received, ASKED).callback is received


def test_a_byte_order_mark_is_part_of_the_bytes_signed_and_not_of_the_document() -> None:
    body = BOM_UTF8 + as_sent(MAKE_BET).encode()
    by_raw = callback(body, keyed(API_TOKEN, body))
    by_sorted = callback(body, hex_of(texts(MAKE_BET)["sorted_escaped"], API_TOKEN))
    plain = callback(as_sent(MAKE_BET), hex_of(as_sent(MAKE_BET), API_TOKEN))

    for received in (by_raw, by_sorted):
        fact = AGENT_PLATFORM.parse(AGENT_PLATFORM.verify(received, ASKED), ASKED)
        assert fact == AGENT_PLATFORM.parse(AGENT_PLATFORM.verify(plain, ASKED), ASKED)
    without_mark = callback(body[3:], keyed(API_TOKEN, body))
    with pytest.raises(NotAuthentic, match="the signature does not hold"):
        AGENT_PLATFORM.verify(without_mark, ASKED)


def test_a_signature_in_upper_case_hex_holds() -> None:
    text = as_sent(GET_BALANCE)
    received = callback(text, hex_of(text, API_TOKEN).upper())

    assert AGENT_PLATFORM.verify(received, ASKED).callback is received
