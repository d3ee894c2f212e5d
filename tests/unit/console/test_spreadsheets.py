"""Tables of the console as files: exact amounts, and no row missing without a word."""

from decimal import Decimal

import pytest

from console.pages.breaks.listing import FILE_ROWS_MAX, file_name, filed_text
from console.spreadsheets import csv_file


@pytest.mark.parametrize(
    "amount",
    ["0.00", "-0.05", "0.00000000", "0.00000050", "-0.000000001", "98765432109.876543210"],
)
def test_an_amount_of_a_csv_has_all_its_digits_and_no_exponent(amount: str) -> None:
    file = csv_file("breaks", ["difference"], [[Decimal(amount)]])

    assert file.content.decode("utf-8-sig").splitlines() == ["difference", amount]


@pytest.mark.parametrize(
    ("breaks", "words", "name"),
    [
        (13, "all 13", "breaks"),
        (FILE_ROWS_MAX, "all 100\u202f000", "breaks"),
        (
            FILE_ROWS_MAX + 1,
            "the first 100\u202f000 of 100\u202f001",
            "breaks-only-the-first-100000",
        ),
    ],
)
def test_a_list_says_which_of_its_breaks_a_file_has(breaks: int, words: str, name: str) -> None:
    assert (filed_text(breaks), file_name(breaks)) == (words, name)
