import random

import pytest

from providers.wire.decode import Number, decode_json
from providers.wire.javascript import (
    NUMBER_CHARS_MAX,
    number_text,
    rounded,
    sorted_payload,
    stringify,
)
from tests.harness.servers.node import javascript_numbers, javascript_signatures
from vocabulary.errors import Malformed


@pytest.mark.parametrize(
    ("token", "printed"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("5.0", "5"),
        ("5.10", "5.1"),
        ("-5.10", "-5.1"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("5e-1", "0.5"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("0.00000123", "0.00000123"),
        ("0.000000123", "1.23e-7"),
        ("1e16", "10000000000000000"),
        ("123456789012345678901", "123456789012345680000"),
        ("1e21", "1e+21"),
        ("1.5e21", "1.5e+21"),
        ("1677950013029748736", "1677950013029748700"),
        ("0.1000000000000000055", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
    ],
)
def test_a_number_is_printed_as_javascript_prints_it(token: str, printed: str) -> None:
    assert number_text(token) == printed


@pytest.mark.parametrize("token", ["1e400", "-1e400", "1" + "0" * 400, "0." + "1" * 200])
def test_a_number_without_a_finite_double_or_of_absurd_length_is_refused(token: str) -> None:
    with pytest.raises(Malformed, match="numbers"):
        number_text(token)


def _spellings(source: random.Random, count: int) -> list[str]:
    """Number tokens of every shape: integers, decimals, noise, exponents, huge and tiny."""
    tokens = []
    for _ in range(count):
        digits = str(source.randrange(1, 10 ** source.randint(1, 20)))
        point = source.randint(0, len(digits))
        whole = digits[:point].lstrip("0") or "0"
        fraction = digits[point:] or source.choice(["", "0", "00"])
        exponent = source.choice(
            ["", "", "", f"e{source.randint(-40, 40)}", "E+3", "e-7", "e21"]
        )
        sign = source.choice(["", "", "-"])
        tokens.append(sign + whole + (f".{fraction}" if fraction else "") + exponent)
    return tokens


def test_five_thousand_spellings_of_numbers_are_printed_as_node_prints_them() -> None:
    tokens = _spellings(random.Random(20261121), 5_000)
    tokens += ["0." + "1" * (NUMBER_CHARS_MAX - 2), "9" * NUMBER_CHARS_MAX]

    assert [number_text(token) for token in tokens] == javascript_numbers(tokens)


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":2}',
        '{"10":1,"2":2,"a":3,"01":4,"1.5":5,"-1":6}',
        '{"4294967294":1,"4294967295":2,"3":4,"b":5,"99999999999":6}',
        '{"z":{"b":1,"2":2,"1":3,"a":4},"a":[{"10":1,"9":2}]}',
        '{"\U0001f600":1,"\uffee":2,"\ud7ff":3,"z":4,"é":5}',
        '{"a":"\\ud83d\\ude00 \\ud83d \\ude00","b":"\\uDFFF"}',
        '{"\\ud800":1,"\\udc00":2,"\\uffff":3}',
        '{"a":"\u2028\u2029\u007f\u0080/é\\/"}',
        '{"a":"\\u0000\\u0001\\b\\f\\n\\r\\t\\u000b\\u001f\\"\\\\"}',
        '{"a":null,"b":true,"c":false,"d":[],"e":{},"f":[1,[2.0]],"":1}',
        '{"0":1,"00":2,"\u0661":3,"-0":4,"+1":5,"1e3":6}',
    ],
)
def test_a_payload_is_printed_as_the_providers_sample_prints_it(text: str) -> None:
    document = rounded(decode_json(text.encode("utf-8", "surrogatepass")))

    (printed, _hex), *_rest = javascript_signatures([text], "s")
    assert isinstance(document, dict)
    assert sorted_payload(document) == printed.encode("utf-8")


@pytest.mark.parametrize("text", [b'{"__proto__":1}', b'{"a":{"__proto__":{}}}'])
def test_a_key_that_assignment_would_drop_is_refused(text: bytes) -> None:
    document = decode_json(text)

    assert isinstance(document, dict)
    with pytest.raises(Malformed, match="keys that a signature can cover"):
        sorted_payload(document)


def test_rounding_reaches_every_depth_and_leaves_texts_alone() -> None:
    tree = rounded({"a": [Number("5.0"), {"b": Number("-0")}], "c": "5.0", "d": None})

    assert tree == {"a": ["5", {"b": "0"}], "c": "5.0", "d": None}
    assert stringify(tree) == '{"a":[5,{"b":0}],"c":"5.0","d":null}'
