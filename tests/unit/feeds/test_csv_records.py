"""CSV as RFC 4180 defines it, in every encoding, and the layouts that programs write."""

import io
from typing import BinaryIO, cast

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.csv_records import RECORD_CHARS_MAX
from feeds.statements.reading.file_format import FileRules
from tests.unit.feeds.statement_files import (
    BET,
    HEADER,
    PLAIN,
    WIN,
    ids,
    problems,
    read,
    statement_reader,
)

NOTED = HEADER.rstrip("\n") + ",note\n"
BET_LINE, WIN_LINE = BET.rstrip("\n"), WIN.rstrip("\n")
INJECTED = "t-9,result,42,USD,500.00,,2026-06-04T09:31:00Z,x"
ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "shift_jis", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_a_quoted_line_break_is_text_in_every_encoding(encoding: str, line_break: str) -> None:
    note = f'"gl ""hf""\n{INJECTED}\n"'
    text = (NOTED + f"{BET_LINE},{note}\n{WIN_LINE},\nbad,line\n").replace("\n", line_break)

    lines = read(text.encode(encoding), rules=FileRules(encoding=encoding))

    assert ids(lines) == ["t-1", "t-2"]
    assert [(line, kind) for line, kind, _ in problems(lines)] == [
        (6, FindingKind.UNPARSABLE_RECORD)
    ]


def test_a_finding_names_the_first_line_of_its_record() -> None:
    bad = BET_LINE.replace("10.00", "ten")

    lines = read(NOTED + f'{WIN_LINE},\n{bad},"gl\nhf\n"\n{BET_LINE},\n')

    ((number, _, reason),) = problems(lines)
    assert number == 3
    assert reason.startswith("amount: ")
    assert ids(lines) == ["t-2", "t-1"]


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        # not closed: the lines of the text look like records
        (f'"gl hf\n{INJECTED}\n', FindingKind.TRUNCATED_FILE),
        # the player's quotes are not doubled
        (f'"gl "hf"\n{INJECTED}\n"', FindingKind.UNPARSABLE_RECORD),
        (f'"gl "hf\n{INJECTED}\n"', FindingKind.UNPARSABLE_RECORD),
        # a blank before the quote: no quoted field by RFC 4180
        (f' "gl hf\n{INJECTED}\n"', FindingKind.UNPARSABLE_RECORD),
        # a quote within a field without quotes
        (f'5" tv\n{INJECTED}', FindingKind.UNPARSABLE_RECORD),
    ],
)
def test_after_wrong_quotes_no_text_of_a_player_becomes_a_record(
    note: str, kind: FindingKind
) -> None:
    lines = read(NOTED + f"{WIN_LINE},\n{BET_LINE},{note}\n{BET_LINE.replace('t-1', 't-3')},\n")

    assert ids(lines) == ["t-2"]
    ((number, problem_kind, reason),) = problems(lines)
    assert (number, problem_kind) == (3, kind)
    assert 'set quote = ""' in reason


def test_a_record_with_a_bare_carriage_return_is_refused_and_the_next_is_read() -> None:
    lines = read(NOTED + f"{BET_LINE},gl hf\r{INJECTED}\n{WIN_LINE},\n")

    assert ids(lines) == ["t-2"]
    assert [number for number, _, _ in problems(lines)] == [2]


def test_a_file_without_quoting_is_read_if_declared() -> None:
    text = NOTED + f'{BET_LINE},5" tv\n{WIN_LINE},"\n'

    assert ids(read(text, rules=FileRules(quote=""))) == ["t-1", "t-2"]
    assert ids(read(text.replace('"', "'"), rules=FileRules(quote="'"))) == []


def test_bytes_that_are_not_utf_8_cost_their_record_whatever_lines_it_spans() -> None:
    text = NOTED.encode() + f'{BET_LINE},"gl\n'.encode() + b"\xfc\n" + INJECTED.encode()
    text += f'\n"\n{WIN_LINE},\n'.encode()

    lines = read(text)

    assert ids(lines) == ["t-2"]
    ((number, kind, reason),) = problems(lines)
    assert (number, kind) == (2, FindingKind.UNPARSABLE_RECORD)
    assert "the byte FC is not" in reason
    assert 'encoding = "windows-1252"' in reason


@pytest.mark.parametrize(
    ("data", "rules", "expected"),
    [
        ((HEADER + BET).encode("utf-16"), PLAIN, 'set encoding = "utf-16"'),
        ((HEADER + BET).encode("utf-16-le"), PLAIN, 'set encoding = "utf-16-le"'),
        ((HEADER + BET).encode("utf-16-be"), PLAIN, 'set encoding = "utf-16-be"'),
        (
            (HEADER + BET).encode("utf-8-sig"),
            FileRules(encoding="cp1252"),
            'set encoding = "utf-8"',
        ),
        ((HEADER + BET).encode(), FileRules(encoding="utf-16"), 'set encoding = "utf-8"'),
    ],
)
def test_a_wrong_encoding_is_one_finding_that_says_which_to_set(
    data: bytes, rules: FileRules, expected: str
) -> None:
    ((number, kind, reason),) = problems(read(data, rules=rules))

    assert (number, kind) == (1, FindingKind.WRONG_ENCODING)
    assert expected in reason


@pytest.mark.parametrize("quoted", [True, False])
def test_an_overlong_record_costs_itself_unless_its_quotes_hide_its_end(quoted: bool) -> None:
    note = "x" * (RECORD_CHARS_MAX + 10)
    note = f'"{note}"' if quoted else note

    lines = read(NOTED + f"{BET_LINE},{note}\n{WIN_LINE},\n")

    assert ids(lines) == ([] if quoted else ["t-2"])
    assert [number for number, _, _ in problems(lines)] == [2]


def test_a_record_that_never_ends_is_given_up() -> None:
    lines = read(NOTED + f'{BET_LINE},"' + "gl hf\n" * 50_000)

    assert ids(lines) == []
    assert [number for number, _, _ in problems(lines)] == [2]


def test_a_large_file_is_read_in_constant_memory() -> None:
    class Endless(io.RawIOBase):
        """A file of many records that counts how far ahead it is read."""

        def __init__(self) -> None:
            super().__init__()
            self.position = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.position += 1
            return (HEADER if self.position == 1 else BET * 1_000).encode()

        def seek(self, offset: int, whence: int = 0) -> int:
            self.position = 0
            return offset

    records = statement_reader().read(cast(BinaryIO, Endless()), "day.csv")

    assert all(next(records) for _ in range(5_000))


@pytest.mark.parametrize(
    ("text", "first_line"),
    [
        ("sep=;\n" + (HEADER + BET).replace(",", ";"), 3),
        ("\ufeffsep=\t\r\n" + (HEADER + BET).replace(",", "\t"), 3),
        ("\n" + HEADER + BET, 3),
        ("  \n\n" + HEADER + BET, 4),
        ("Daily report\nBook,2026-06-04\n\n" + HEADER + BET, 5),
        (HEADER + ",,,,,,\n" + BET, 3),
        (HEADER + " , ,,,,,\n\n" + BET, 4),
        (HEADER + BET.rstrip("\n") + ",\n", 2),
        ((HEADER + BET).replace("\n", ",\n"), 2),
        ((HEADER + BET).replace("\n", "\r"), 2),
        ('"' + HEADER.rstrip("\n").replace(",", '","') + '"\n' + BET, 2),
    ],
)
def test_the_layouts_that_programs_write_are_read(text: str, first_line: int) -> None:
    good = read(text)
    bad = read(text.replace("10.00", "ten"))

    assert (ids(good), problems(good)) == (["t-1"], [])
    assert [number for number, _, _ in problems(bad)] == [first_line]


def test_a_record_above_the_header_is_a_finding_unless_the_header_is_declared() -> None:
    text = WIN + HEADER + BET

    ((number, _, reason),) = problems(read(text))
    assert number == 1
    assert "set header_row = 2" in reason
    declared = read(text, rules=FileRules(header_row=2))
    assert (ids(declared), problems(declared)) == (["t-1"], [])


def test_a_declared_header_row_must_be_there() -> None:
    ((number, kind, reason),) = problems(read(HEADER + BET, rules=FileRules(header_row=9)))

    assert (number, kind) == (9, FindingKind.WRONG_COLUMNS)
    assert "(setting header_row)" in reason


def test_an_extra_delimiter_is_refused_where_it_may_hide_a_moved_amount() -> None:
    """``10,50`` without quotes, and an empty last column, have one field too many as well."""
    columns = "transaction_id,action,user_id,currency,created_at,amount,rollback_transaction_id"
    line = "t-1,bet,42,USD,2026-06-04T09:30:00Z,10,50,\n"

    lines = read(f"{columns}\n{line}")

    assert ids(lines) == []
    assert "set trailing_delimiter = true" in problems(lines)[0][2]
    sound = f"{columns}\n{line.replace('10,50,', '10.50,,')}"
    assert ids(read(sound, rules=FileRules(trailing_delimiter=True))) == ["t-1"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ((HEADER + BET).replace(",", ";"), 'semicolon-separated: set delimiter = ";"'),
        ((HEADER + BET).replace(",", "\t"), 'tab-separated: set delimiter = "\\t"'),
        ((HEADER + BET).replace(",", "|"), 'pipe-separated: set delimiter = "|"'),
    ],
)
def test_a_wrong_delimiter_is_one_finding_that_says_which_to_set(
    data: str, expected: str
) -> None:
    ((number, kind, reason),) = problems(read(data))

    assert (number, kind) == (1, FindingKind.WRONG_COLUMNS)
    assert expected in reason
    assert "1 column is found and 7 expected" in reason


@pytest.mark.parametrize("text", ['{"a": 1}\n', '[{"a": 1}]', '\n [ { "a": 1 } ]'])
def test_json_that_is_named_csv_is_one_finding(text: str) -> None:
    ((number, kind, reason),) = problems(read(text))

    assert (number, kind) == (1, FindingKind.NOT_A_STATEMENT)
    assert 'set format = "jsonl"' in reason
