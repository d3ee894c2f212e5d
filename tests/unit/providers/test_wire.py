import pytest

from providers.wire.decode import (
    BODY_BYTES_MAX,
    BRACKETS_MAX,
    FORM_FIELDS_MAX,
    Number,
    decode_form,
    decode_json,
)
from vocabulary.errors import Malformed


def test_numbers_stay_the_text_they_were_sent_as() -> None:
    document = decode_json(b'{"a":5.10,"b":1677950013029748736,"c":1E+2,"d":-0,"e":"5"}')

    assert document == {
        "a": "5.10",
        "b": "1677950013029748736",
        "c": "1E+2",
        "d": "-0",
        "e": "5",
    }
    assert isinstance(document, dict)
    assert [type(value) for value in document.values()] == [Number] * 4 + [str]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b'{"a":1}}',
        b'{"a":1} x',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":5.}',
        b'{"a":0x10}',
        b'{"a":1_000}',
        b'{"a":"\x01"}',
        b'{"a":"\\x41"}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"a":1}',
        b' \xef\xbb\xbf{"a":1}',
        b"user_agent=u&bet_id=b",
        b"<html></html>",
        b'\x0b{"a":1}',
        b'{"a":1}\x0c',
        b'\xc2\xa0{"a":1}',
        '{"a":\u0661}'.encode(),
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="body: a JSON document is expected"):
        decode_json(body)


def test_blanks_around_a_document_are_those_that_json_allows() -> None:
    assert decode_json(b' \t\r\n{"a":1}\n') == {"a": "1"}


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(token: bytes) -> None:
    with pytest.raises(Malformed, match="numbers that JSON has"):
        decode_json(b'{"a":' + token + b"}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"a":2}}',
        b'{"x":[0,{"a":1,"b":2,"a":3}]}',
    ],
)
def test_a_key_twice_in_one_object_is_refused_at_any_depth(body: bytes) -> None:
    with pytest.raises(Malformed, match="each key once"):
        decode_json(body)


@pytest.mark.parametrize(
    "body", [b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}']
)
def test_bytes_that_are_not_utf_8_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        decode_json(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_hundred_thousand_brackets_are_refused_without_descending(opening: bytes) -> None:
    with pytest.raises(Malformed, match="body"):
        decode_json(opening * 100_000)


def test_the_deepest_nesting_allowed_is_read() -> None:
    deep = b"[" * BRACKETS_MAX + b"]" * BRACKETS_MAX

    assert isinstance(decode_json(deep), list)
    with pytest.raises(Malformed, match="brackets"):
        decode_json(b"[" + deep + b"]")


def test_a_body_over_the_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(Malformed, match="bytes are expected"):
        decode_json(b'"' + b"a" * BODY_BYTES_MAX + b'"')
    with pytest.raises(Malformed, match="bytes are expected"):
        decode_form(b"a=" + b"a" * BODY_BYTES_MAX)


def test_a_form_is_decoded_with_escapes_and_blanks() -> None:
    document = decode_form(b"user_agent=LAG1.06&name=a+b%20%C3%A9%2B&empty=")

    assert document == {"user_agent": "LAG1.06", "name": "a b é+", "empty": ""}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a",
        b"=1",
        b"a=1&a=1",
        b"a=1&%61=2",
        b"a=1&&b=2",
        b"a=1&",
        b"a=1=2",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%ff",
        b"a=\xc3\xa9",
        b"a=b c",
        b"a=b\n",
    ],
)
def test_a_form_that_is_not_strict_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="body"):
        decode_form(body)


def test_only_the_ampersand_separates_form_fields() -> None:
    assert decode_form(b"a=1;b") == {"a": "1;b"}


def test_a_form_of_too_many_fields_is_refused() -> None:
    most = b"&".join(b"f%d=1" % index for index in range(FORM_FIELDS_MAX))

    assert len(decode_form(most)) == FORM_FIELDS_MAX
    with pytest.raises(Malformed, match="fields are expected"):
        decode_form(most + b"&g=1")
