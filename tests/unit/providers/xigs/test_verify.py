"""Who sent this: the scratch-card platform's signature, checked against a real Node."""

import os

import pytest

from providers.contract import Callback
from providers.xigs import DIALECT
from tests.harness.dialects.xigs import (
    HEADER,
    OPEN,
    TOKEN,
    Wild,
    asked,
    hashed,
    signed_raw,
    webhook,
    webhook_samples,
)
from tests.harness.servers.node import javascript_sorted_signatures
from vocabulary.errors import NotAuthentic

VECTOR_KEY = "a1b2c3"
VECTOR_BODY = (
    '{"userToken":"tok","gameId":"507f191e810c19729de860ea",'
    '"meta":{"b":[{"d":1,"c":2}],"a":1.50}}'
)
VECTOR_TEXT = (
    '{"gameId":"507f191e810c19729de860ea",'
    '"meta":{"a":1.5,"b":[{"c":2,"d":1}]},"userToken":"tok"}'
)
VECTOR_HEX = (
    "c5e5fc5ba0b6f8ccef5a72e66d2eb40da147b068acb498edaa5082d7241c99de"
    "a37fb6819cb1ed1693fdd6a9a05422350fe0a0037f6cdd55cd6aaaee1e94778a"
)
PAYLOADS = int(os.environ.get("NODE_PAYLOADS", "400"))
SORTED_ONLY = asked({"raw_body_signatures": False})


def accepted(callback: Callback, *, raw_too: bool = True) -> bool:
    """Whether it is authentic; nothing but NotAuthentic may be raised."""
    try:
        DIALECT.verify(callback, asked() if raw_too else SORTED_ONLY)
    except NotAuthentic:
        return False
    return True


def test_the_published_vector_verifies_and_node_signs_the_same() -> None:
    callback = webhook(VECTOR_BODY, VECTOR_HEX)

    assert DIALECT.verify(callback, asked(None, VECTOR_KEY)).callback is callback
    assert javascript_sorted_signatures([VECTOR_BODY], VECTOR_KEY) == [
        (VECTOR_TEXT, VECTOR_HEX)
    ]
    with pytest.raises(NotAuthentic, match="does not hold"):
        DIALECT.verify(callback, asked(None, "a1b2c4"))


def test_random_documents_signed_under_node_hold_until_one_byte_is_changed() -> None:
    wild = Wild(2026)
    bodies = [wild.document() for _ in range(PAYLOADS)]
    callback = [
        webhook(body, signature)
        for body, (_, signature) in zip(
            bodies, javascript_sorted_signatures(bodies, TOKEN), strict=True
        )
    ]

    assert [each.body for each in callback if not accepted(each, raw_too=False)] == []
    changed = [webhook(wild.changed(each.body), each.headers[HEADER]) for each in callback]
    held = [
        (before.body.decode(), after.body.decode())
        for before, after in zip(callback, changed, strict=True)
        if accepted(after)
    ]
    # Digits beyond a double and the like: another spelling of what was signed.
    assert len(held) <= PAYLOADS // 1_000
    assert signed_texts([after for _, after in held]) == signed_texts(
        [before for before, _ in held]
    )


def signed_texts(bodies: list[str]) -> list[str]:
    """What Node signs for these bodies."""
    return [text for text, _ in javascript_sorted_signatures(bodies, TOKEN)] if bodies else []


def test_every_single_bit_of_a_signed_webhook_counts() -> None:
    callback = signed_raw(OPEN)
    assert accepted(callback)

    for place, byte in enumerate(callback.body):
        for bit in range(8):
            body = callback.body[:place] + bytes([byte ^ 1 << bit]) + callback.body[place + 1 :]
            assert not accepted(webhook(body, callback.headers[HEADER])), body


def test_every_single_character_of_a_signature_counts() -> None:
    callback = signed_raw(OPEN)
    signature = callback.headers[HEADER]

    for place, letter in enumerate(signature):
        other = "0" if letter != "0" else "1"
        changed = signature[:place] + other + signature[place + 1 :]
        assert not accepted(webhook(callback.body, changed)), place


def test_key_order_blanks_and_number_spelling_do_not_change_a_sorted_signature() -> None:
    signature = hashed(b'{"1":0,"2":[{"a":1.5,"b":{}}],"10":5,"B":null,"a":"\xc3\xa9"}')

    for body in (
        '{"a":"é","B":null,"10":5,"2":[{"b":{},"a":1.5}],"1":0}',
        '{"a":"\\u00e9", "B":null, "10":5.0, "2":[{"b":{},"a":1.50}], "1":-0}',
    ):
        assert accepted(webhook(body, signature))


def test_the_order_of_a_list_is_part_of_what_is_signed() -> None:
    signature = hashed(b'{"a":[1,2]}')

    assert accepted(webhook('{"a":[1,2]}', signature))
    assert not accepted(webhook('{"a":[2,1]}', signature))


def test_the_bytes_as_sent_may_be_signed_only_where_the_setting_allows() -> None:
    callback = webhook('{"b": 5.0, "a": 1}', hashed(b'{"b": 5.0, "a": 1}'))

    assert accepted(callback)
    assert not accepted(callback, raw_too=False)


def test_what_is_read_after_a_sorted_signature_are_the_numbers_that_were_signed() -> None:
    body = '{"amount": 9007199254740993}'
    signature = hashed(b'{"amount":9007199254740992}')

    assert DIALECT.verify(webhook(body, signature), asked()).document == {
        "amount": "9007199254740992"
    }
    assert DIALECT.verify(webhook(body, hashed(body.encode())), asked()).document is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"a":1,"a":1}', '{"a":1}'),
        ('{"__proto__":{"a":2},"b":1}', '{"b":1}'),
        ('{"b":{"__proto__":null}}', '{"b":{}}'),
        ('{"a":NaN}', '{"a":null}'),
        ('{"a":1e400}', '{"a":null}'),
        ("[1,2]", "[1, 2]"),
        ('"text"', '"text" '),
    ],
)
def test_a_sorted_signature_over_what_a_lenient_reader_would_make_of_it_does_not_hold(
    body: str, text: str
) -> None:
    assert not accepted(webhook(body, hashed(text.encode())))


def test_a_missing_header_is_named_and_another_header_may_be_set() -> None:
    callback = signed_raw(OPEN)
    renamed = asked({"signature_header": "X-Webhook-Signature"})

    with pytest.raises(NotAuthentic, match="x-webhook-signature is missing"):
        DIALECT.verify(callback, renamed)
    moved = webhook(callback.body, callback.headers[HEADER], header="x-webhook-signature")
    assert DIALECT.verify(moved, renamed).callback is moved


def test_any_live_token_of_a_webhook_verifies_in_both_forms() -> None:
    several = asked(None, "retired-soon", TOKEN)

    ((_case, headers, body), *_) = webhook_samples(TOKEN)
    for callback in (signed_raw(OPEN), webhook(body, headers["X-Signed-Request"])):
        assert DIALECT.verify(callback, several).callback is callback
