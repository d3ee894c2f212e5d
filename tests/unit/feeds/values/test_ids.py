"""Ids of statement files equal those of the callbacks, or are findings."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.statements.reading.cells import Cell
from feeds.statements.reading.file_format import FileRules, IdCase
from feeds.statements.reading.values.text import INVISIBLE, NULL_WORDS
from tests.harness.books.statement_files import (
    PLAIN,
    VALUES,
    csv_line,
    json_line,
    problem,
    record,
    sheet_line,
    statement_reader,
)

NUMERIC = FileRules(numeric_ids=True)
UNTRIMMED = FileRules(id_trim=False)


@pytest.mark.parametrize(
    "text",
    [
        "1001",
        '="1001"',
        "'1001",
        "1001 ",
        " 1001",
        "1001\N{NO-BREAK SPACE}",
        "\N{ZERO WIDTH SPACE}1001\N{ZERO WIDTH NO-BREAK SPACE}",
        "\t1001",
        '="1001 "',
        ' ="1001"',
    ],
)
def test_what_a_spreadsheet_puts_around_an_id_is_taken_off(text: str) -> None:
    assert record(csv_line(transaction_id=text)).record_id == "1001"
    assert record(csv_line(user_id=text)).handle == "1001"
    assert record(json_line(transaction_id=json.dumps(text))).record_id == "1001"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10\N{ZERO WIDTH SPACE}01", "without invisible characters"),
        ("10\N{NO-BREAK SPACE}01", "without invisible characters"),
        ("10\N{SOFT HYPHEN}01", "without invisible characters"),
        ("10\t01", "without invisible characters"),
        ("10\x0001", "without invisible characters"),
        ("=1001", "not a formula or text in apostrophes"),
        ('="10"01"', "not a formula or text in apostrophes"),
        ("'1001'", "not a formula or text in apostrophes"),
        ("''1001", "not a formula or text in apostrophes"),
    ],
)
def test_an_id_that_cannot_be_unwrapped_without_a_guess_is_a_finding(
    text: str, reason: str
) -> None:
    assert reason in problem(csv_line(transaction_id=text))


def test_invisible_characters_are_visible_in_the_finding() -> None:
    reason = problem(csv_line(user_id="4\N{ZERO WIDTH SPACE}2"))

    assert reason == (
        "user_id: an id without invisible characters and line breaks is expected;"
        r' found "4\u200b2"'
    )


def test_a_line_break_in_an_id_is_a_finding() -> None:
    assert "and line breaks" in problem(json_line(transaction_id='"10\\n01"'))


def test_blanks_around_an_id_stay_if_declared() -> None:
    assert record(csv_line(UNTRIMMED, transaction_id="1001 ")).record_id == "1001 "
    assert "invisible" in problem(csv_line(UNTRIMMED, transaction_id="1001\N{NO-BREAK SPACE}"))


@pytest.mark.parametrize(
    ("case", "stored"),
    [(IdCase.EXACT, "aB-1"), (IdCase.LOWER, "ab-1"), (IdCase.UPPER, "AB-1")],
)
def test_ids_are_stored_in_the_declared_case(case: IdCase, stored: str) -> None:
    line = record(csv_line(FileRules(id_case=case), transaction_id="aB-1"))

    assert (line.record_id, line.round_id) == (stored, stored)


@pytest.mark.parametrize(
    "text",
    [
        "73928e03",
        "7e10",
        "7E10",
        "5f4e2a1b9c8d7e6f5a4b3c2d",
        "507f191e810c197290860000",
        "1.5",
        "1717490000.1234",
        "00123",
        "-42",
        "12,50",
        "O'Brien",
        "a=b",
        "1e-5",
    ],
)
def test_an_id_that_only_looks_like_a_number_stays(text: str) -> None:
    assert record(csv_line(transaction_id=text)).record_id == text
    assert record(json_line(transaction_id=f'"{text}"')).record_id == text


@pytest.mark.parametrize("text", ["1.23457E+18", "1e+18", "1.2E7", "1,5E+10", "12345678.0"])
def test_a_computed_number_in_place_of_an_id_is_a_finding(text: str) -> None:
    expected = "transaction_id: an id is expected; as a computed number it has lost digits"

    assert problem(csv_line(transaction_id=text)) == f'{expected}; found "{text}"'


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("1.2345678E7", "12345678"),
        ("42.0", "42"),
        ("1001.00", "1001"),
        ("1.23E+2", "123"),
        ("1.23457E+18", None),
        ("1.2E7", None),
        ("12345678901234567.0", None),
        ("7e10", "7e10"),
        ("42.5", "42.5"),
    ],
)
def test_a_number_as_text_is_an_id_if_declared_and_complete(
    text: str, stored: str | None
) -> None:
    line = csv_line(NUMERIC, transaction_id=text)

    if stored is None:
        assert "has lost digits" in problem(line)
    else:
        assert record(line).record_id == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [(1.2345678e7, "12345678"), (42.0, "42"), (42, "42"), (123456789012345, "123456789012345")],
)
def test_a_number_of_a_workbook_is_an_id_if_declared(value: float, stored: str) -> None:
    assert record(sheet_line(NUMERIC, transaction_id=value)).record_id == stored
    assert "setting numeric_ids" in problem(sheet_line(transaction_id=value))


@pytest.mark.parametrize("value", [42.5, -42, 1e18, 1234567890123456, 1e-9])
def test_a_number_of_a_workbook_that_is_no_whole_id_is_a_finding(value: float) -> None:
    assert problem(sheet_line(NUMERIC, transaction_id=value)).startswith(
        "cell A2, transaction_"
    )


@pytest.mark.parametrize(
    ("token", "stored"),
    [
        ("1234567890123456789", "1234567890123456789"),
        ("42.0", "42"),
        ("1.2345678E7", "12345678"),
        ("1e400", None),
        ("0e999999999", None),
        ("1e-999999999", None),
    ],
)
def test_a_json_number_is_an_id_if_declared_and_whole(token: str, stored: str | None) -> None:
    line = json_line(NUMERIC, transaction_id=token)

    if stored is None:
        assert problem(line).startswith("transaction_id: ")
    else:
        assert record(line).record_id == stored


@pytest.mark.parametrize("word", ["NULL", r"\N", "nan", "null", "None", "-", "N/A", "#N/A"])
def test_a_word_for_a_missing_value_is_declared_or_refused(word: str) -> None:
    declared = FileRules(null_text=(word,))

    undeclared = problem(csv_line(rollback_transaction_id=word))
    assert "(setting null_text)" in undeclared
    assert record(csv_line(declared, rollback_transaction_id=word)).round_id == "t-1"
    assert "(setting null_text)" in problem(csv_line(currency=word))
    assert "currency: " in problem(csv_line(declared, currency=word))
    assert "amount: " in problem(csv_line(declared, amount=word))


@pytest.mark.parametrize("word", sorted(NULL_WORDS))
def test_no_rollback_is_stored_of_a_round_that_is_a_word_for_nothing(word: str) -> None:
    for rules in (PLAIN, FileRules(null_text=(word,)), FileRules(null_text=("?",))):
        line = csv_line(rules, action="rollback", rollback_transaction_id=word)
        assert problem(line).startswith("rollback_transaction_id: ")


def test_words_for_a_missing_value_are_ids_if_declared_to_be_none() -> None:
    rules = FileRules(null_text=())

    assert record(csv_line(rules, user_id="Null")).handle == "Null"


def test_an_optional_field_of_a_json_dialect_may_be_declared_missing() -> None:
    rules = FileRules(null_text=("NULL",))
    round_ = {
        "roundId": '"r-1"',
        "userId": '"u-1"',
        "bet": '"2.50"',
        "prize": '"NULL"',
        "status": '"closed"',
        "createdAt": '"2026-06-04T09:30:00Z"',
        "updatedAt": '"2026-06-04T09:30:00Z"',
        "currency": '"NULL"',
    }
    text = "{" + ",".join(f'"{name}":{token}' for name, token in round_.items()) + "}\n"
    (line,) = statement_reader(rules, "xigs").read(io.BytesIO(text.encode()), "day.jsonl")

    assert (record(line).currency, record(line).payout.minor) == ("USD", 0)


@given(
    core=st.text(st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")), min_size=1),
    before=st.text(st.sampled_from(INVISIBLE)),
    after=st.text(st.sampled_from(INVISIBLE)),
)
def test_blanks_at_the_ends_never_make_another_id(core: str, before: str, after: str) -> None:
    reader = statement_reader(replace(PLAIN, null_text=()))
    cells = {name: Cell(text) for name, text in VALUES.items() if text}
    cells["transaction_id"] = Cell(before + core + after)

    assert reader.normalizer.values(cells).cells["transaction_id"].text == core
