"""Only allow-listed headers are stored with a callback, bounded and in ASCII."""

import pytest
from msgspec.structs import replace
from multidict import CIMultiDict, CIMultiDictProxy

from providers.registry import DIALECTS
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from webhooks.evidence_headers import (
    EVIDENCE_CHARS_MAX,
    EVIDENCE_HEADERS,
    SIGNATURE_CHARS_MAX,
    evidence_text,
)


def test_only_allow_listed_headers_are_stored() -> None:
    headers = {
        "Cookie": "session=1",
        "Authorization": "Bearer 1",
        "X-Security-Hash": "ab12",
        "Content-Type": "application/json",
    }

    text = evidence_text(CIMultiDictProxy(CIMultiDict(headers)), ("x-security-hash",))

    assert text == "content-type: application/json\nx-security-hash: ab12"


def test_the_headers_of_a_signature_are_stored_whatever_their_names() -> None:
    headers = {"x-own": "ab12", "x-signature": "another dialect's"}

    assert evidence_text(headers, ("x-own",)) == "x-own: ab12"


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_names_the_headers_it_verifies(name: str) -> None:
    """Stored bytes without these headers could not be verified again."""
    speaker = SPEAKERS[name]
    asked = configured(speaker.dialect)
    for route in speaker.valid:
        came = speaker.callback(route)
        kept = {
            header: came.headers[header]
            for header in speaker.dialect.signature_headers(asked)
            if header in came.headers
        }
        again = replace(came, headers=kept)

        assert speaker.dialect.verify(again, asked).callback is again


def test_a_callback_without_headers_has_no_evidence() -> None:
    assert evidence_text({}, ()) == ""


def test_no_value_can_start_a_new_line() -> None:
    breaks = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
    hostile = breaks.join(["a", "x-signature: forged"])

    for name in (*EVIDENCE_HEADERS, "x-own"):
        assert len(evidence_text({name: hostile}, ("x-own",)).splitlines()) == 1


def test_non_ascii_text_is_stored_as_escapes() -> None:
    text = evidence_text({"user-agent": "Zażółć \udcff \U0001f3b0"}, ())

    assert text == r"user-agent: Za\u017c\xf3\u0142\u0107 \udcff \U0001f3b0"


def test_control_characters_and_nul_are_replaced() -> None:
    assert evidence_text({"user-agent": "a\x00b\x7fc\td"}, ()) == "user-agent: a?b?c?d"


def test_a_header_of_one_megabyte_is_bounded() -> None:
    limits = {"x-signature": SIGNATURE_CHARS_MAX, "user-agent": EVIDENCE_CHARS_MAX}
    for letter in ("a", "ż", "\x00"):
        for name, limit in limits.items():
            text = evidence_text({name: letter * 1_000_000}, ("x-signature",))

            assert len(text) == len(f"{name}: ") + limit
            assert text.isascii()


def test_a_signature_under_the_longest_key_is_stored_whole() -> None:
    signature = "A" * 1_368

    assert evidence_text({"x-s": signature}, ("x-s",)) == f"x-s: {signature}"
