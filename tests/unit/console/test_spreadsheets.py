"""Tables of the console as files: amounts stay the numbers that they are."""

from decimal import Decimal

import pytest

from console.spreadsheets import csv_file


@pytest.mark.parametrize(
    "amount",
    ["0.00", "-0.05", "0.00000000", "0.00000050", "-0.000000001", "98765432109.876543210"],
)
def test_an_amount_of_a_csv_has_all_its_digits_and_no_exponent(amount: str) -> None:
    file = csv_file("breaks", ["difference"], [[Decimal(amount)]])

    assert file.content.decode("utf-8-sig").splitlines() == ["difference", amount]
