"""Who sent this: the aggregator's signature, sentence by sentence."""

import json

import pytest

from tests.harness.dialects.aggregator import (
    AGENT_SECRET,
    AGGREGATOR,
    ASKED,
    BET_ID,
    FORM,
    HANDLE,
    JSON,
    SAMPLE_SIGNATURES,
    SAMPLES,
    bet_of,
    callback,
    fact_of,
    signed_text,
    with_hmac,
)
from tests.harness.providers.speaker import configured
from vocabulary.errors import NotAuthentic
from vocabulary.facts import Bet
from vocabulary.money import Money


@pytest.mark.parametrize("route", SAMPLES)
def test_the_documents_samples_verify_with_signatures_made_by_node(route: str) -> None:
    received = callback(route, with_hmac(json.dumps(SAMPLES[route]), SAMPLE_SIGNATURES[route]))

    assert AGGREGATOR.verify(received, ASKED).callback is received


@pytest.mark.parametrize(
    ("text", "hex_digest"),
    [
        (
            f'{{"user_agent":"{HANDLE}","balance":5.0,"bet_id":"{BET_ID}"}}',
            "0bcc85e605fc2cf08d1894e654d40d420de7d340d421542113d520ee2bb55274",
        ),
        (
            f'{{"user_agent":"{HANDLE}","balance":5.10,"bet_id":"{BET_ID}"}}',
            "23746ecf171c90d74293fe961be6645b69f6fe73dd78dcdf3d66affcceabb07e",
        ),
        (
            f'{{"user_agent":"{HANDLE}","balance":5,"bet_id":{BET_ID}}}',
            "c26036b7bd0d13ea50206e35886d0ad36dddefc855a0d6f719895c4c84fed9e7",
        ),
        (
            '{"user_agent":"u","balance":0.0000001,"bet_id":"a"}',
            "8eb9b1780ca4e492a2bf530f069ba709c4cfb51e14c5579521a2d402a2e57627",
        ),
        (
            '{"user_agent":"u","balance":1e16,"bet_id":"a"}',
            "67e25c5fd98fd9e94f7b33314d18618995d4b0ea192493fdc390c3811f8fd06c",
        ),
        (
            '{"user_agent":"u","balance":-0,"bet_id":"a"}',
            "ab175b3e28ec428d9246673fae7c012230737352b9561407bae110422add3f00",
        ),
        (
            '{"user_agent":"u","balance":1,"meta":{"z":1,"a":2},"bet_id":"a"}',
            "6f105dbc06170a3c694eec67ade0f69c28afdbffa7dd00f637d146137084cce3",
        ),
    ],
)
def test_every_published_vector_verifies(text: str, hex_digest: str) -> None:
    received = callback("/bet", with_hmac(text, hex_digest))

    assert AGGREGATOR.verify(received, ASKED).callback is received


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8"])
@pytest.mark.parametrize(
    "hex_digest",
    [
        "a1412a31913e7344fd7a69754ace13f9d4bc1588df6a9334e14ab46524383cf7",
        "0bcc85e605fc2cf08d1894e654d40d420de7d340d421542113d520ee2bb55274",
    ],
    ids=["all texts", "numbers retyped"],
)
def test_a_form_verifies_as_texts_or_with_the_documented_numbers(
    content_type: str, hex_digest: str
) -> None:
    body = f"user_agent={HANDLE}&balance=5&bet_id={BET_ID}&hmac={hex_digest}"

    fact = fact_of(callback("/bet", body, content_type))

    assert isinstance(fact, Bet)
    assert fact.amount == Money(500, "USD")


def test_a_form_is_not_read_where_the_setting_forbids_it() -> None:
    digest = "a1412a31913e7344fd7a69754ace13f9d4bc1588df6a9334e14ab46524383cf7"
    body = f"user_agent={HANDLE}&balance=5&bet_id={BET_ID}&hmac={digest}"
    strict = configured(AGGREGATOR, secrets=(AGENT_SECRET,), options={"form_bodies": False})

    with pytest.raises(NotAuthentic, match="a body that can carry a signature"):
        AGGREGATOR.verify(callback("/bet", body, FORM), strict)


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", JSON + "; charset=utf-8", "é"]
)
def test_the_signature_decides_and_not_the_label_of_a_json_body(
    content_type: str | None,
) -> None:
    body = with_hmac(json.dumps(SAMPLES["/bet"]), SAMPLE_SIGNATURES["/bet"])

    assert isinstance(fact_of(callback("/bet", body, content_type)), Bet)


def test_a_signature_over_the_numbers_as_sent_holds_only_where_the_setting_allows() -> None:
    callback = signed_text("/bet", bet_of("5.0"))

    assert isinstance(fact_of(callback), Bet)
    strict = configured(
        AGGREGATOR, secrets=(AGENT_SECRET,), options={"raw_number_signatures": False}
    )
    with pytest.raises(NotAuthentic, match="does not hold"):
        AGGREGATOR.verify(callback, strict)


@pytest.mark.parametrize(
    "hmac_field", ["", ',"hmac":""', ',"hmac":null', ',"hmac":5', ',"hmac":[]']
)
def test_a_missing_or_empty_hmac_is_not_authentic(hmac_field: str) -> None:
    received = callback("/balance", f'{{"user_agent":"u"{hmac_field}}}')

    with pytest.raises(NotAuthentic, match="hmac is missing"):
        AGGREGATOR.verify(received, configured(AGGREGATOR))


def test_upper_case_hex_is_authentic() -> None:
    received = callback(
        "/bet", with_hmac(json.dumps(SAMPLES["/bet"]), SAMPLE_SIGNATURES["/bet"].upper())
    )

    provider = configured(AGGREGATOR, secrets=(AGENT_SECRET,))
    assert AGGREGATOR.verify(received, provider).callback is received
