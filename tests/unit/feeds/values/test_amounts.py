"""Amounts of statement files: what was paid, or a finding; never another amount."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.statements.reading.cells import Cell
from feeds.statements.reading.file_format import AmountSign, AmountUnit, FileRules, Grouping
from tests.harness.books.statement_files import (
    PLAIN,
    VALUES,
    csv_line,
    json_line,
    problem,
    read_csv,
    record,
    sheet_line,
    statement_reader,
)
from vocabulary.money import text_from_minor

MINOR = FileRules(unit=AmountUnit.MINOR)
PLAYER = FileRules(sign=AmountSign.PLAYER)
OPERATOR = FileRules(sign=AmountSign.OPERATOR)
COMMA = FileRules(decimal=",", thousands=".")
SPACED = FileRules(decimal=",", thousands=" ")
LAKH = FileRules(thousands=",", grouping=Grouping.LAKH)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.00000000", "USD", 1000),
        ("0.50000000", "BTC", 50_000_000),
        ("5.00000000", "USD", 500),
        ("1000.0000000000", "JPY", 1000),
        ("0.10000001", "BTC", 10_000_001),
        ("0.100000001", "ETH", 100_000_001),
        ("-0.00", "USD", 0),
        ("-0", "USD", 0),
    ],
)
def test_zeros_after_the_smallest_unit_are_no_noise(
    text: str, currency: str, minor: int
) -> None:
    assert record(csv_line(amount=text, currency=currency)).stake.minor == minor
    assert record(json_line(amount=f'"{text}"', currency=f'"{currency}"')).stake.minor == minor
    assert record(json_line(amount=text, currency=f'"{currency}"')).stake.minor == minor


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        (60.599999999999994, 6060),
        (0.1 + 0.2, 30),
        (12.30000000000001, 1230),
        (10.0, 1000),
        (-0.0, 0),
        (1234567.8900000001, 123456789),
    ],
)
def test_the_noise_of_a_binary_number_is_taken_off_at_currency_scale(
    value: float, minor: int
) -> None:
    assert record(sheet_line(amount=value)).stake.minor == minor


@pytest.mark.parametrize(
    "value", [12.3001, 1.005, 60.59999, 1234567890123.456, 123456789012345.67, 1e300]
)
def test_a_binary_number_of_another_amount_is_a_finding(value: float) -> None:
    assert problem(sheet_line(amount=value)).startswith("cell E2, amount: ")


@pytest.mark.parametrize(
    "text", ["60.599999999999994", "0.30000000000000004", "12.300000000000001"]
)
def test_noise_in_text_is_a_finding(text: str) -> None:
    expected = f'amount: an amount is expected, not float noise; found "{text}"'

    assert problem(csv_line(amount=text)) == expected
    assert problem(json_line(amount=text)) == expected


@pytest.mark.parametrize(
    "text", ["sNaN", "NaN", "Infinity", "-inf", "1e3", "0x10", "1_000", "٣"]
)
def test_what_is_no_amount_is_a_finding(text: str) -> None:
    assert problem(csv_line(amount=text)).startswith("amount: ")


@pytest.mark.parametrize(
    ("rules", "text", "currency", "minor"),
    [
        (PLAIN, "$10.00", "USD", 1000),
        (PLAIN, "10.00 USD", "USD", 1000),
        (PLAIN, "USD 10.00", "USD", 1000),
        (PLAIN, "10.00\N{NO-BREAK SPACE}\N{EURO SIGN}", "EUR", 1000),
        (PLAIN, "10.00 zł", "PLN", 1000),
        (PLAIN, "Rs. 10.00", "INR", 1000),
        (PLAIN, "R$ 10.00", "BRL", 1000),
        (PLAIN, "+10.00", "USD", 1000),
        (PLAIN, ".50", "USD", 50),
        (PLAIN, "$.50", "USD", 50),
        (PLAIN, " 10.00\N{NO-BREAK SPACE}", "USD", 1000),
        (PLAIN, '="10.00"', "USD", 1000),
        (COMMA, "1.022,50", "USD", 102250),
        (COMMA, "1.022,50 €", "EUR", 102250),
        (SPACED, "12\N{NARROW NO-BREAK SPACE}000,00", "USD", 1200000),
        (SPACED, "12\N{NO-BREAK SPACE}000,00", "USD", 1200000),
        (FileRules(thousands="\N{NARROW NO-BREAK SPACE}"), "12 000.00", "USD", 1200000),
        (FileRules(thousands="'"), "12\N{RIGHT SINGLE QUOTATION MARK}000.00", "USD", 1200000),
        (FileRules(thousands="\N{RIGHT SINGLE QUOTATION MARK}"), "12'000.00", "USD", 1200000),
        (LAKH, "12,34,567.89", "INR", 123456789),
        (LAKH, "1,00,00,000", "INR", 1000000000),
        (LAKH, "99,999.00", "INR", 9999900),
        (LAKH, "999.00", "INR", 99900),
    ],
)
def test_an_amount_is_read_as_people_write_it(
    rules: FileRules, text: str, currency: str, minor: int
) -> None:
    assert record(csv_line(rules, amount=text, currency=currency)).stake.minor == minor


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (PLAIN, "€10.00"),
        (PLAIN, "USD.50"),
        (PLAIN, "10.00 EUR"),
        (PLAIN, "$,50"),
        (PLAIN, "$10.00 USD"),
        (PLAIN, "10.00 CR"),
        (PLAIN, "10%"),
        (PLAIN, "10."),
        (PLAIN, "1 000.00"),
        (PLAIN, "1,000.00"),
        (PLAIN, "--10.00"),
        (PLAIN, "-(10.00)"),
        (PLAIN, "(10.00"),
        (PLAIN, "10.00-5"),
        (COMMA, "10.00"),
        (SPACED, "12 00,00"),
        (FileRules(thousands=","), "12,34,567.89"),
        (LAKH, "1,234,567.89"),
        (LAKH, "12,34,56.00"),
    ],
)
def test_an_amount_with_undeclared_marks_is_a_finding(rules: FileRules, text: str) -> None:
    assert problem(csv_line(rules, amount=text)).startswith("amount: ")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("1000", "USD", 1000), ("1000.00", "USD", 1000), ("1000", "JPY", 1000), ("7", "BTC", 7)],
)
def test_amounts_in_minor_units_are_read_as_declared(
    text: str, currency: str, minor: int
) -> None:
    assert record(csv_line(MINOR, amount=text, currency=currency)).stake.minor == minor


def test_minor_units_are_whole() -> None:
    assert problem(csv_line(MINOR, amount="10.50")) == (
        "amount: a whole number of the currency's smallest unit is expected (setting unit);"
        ' found "10.50"'
    )


def test_a_workbook_may_have_minor_units_as_numbers() -> None:
    assert record(sheet_line(MINOR, amount=1000)).stake.minor == 1000
    assert "setting unit" in problem(sheet_line(MINOR, amount=10.5))


@pytest.mark.parametrize(
    ("rules", "action", "text", "minor"),
    [
        (PLAYER, "bet", "-10.00", 1000),
        (PLAYER, "bet", "\N{MINUS SIGN}10.00", 1000),
        (PLAYER, "bet", "(10.00)", 1000),
        (PLAYER, "bet", "($10.00)", 1000),
        (PLAYER, "bet", "10.00-", 1000),
        (PLAYER, "bet", "0.00", 0),
        (PLAYER, "result", "12.50", 1250),
        (PLAYER, "bet", "10.00", None),
        (PLAYER, "result", "-12.50", None),
        (OPERATOR, "bet", "10.00", 1000),
        (OPERATOR, "result", "-12.50", 1250),
        (OPERATOR, "bet", "-10.00", None),
        (OPERATOR, "result", "12.50", None),
        (PLAIN, "bet", "-10.00", None),
        (PLAIN, "bet", "(10.00)", None),
    ],
)
def test_signs_mean_what_is_declared(
    rules: FileRules, action: str, text: str, minor: int | None
) -> None:
    line = csv_line(rules, action=action, amount=text)

    if minor is None:
        assert "setting sign" in problem(line)
    else:
        assert record(line).stake.minor + record(line).payout.minor == minor


@pytest.mark.parametrize("text", ["10.00", "-10.00"])
def test_a_rollback_may_have_either_sign(text: str) -> None:
    line = csv_line(PLAYER, action="rollback", amount=text, rollback_transaction_id="t-0")

    assert record(line).rolled_back


def test_other_words_for_actions_are_mapped() -> None:
    rules = FileRules(actions={"BET": "bet", "CASINO_WIN": "result", "7": "rollback"})

    assert record(csv_line(rules, action="BET")).stake.minor == 1000
    assert record(csv_line(rules, action="bet ")).stake.minor == 1000
    assert record(csv_line(rules, action="CASINO_WIN")).payout.minor == 1000
    undone = sheet_line(rules, action=7, rollback_transaction_id="t-0")
    assert record(undone).rolled_back
    assert problem(csv_line(rules, action="Bet")) == (
        "action: one of bet, result, rollback is expected; declare other words"
        ' (setting actions); found "Bet"'
    )


def test_the_agent_platform_s_amounts_may_have_signs_and_words_too() -> None:
    rules = FileRules(sign=AmountSign.PLAYER, actions={"SPIN": "makeBet"})
    header = "transaction_id round_id type player_id currency bet win original_transaction_id"
    cells = ("t-1", "", "SPIN", "42", "USD", "-1.00", "2.50", "", "2026-06-04T09:30:00Z")

    (line,) = read_csv(
        [cells], rules, dialect="agent_platform", header=[*header.split(), "created_at"]
    )

    assert (record(line).stake.minor, record(line).payout.minor) == (100, 250)


def test_a_finding_names_the_column_and_shortens_what_is_there() -> None:
    rules = FileRules(columns={"amount": "Total"})
    header = [name if name != "amount" else "Total" for name in VALUES]

    (line,) = read_csv([{**VALUES, "amount": "x" * 99}.values()], rules, header=header)

    assert problem(line) == (
        f'amount (column Total): a plain decimal amount is expected; found "{"x" * 39}…"'
    )


@given(
    minor=st.integers(min_value=0, max_value=10**15),
    zeros=st.integers(min_value=0, max_value=8),
    currency=st.sampled_from(["USD", "JPY", "KWD", "BTC"]),
)
def test_every_notation_of_an_amount_is_the_same_amount(
    minor: int, zeros: int, currency: str
) -> None:
    exponent = {"USD": 2, "JPY": 0, "KWD": 3, "BTC": 8}[currency]
    plain = text_from_minor(minor, exponent)
    whole, _, part = plain.partition(".")
    part = f".{part}{'0' * zeros}" if part else ""
    grouped = f"{int(whole):,}{part}"
    swapped = grouped.translate(str.maketrans(",.", ".,"))
    notations = [
        (PLAIN, whole + part),
        (PLAIN, f"{currency} {whole}{part}"),
        (FileRules(thousands=","), grouped),
        (COMMA, swapped),
        (MINOR, str(minor)),
        (FileRules(sign=AmountSign.PLAYER), f"({whole}{part})"),
    ]

    for rules, text in notations:
        cells = {**VALUES, "currency": currency, "amount": text}
        row = {name: Cell(value) for name, value in cells.items()}
        values = statement_reader(rules).normalizer.values(row)
        assert Decimal(values.cells["amount"].text) == Decimal(plain), text


def test_zeros_after_a_part_of_the_smallest_unit_are_no_noise() -> None:
    expected = "a whole number of the currency's smallest unit is expected"

    assert expected in problem(json_line(MINOR, amount="10.50000000"))
