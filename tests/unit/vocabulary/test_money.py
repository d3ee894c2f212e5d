"""Money: what is parsed, what is refused, and arithmetic that cannot mix currencies."""

import pytest

from tests.harness.currencies import CRYPTO
from vocabulary.currencies import ISO_ONLY, CurrencyUnknown
from vocabulary.errors import Malformed
from vocabulary.money import (
    AMOUNT_CHARS_MAX,
    MINOR_MAX,
    Money,
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
    assert Money.parse(text, currency, exponents=CRYPTO) == Money(minor, currency)


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
        Money.parse(text, "EUR", exponents=ISO_ONLY)


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("1.0001", "KWD"), ("1e-9", "BTC")]
)
def test_excess_precision_is_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(Malformed, match="expected"):
        Money.parse(text, currency, exponents=CRYPTO)


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


def test_a_provider_may_override_an_exponent() -> None:
    assert Money.parse("0.00001", "EUR", exponents={"EUR": 5}) == Money(1, "EUR")
    assert Money(1, "EUR").text(exponents={"EUR": 5}) == "0.00001"
    assert Money(-1, "EUR").text_with_currency(exponents={"EUR": 5}) == "-0.00001 EUR"
    assert Money(-5, "EUR").text_with_currency(exponents=ISO_ONLY) == "-0.05 EUR"


def test_an_amount_of_an_unknown_currency_is_neither_read_nor_written() -> None:
    with pytest.raises(CurrencyUnknown, match="DOGE is no currency of ISO 4217"):
        Money.parse("1.00", "DOGE", exponents=ISO_ONLY)
    with pytest.raises(CurrencyUnknown, match=r"exponents = \{ DOGE = 2 \}"):
        Money(100, "DOGE").text(exponents={"BTC": 8})


def test_amounts_of_different_currencies_cannot_be_combined() -> None:
    with pytest.raises(TypeError, match="cannot combine EUR with USD"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(TypeError, match="cannot combine EUR with USD"):
        Money(1, "EUR") - Money(1, "USD")
