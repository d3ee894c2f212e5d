"""What PHP prints, row by row; ``tests.callbacks`` compares with a real PHP."""

import json

import pytest

from providers.wire.decode import Json, decode_json
from providers.wire.php import JsonFlags, sorted_payload, sorted_payloads
from vocabulary.errors import Malformed

BOTH = JsonFlags.UNESCAPED_SLASHES | JsonFlags.UNESCAPED_UNICODE
EVERY = (*map(JsonFlags, (0, 64, 256, 320, 2304, 2368)),)


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

    assert sorted_payload(document) == f'{{"v":{escaped}}}'.encode()
    assert sorted_payload(document, BOTH) == f'{{"v":{unescaped}}}'.encode()


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
    assert sorted_payload(document_of(text), BOTH) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('{"type":1,"10":2,"9":3}', ['{"9":3,"10":2,"type":1}', '{"type":1,"9":3,"10":2}']),
        ('{"a":1,"-5":2}', ['{"-5":2,"a":1}']),
        ('{"a":1,"5":2,"":3}', ['{"":3,"5":2,"a":1}', '{"":3,"a":1,"5":2}']),
        ('{"abc":1,"1.5":2,"1":3,"02":4}', ['{"1":3,"1.5":2,"02":4,"abc":1}']),
        ('{"1e1":1,"9":2}', ['{"9":2,"1e1":1}']),
        ('{"99999999999999999999":1,"9":2}', ['{"9":2,"99999999999999999999":1}']),
        ('{"0":1,"1":2}', ["[1,2]"]),
        ('{"1":1,"0":2}', ["[2,1]"]),
        ('{"1":1,"2":2}', ['{"1":1,"2":2}']),
    ],
)
def test_keys_that_look_like_numbers_are_ordered_as_php_orders_them(
    text: str, printed: list[str]
) -> None:
    texts = [one.decode() for one in sorted_payloads(document_of(text), BOTH)]

    assert texts[: len(printed)] == printed


@pytest.mark.parametrize(
    ("flags", "printed"),
    [
        (JsonFlags.NONE, r'"\/\u00e9\u2028"'),
        (JsonFlags.UNESCAPED_SLASHES, r'"/\u00e9\u2028"'),
        (JsonFlags.UNESCAPED_UNICODE, '"\\/é\\u2028"'),
        (BOTH, '"/é\\u2028"'),
        (BOTH | JsonFlags.UNESCAPED_LINE_TERMINATORS, '"/é\u2028"'),
    ],
)
def test_each_flag_leaves_only_its_own_characters_unescaped(
    flags: JsonFlags, printed: str
) -> None:
    assert sorted_payload({"v": "/é\u2028"}, flags) == f'{{"v":{printed}}}'.encode()


def test_a_number_as_a_key_further_in_stays_where_it_is() -> None:
    document = document_of('{"a":{"10":1,"9":2}}')

    assert sorted_payload(document) == b'{"a":{"10":1,"9":2}}'


@pytest.mark.parametrize(
    "text", [r'{"a":"\ud800"}', r'{"\udc00":1}', r'{"a":["\ude00\ud83d"]}']
)
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    for flags in EVERY:
        with pytest.raises(Malformed, match="whole surrogate pairs"):
            sorted_payload(document_of(text), flags)


def test_every_character_reads_back_as_itself() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    document: dict[str, Json] = {"a": text}

    for flags in EVERY:
        printed = sorted_payload(document, flags)
        assert json.loads(printed) == {"a": text}
    assert sorted_payload({"a": text.replace("\x7f", "")}).isascii()
