"""Which headers are kept with a callback, and in what shape."""

from multidict import CIMultiDict, CIMultiDictProxy

from webhooks.evidence_headers import EVIDENCE_CHARS_MAX, EVIDENCE_HEADERS, evidence


def test_only_the_allow_listed_headers_are_kept() -> None:
    came = {
        "Cookie": "session=1",
        "Authorization": "Bearer 1",
        "X-Security-Hash": "ab12",
        "Content-Type": "application/json",
    }

    kept = evidence(CIMultiDictProxy(CIMultiDict(came)))

    assert kept == "content-type: application/json\nx-security-hash: ab12"


def test_a_callback_without_headers_leaves_no_evidence() -> None:
    assert evidence({}) == ""


def test_no_value_can_begin_a_line_of_its_own() -> None:
    breaks = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
    hostile = breaks.join(["a", "x-signature: forged"])

    for name in EVIDENCE_HEADERS:
        assert len(evidence({name: hostile}).splitlines()) == 1


def test_text_beyond_ascii_is_kept_as_escapes() -> None:
    kept = evidence({"user-agent": "Zażółć \udcff \U0001f3b0"})

    assert kept == r"user-agent: Za\u017c\xf3\u0142\u0107 \udcff \U0001f3b0"


def test_control_characters_and_nul_are_struck_out() -> None:
    assert evidence({"user-agent": "a\x00b\x7fc\td"}) == "user-agent: a?b?c?d"


def test_a_header_of_a_megabyte_is_bounded() -> None:
    for letter in ("a", "ż", "\x00"):
        kept = evidence({"x-signature": letter * 1_000_000})

        assert len(kept) == len("x-signature: ") + EVIDENCE_CHARS_MAX
        assert kept.isascii()
