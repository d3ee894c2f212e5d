import hashlib
import hmac

import pytest

from providers.wire.signatures import (
    SIGNATURE_CHARS_MAX,
    hmac_sha256,
    matches,
    sha256_of_message_and_secret,
)

MESSAGE = b'{"amount":"10.00"}'
SECRETS = (b"first", b"second", b"third")


def _hex(secret: bytes) -> str:
    return hmac.new(secret, MESSAGE, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("secret", SECRETS)
def test_any_live_secret_verifies(secret: bytes) -> None:
    assert matches(_hex(secret), MESSAGE, SECRETS)


def test_every_secret_is_tried_even_after_one_has_matched() -> None:
    tried: list[bytes] = []

    def remembering(secret: bytes, message: bytes) -> str:
        tried.append(secret)
        return hmac_sha256(secret, message)

    assert matches(_hex(b"first"), MESSAGE, SECRETS, digest=remembering)
    assert tried == list(SECRETS)


@pytest.mark.parametrize(
    "presented",
    [
        "",
        " ",
        "0",
        _hex(b"other"),
        _hex(b"first")[:-1],
        _hex(b"first") + "0",
        _hex(b"first") + " ",
        _hex(b"first") + ", " + _hex(b"first"),
        "é" * 64,
        "\udcff" * 64,
        "\ud800",
        "\x00" * 64,
        "a" * 1_000_000,
    ],
)
def test_anything_else_does_not_match_and_raises_nothing(presented: str) -> None:
    assert not matches(presented, MESSAGE, SECRETS)


def test_an_empty_secret_never_matches_because_everybody_holds_it() -> None:
    assert not matches(_hex(b""), MESSAGE, (b"",))
    assert matches(_hex(b"first"), MESSAGE, (b"", b"first"))


def test_text_beyond_the_limit_is_not_looked_at() -> None:
    def fixed(_secret: bytes, _message: bytes) -> str:
        return "a" * (SIGNATURE_CHARS_MAX + 1)

    assert not matches("a" * (SIGNATURE_CHARS_MAX + 1), MESSAGE, SECRETS, digest=fixed)


def test_the_plain_digest_is_over_the_message_then_the_secret() -> None:
    expected = hashlib.sha256(MESSAGE + b"first").hexdigest()

    assert sha256_of_message_and_secret(b"first", MESSAGE) == expected
    assert matches(expected, MESSAGE, SECRETS, digest=sha256_of_message_and_secret)
    assert not matches(expected, MESSAGE, SECRETS)


def test_hex_digits_in_upper_case_are_the_same_digits() -> None:
    assert matches(_hex(b"first").upper(), MESSAGE, SECRETS)
    assert not matches(_hex(b"other").upper(), MESSAGE, SECRETS)
