"""Money: what is parsed, what is refused, and arithmetic that cannot mix currencies."""

import pytest

from vocabulary.errors import Malformed
from vocabulary.money import (
    AMOUNT_CHARS_MAX,
    EXPONENTS,
    MINOR_MAX,
    Money,
    exponent_of,
    is_currency,
    minor_from_text,
    text_from_minor,
)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("0", "EUR", 0),
        ("-0", "EUR", 0),
        ("12.34", "EUR", 1234),
        ("12.3", "EUR", 1230),
        ("12", "EUR", 1200),
        ("-0.05", "EUR", -5),
        ("007.00", "EUR", 700),
        ("12.3400000", "EUR", 1234),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("0.00000001", "BTC", 1),
        ("21000000", "BTC", 2_100_000_000_000_000),
    ],
)
def test_a_plain_decimal_becomes_minor_units(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        "-",
        ".",
        "1.",
        ".5",
        "1.2.3",
        "1e5",
        "1E-2",
        "1_000",
        "1,000",
        "0x10",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "None",
        "١٢",
        "1٫5",
        "１２",
        "²",
        "1\x00",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="amount: a plain decimal amount is expected"):
        Money.parse(text, "EUR")


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("1.0001", "KWD"), ("1e-9", "BTC")]
)
def test_excess_precision_is_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(Malformed, match="expected"):
        Money.parse(text, currency)


def test_the_largest_amount_is_parsed_and_one_more_is_refused() -> None:
    assert minor_from_text(str(MINOR_MAX), 0) == MINOR_MAX
    assert minor_from_text(f"-{MINOR_MAX}", 0) == -MINOR_MAX
    for text in (str(MINOR_MAX + 1), f"-{MINOR_MAX + 1}"):
        with pytest.raises(Malformed, match="out of range"):
            minor_from_text(text, 0)


def test_a_text_over_the_length_limit_is_refused() -> None:
    with pytest.raises(Malformed, match="plain decimal"):
        minor_from_text("0" * (AMOUNT_CHARS_MAX + 1), 2)
    assert minor_from_text("0" * AMOUNT_CHARS_MAX, 2) == 0


def test_a_refusal_names_the_path_and_never_the_value() -> None:
    with pytest.raises(Malformed) as caught:
        minor_from_text("4111-1111", 2, path="win_amount")

    assert caught.value.path == "win_amount"
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize(
    ("minor", "exponent", "text"),
    [
        (0, 2, "0.00"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (1234, 0, "1234"),
        (-7, 3, "-0.007"),
        (1, 8, "0.00000001"),
    ],
)
def test_minor_units_render_with_all_their_digits(minor: int, exponent: int, text: str) -> None:
    assert text_from_minor(minor, exponent) == text


def test_a_provider_may_override_an_exponent_and_an_unknown_currency_has_two() -> None:
    assert exponent_of("EUR", {"EUR": 5}) == 5
    assert exponent_of("USD", {"EUR": 5}) == 2
    assert exponent_of("ZZZ") == 2
    assert Money.parse("0.00001", "EUR", exponents={"EUR": 5}) == Money(1, "EUR")
    assert Money(1, "EUR").text(exponents={"EUR": 5}) == "0.00001"
    assert Money(-1, "EUR").text_with_currency(exponents={"EUR": 5}) == "-0.00001 EUR"
    assert Money(-5, "EUR").text_with_currency() == "-0.05 EUR"


@pytest.mark.parametrize(
    ("currency", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("BTC", 8)]
)
def test_exponents_follow_the_standard(currency: str, digits: int) -> None:
    assert exponent_of(currency) == digits


def test_the_exponent_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="item assignment"):
        EXPONENTS["EUR"] = 3  # type: ignore[index]


@pytest.mark.parametrize(
    "code", ["", "EU", "eur", "EURO_X", "1UR", "ABCDEFGHI", "ЕUR", "EUR\n"]
)
def test_currency_codes_are_recognised(code: str) -> None:
    assert not is_currency(code)
    assert is_currency("EUR")
    assert is_currency("USDT")


def test_amounts_of_different_currencies_cannot_be_combined() -> None:
    with pytest.raises(TypeError, match="cannot combine EUR with USD"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(TypeError, match="cannot combine EUR with USD"):
        Money(1, "EUR") - Money(1, "USD")
