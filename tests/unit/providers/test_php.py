"""What PHP prints, row by row; there is no PHP here, so the table is the norm."""

import json

import pytest

from providers.wire.decode import Json, decode_json
from providers.wire.php import sorted_payload
from vocabulary.errors import Malformed


def document_of(text: str) -> dict[str, Json]:
    document = decode_json(text.encode("utf-8", "surrogatepass"))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(
    ("text", "escaped", "unescaped"),
    [
        ('"a/b"', r'"a\/b"', '"a/b"'),
        (r'"a\/b"', r'"a\/b"', '"a/b"'),
        ('"</x>&\'"', '"<\\/x>&\'"', '"</x>&\'"'),
        ('"Ł"', r'"\u0141"', '"Ł"'),
        (r'"\u0141"', r'"\u0141"', '"Ł"'),
        ('"\u00e9"', r'"\u00e9"', '"\u00e9"'),
        ('"\uabcd\uffff"', r'"\uabcd\uffff"', '"\uabcd\uffff"'),
        ('"\U0001f600"', r'"\ud83d\ude00"', '"\U0001f600"'),
        (r'"\uD83D\uDE00"', r'"\ud83d\ude00"', '"\U0001f600"'),
        ('"\u2028\u2029"', r'"\u2028\u2029"', r'"\u2028\u2029"'),
        (r'"\b\f\n\r\t"', r'"\b\f\n\r\t"', r'"\b\f\n\r\t"'),
        (r'"\u0000\u000b\u001f"', r'"\u0000\u000b\u001f"', r'"\u0000\u000b\u001f"'),
        (r'"\u007f\u0080"', '"\x7f\\u0080"', '"\x7f\x80"'),
        (r'"\"\\"', r'"\"\\"', r'"\"\\"'),
        ('""', '""', '""'),
        ("10.0", "10.0", "10.0"),
        ("10.50", "10.50", "10.50"),
        ("-0", "-0", "-0"),
        ("1.0e-5", "1.0e-5", "1.0e-5"),
        ("1.0e+25", "1.0e+25", "1.0e+25"),
        ("12345678901234567890123", "12345678901234567890123", "12345678901234567890123"),
        ("[1, 2.0,\n[]]", "[1,2.0,[]]", "[1,2.0,[]]"),
        ("[null, true, false, {}]", "[null,true,false,{}]", "[null,true,false,{}]"),
        ('{"z":1,"a":{"y":"/"}}', r'{"z":1,"a":{"y":"\/"}}', '{"z":1,"a":{"y":"/"}}'),
        ('{"é/":1}', r'{"\u00e9\/":1}', '{"é/":1}'),
    ],
)
def test_a_value_is_printed_as_php_prints_it(text: str, escaped: str, unescaped: str) -> None:
    document = document_of(f'{{"v": {text} }}')

    assert sorted_payload(document, escaped=True) == f'{{"v":{escaped}}}'.encode()
    assert sorted_payload(document, escaped=False) == f'{{"v":{unescaped}}}'.encode()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("{}", b"{}"),
        ('{"b":1,"a":2}', b'{"a":2,"b":1}'),
        ('{"b":1,"B":2,"_":3,"ab":4,"a":5}', b'{"B":2,"_":3,"a":5,"ab":4,"b":1}'),
        ('{"a_b":1,"ab":2,"a":3,"aB":4}', b'{"a":3,"aB":4,"a_b":1,"ab":2}'),
        ('{"b":{"z":1,"a":2},"a":1}', b'{"a":1,"b":{"z":1,"a":2}}'),
        ('{"\uffff":1,"\U00010000":2}', '{"\uffff":1,"\U00010000":2}'.encode()),
        ('{"a":1,"":2}', b'{"":2,"a":1}'),
    ],
)
def test_only_the_top_level_is_sorted_and_by_bytes(text: str, printed: bytes) -> None:
    assert sorted_payload(document_of(text), escaped=False) == printed


@pytest.mark.parametrize(
    "key", ["0", "10", "-1", "+1", " 1", "\\n1", "1.5", ".5", "1e3", "-.5"]
)
def test_a_top_level_key_that_php_may_sort_as_a_number_is_refused(key: str) -> None:
    document = document_of(f'{{"{key}":1,"a":2}}')

    for escaped in (True, False):
        with pytest.raises(Malformed, match="keys that do not look like numbers"):
            sorted_payload(document, escaped=escaped)


def test_a_number_as_a_key_further_in_stays_where_it_is() -> None:
    document = document_of('{"a":{"10":1,"9":2}}')

    assert sorted_payload(document, escaped=True) == b'{"a":{"10":1,"9":2}}'


@pytest.mark.parametrize(
    "text", [r'{"a":"\ud800"}', r'{"\udc00":1}', r'{"a":["\ude00\ud83d"]}']
)
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    for escaped in (True, False):
        with pytest.raises(Malformed, match="whole surrogate pairs"):
            sorted_payload(document_of(text), escaped=escaped)


def test_every_character_reads_back_as_itself() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    document: dict[str, Json] = {"a": text}

    for escaped in (True, False):
        printed = sorted_payload(document, escaped=escaped)
        assert json.loads(printed) == {"a": text}
    assert sorted_payload({"a": text.replace("\x7f", "")}, escaped=True).isascii()
