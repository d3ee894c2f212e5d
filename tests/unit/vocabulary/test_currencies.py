"""Currencies: the digits of the standard, of the settings, and none that are assumed."""

import pytest

from vocabulary.currencies import (
    ISO_4217,
    ISO_ONLY,
    NO_CURRENCY,
    CurrencyUnknown,
    advised_line,
    digits_of,
    is_currency,
    is_known,
    joined_exponents,
    outside_iso,
)
from vocabulary.errors import Malformed

#: Codes of ISO 4217 that stand for no money that is counted in units of its own.
WITHOUT_DIGITS = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA".split()


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        *(("JPY", 0), ("VND", 0), ("EUR", 2), ("RUB", 2), ("BYN", 2), ("XCG", 2), ("ZWG", 2)),
        *(("KWD", 3), ("BHD", 3), ("IQD", 3), ("CLF", 4), ("UYW", 4)),
    ],
)
def test_digits_follow_the_standard(currency: str, digits: int) -> None:
    assert digits_of(currency, ISO_ONLY) == digits


def test_the_standard_has_the_codes_of_its_edition_of_2026() -> None:
    current = set(ISO_4217) - {NO_CURRENCY, *"ANG BGN CUC HRK MRO SLL STD VEF ZWL".split()}

    assert len(current) == 139 + 7 + 17 + 2
    assert all(len(code) == 3 and is_currency(code) for code in current)


@pytest.mark.parametrize("currency", [*WITHOUT_DIGITS, "BTC", "USDT", "ZZZ"])
def test_no_digits_are_assumed(currency: str) -> None:
    with pytest.raises(
        CurrencyUnknown, match=rf"^lines\[2\]: {currency} is no currency of ISO"
    ):
        digits_of(currency, {"DOGE": 2}, path="lines[2]")

    assert not is_known(currency, ISO_ONLY)
    assert digits_of(currency, {currency: 5}) == 5


def test_a_refusal_says_what_to_set_in_the_digits_of_the_books_so_far() -> None:
    with pytest.raises(CurrencyUnknown, match=r"exponents = \{ BTC = 8 \}") as refused:
        digits_of("BTC", ISO_ONLY)

    assert (refused.value.currency, refused.value.path) == ("BTC", "currency")
    assert advised_line(["DOGE", "USDT"]) == "exponents = { DOGE = 2, USDT = 6 }"


def test_a_provider_may_count_in_other_digits_than_the_standard() -> None:
    assert digits_of("EUR", {"EUR": 5}) == 5
    assert digits_of("USD", {"EUR": 5}) == 2


def test_what_is_no_code_is_malformed_and_not_repeated() -> None:
    with pytest.raises(Malformed, match=r"^currency: a currency code is expected$"):
        digits_of("4111 1111", ISO_ONLY)


def test_what_providers_name_counts_for_all_but_not_their_units_of_known_currencies() -> None:
    named = [{"EUR": 5, "DOGE": 2}, {"USDT": 6, "JPY": 2}]

    assert joined_exponents(named) == {"DOGE": 2, "USDT": 6}
    assert outside_iso({"EUR": 5}) == {}


def test_the_standard_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="item assignment"):
        ISO_4217["EUR"] = 3  # type: ignore[index]


@pytest.mark.parametrize(
    "code", ["", "EU", "eur", "EURO_X", "1UR", "ABCDEFGHI", "\N{CYRILLIC CAPITAL LETTER IE}UR"]
)
def test_currency_codes_are_recognised(code: str) -> None:
    assert not is_currency(code)
    assert is_currency("EUR")
    assert is_currency("USDT")
