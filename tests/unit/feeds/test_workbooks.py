"""Workbooks as programs write and damage them: read exactly, or refused with their place."""

import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.workbook.dates import instant_text
from feeds.statements.reading.workbook.sheet import column_letters, column_number, number_text
from providers.sportsbook.feed import COLUMNS
from tests.unit.feeds.statement_files import (
    BET,
    PLAIN,
    STRICT,
    WIN,
    Lines,
    cell,
    ids,
    one_bet,
    problems,
    read,
    row,
    values,
    workbook,
)
from vocabulary.facts import HistoryRecord

HEADER_ROW = row(1, COLUMNS)
TEXTS = (
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "<si><t>t-1</t></si><si><r><t>b</t></r><r><t>et</t></r><rPh><t>no</t></rPh></si></sst>"
)
TEXTS_RELATION = (
    '<Relationship Id="rId9" Target="sharedStrings.xml" Type="http://schemas.openxmlformats.org'
    '/officeDocument/2006/relationships/sharedStrings"/>'
)
CHART = (
    '<Relationship Id="rId2" Target="chartsheets/sheet1.xml" Type="http://schemas.'
    'openxmlformats.org/officeDocument/2006/relationships/chartsheet"/>'
)
TWO_SHEETS = (
    '<sheet name="S" sheetId="1" r:id="rId1"/><sheet name="Chart" sheetId="2" r:id="rId2"/>'
)


def sheet(data: bytes, rules: FileRules = PLAIN) -> Lines:
    return read(data, "day.xlsx", rules)


def created(lines: Lines) -> list[datetime]:
    return [line.created_at for line in lines if isinstance(line, HistoryRecord)]


@pytest.mark.parametrize("numbers", [(2, 2), (5, 3)])
def test_a_repeated_or_descending_row_number_is_a_finding(numbers: tuple[int, int]) -> None:
    first, second = numbers

    lines = sheet(workbook(HEADER_ROW, row(first, values(BET)), row(second, values(WIN))))

    assert ids(lines) == ["t-1"]
    ((line, kind, reason),) = problems(lines)
    assert (line, kind) == (second, FindingKind.UNPARSABLE_RECORD)
    assert f"it comes after row {first}" in reason


def test_rows_and_cells_without_numbers_are_counted() -> None:
    text = workbook(HEADER_ROW, row(2, values(BET)))
    plain = text  # the same with numbers
    cells = "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values(WIN))
    cells = cells.replace("<t></t>", "")

    lines = sheet(workbook(HEADER_ROW, f"<row>{cells}</row>"))

    assert (ids(lines), problems(lines)) == (["t-2"], [])
    assert ids(sheet(plain)) == ["t-1"]


@pytest.mark.parametrize("place", ["A7", "A2", "XFE2", "", "B", "2"])
def test_a_cell_that_is_twice_or_elsewhere_costs_its_row(place: str) -> None:
    bad = row(2, values(BET)).replace('r="B2"', f'r="{place}"')

    lines = sheet(workbook(HEADER_ROW, bad, row(3, values(WIN))))

    assert ids(lines) == ["t-2"]
    ((number, _, reason),) = problems(lines)
    assert number == 2
    assert reason.endswith("each cell of row 2 is expected once and in order")


@pytest.mark.parametrize(
    ("text", "rules", "hour"),
    [
        ("2026-06-04T09:30:00+05:00", PLAIN, 4),
        ("2026-06-04T09:30:00-02:00", FileRules(zone=ZoneInfo("Europe/Warsaw")), 11),
        ("2026-06-04T09:30:00Z", FileRules(zone=ZoneInfo("Europe/Warsaw")), 9),
        ("2026-06-04T09:30:00", FileRules(zone=ZoneInfo("Europe/Warsaw")), 7),
        ("2026-06-04T09:30:00", PLAIN, None),
    ],
)
def test_the_offset_of_an_iso_date_cell_is_kept(
    text: str, rules: FileRules, hour: int | None
) -> None:
    line = [*values(BET)[:-1], text]

    lines = sheet(workbook(HEADER_ROW, row(2, line, G="d")), rules)

    expected = [] if hour is None else [datetime(2026, 6, 4, hour, 30, tzinfo=UTC)]
    assert created(lines) == expected
    assert len(problems(lines)) == (hour is None)


def test_strict_open_xml_is_read() -> None:
    data = workbook(HEADER_ROW, row(2, values(BET)), namespaces=STRICT)

    assert (ids(sheet(data)), problems(sheet(data))) == (["t-1"], [])


def test_shared_texts_are_read_and_one_that_is_missing_is_a_finding() -> None:
    line = ["0", "1", *values(BET)[2:]]
    good, bad = row(2, line, A="s", B="s"), row(3, ["7", *line[1:]], A="s", B="s")

    parts = {"xl/sharedStrings.xml": TEXTS}
    lines = sheet(workbook(HEADER_ROW, good, bad, parts=parts, relations=TEXTS_RELATION))

    assert ids(lines) == ["t-1"]
    ((number, kind, reason),) = problems(lines)
    assert (number, kind) == (3, FindingKind.UNPARSABLE_RECORD)
    assert reason.startswith("cell A3: it refers to a text that the workbook does not have")


@pytest.mark.parametrize(
    ("rules", "ids_read", "expected"),
    [
        (FileRules(sheet="Chart"), [], "Chart is a chartsheet (setting sheet)"),
        (FileRules(sheet="X"), [], "a sheet X is expected, as declared; this workbook has 'S'"),
        (FileRules(sheet="S"), ["t-1"], None),
        (PLAIN, ["t-1"], None),
    ],
)
def test_a_chart_is_no_sheet(
    rules: FileRules, ids_read: list[str], expected: str | None
) -> None:
    data = workbook(HEADER_ROW, row(2, values(BET)), sheets=TWO_SHEETS, relations=CHART)

    lines = sheet(data, rules)

    assert ids(lines) == ids_read
    assert [expected in reason for _, _, reason in problems(lines) if expected] == (
        [True] if expected else []
    )


def test_an_encrypted_member_is_a_finding() -> None:
    data = bytearray(one_bet())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 1)

    ((_, kind, reason),) = problems(sheet(bytes(data)))
    assert kind is FindingKind.NOT_A_STATEMENT
    assert "encrypted" in reason


def test_a_damaged_byte_in_the_sheet_lets_no_row_of_it_in() -> None:
    data = bytearray(workbook(HEADER_ROW, *(row(n, values(BET)) for n in range(2, 500))))
    info = next(
        member
        for member in zipfile.ZipFile(io.BytesIO(data)).infolist()
        if member.filename.endswith("sheet1.xml")
    )
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0x55

    lines = sheet(bytes(data))

    assert ids(lines) == []
    assert [kind for _, kind, _ in problems(lines)] == [FindingKind.TRUNCATED_FILE]


def test_a_document_type_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet>&a;</worksheet>'

    lines = sheet(workbook(parts={"xl/worksheets/sheet1.xml": bomb}))

    assert [kind for _, kind, _ in problems(lines)] == [FindingKind.TRUNCATED_FILE]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (
            cell("A2", "t-1").replace("<is>", "<f>1+1</f><is>"),
            "a value is expected, not a form",
        ),
        (cell("A2", "#REF!", "e"), "a value is expected, not an error"),
        (cell("A2", "1", "b"), "text is expected, not true or false"),
        (cell("A2", "a_x000D_b"), "a value is expected"),
        (cell("A2", "1e999", "n"), "a value is expected"),
        (cell("A2", "x", "n"), "a value is expected"),
        (cell("A2", "x", "other"), "a value is expected"),
    ],
)
def test_cells_that_hold_no_id_are_refused_with_their_place(bad: str, expected: str) -> None:
    data = workbook(
        HEADER_ROW, row(2, ["", *values(BET)[1:]]).replace('<c r="B2"', bad + '<c r="B2"')
    )

    ((number, _, reason),) = problems(sheet(data))
    assert number == 2
    assert reason.startswith("cell A2, transaction_id: ")
    assert expected in reason


def test_titles_above_and_styled_cells_right_of_the_table_are_no_part_of_it() -> None:
    title, styled = row(1, ["Daily report"]), '<c r="J4" s="3"/></row>'
    header, bet = row(3, COLUMNS), row(4, values(BET)).replace("</row>", styled)
    noted = row(5, values(WIN)).replace("</row>", cell("I5", "checked") + "</row>")

    lines = sheet(workbook(title, header, '<row r="2"/>', bet, noted))

    assert (ids(lines), problems(lines)) == (["t-1", "t-2"], [])
    assert ids(sheet(workbook(title, header, bet, noted), FileRules(header_row=3))) == ids(
        lines
    )


def test_dates_of_a_workbook_are_those_that_it_shows() -> None:
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    at = datetime(2026, 6, 4, 9, 30, 15, 250_000)  # noqa: DTZ001 - a sheet's dates have no zone
    book.active.append([*values(BET)[:-1], at])
    for epoch in (datetime(1899, 12, 30), datetime(1904, 1, 1)):  # noqa: DTZ001
        book.epoch = epoch
        out = io.BytesIO()
        book.save(out)
        lines = sheet(out.getvalue(), FileRules(zone=ZoneInfo("UTC")))
        assert created(lines) == [at.replace(tzinfo=UTC)]


def test_a_time_has_a_column_of_its_own_in_workbooks_of_either_first_day() -> None:
    rules = FileRules(zone=ZoneInfo("UTC"), columns={"created_at": ("created_at", "time")})
    for epoch in (datetime(1899, 12, 30), datetime(1904, 1, 1)):  # noqa: DTZ001
        book = openpyxl.Workbook()
        book.epoch = epoch
        book.active.append([*COLUMNS, "time"])
        book.active.append([*values(BET)[:-1], date(2026, 6, 4), time(9, 30)])
        out = io.BytesIO()
        book.save(out)

        lines = sheet(out.getvalue(), rules)

        assert (created(lines), problems(lines)) == (
            [datetime(2026, 6, 4, 9, 30, tzinfo=UTC)],
            [],
        )


def test_a_time_that_is_missing_beside_a_day_is_a_finding_and_no_midnight() -> None:
    rules = FileRules(zone=ZoneInfo("UTC"), columns={"created_at": ("created_at", "time")})
    book = openpyxl.Workbook()
    book.active.append([*COLUMNS, "time"])
    day = date(2026, 6, 4)
    book.active.append([*values(BET)[:-1], day, None])
    book.active.append([*values(WIN)[:-1], day, time(0, 0)])
    book.active.append([*values(WIN)[:-1], datetime(2026, 6, 4, 9, 30), None])  # noqa: DTZ001
    out = io.BytesIO()
    book.save(out)

    lines = sheet(out.getvalue(), rules)

    assert created(lines) == [
        datetime(2026, 6, 4, tzinfo=UTC),
        datetime(2026, 6, 4, 9, 30, tzinfo=UTC),
    ]
    ((number, _, reason),) = problems(lines)
    assert number == 2
    assert reason.startswith("cell G2, created_at (column created_at, time): an ISO-8601 inst")
    assert reason.endswith('found "2026-06-04"')


@pytest.mark.parametrize(
    ("number", "since_1904", "text"),
    [
        ("46177.39583333333", False, "2026-06-04T09:30:00"),
        ("1", False, "1900-01-01T00:00:00"),
        ("59", False, "1900-02-28T00:00:00"),
        ("60.5", False, None),
        ("61", False, "1900-03-01T00:00:00"),
        ("0.39583333333", False, "09:30:00"),
        ("1", True, "1904-01-02T00:00:00"),
        ("60.5", True, "1904-03-01T12:00:00"),
        ("0", True, "00:00:00"),
        ("0.39583333333", True, "09:30:00"),
        ("0.9999999999", False, None),
        ("0.9999999999", True, None),
        ("2958465.5", False, "9999-12-31T12:00:00"),
        ("2958465.9999999999", False, None),
        ("2957003.5", True, "9999-12-31T12:00:00"),
        ("2957004", True, None),
        ("-1", False, None),
        ("3e6", False, None),
    ],
)
def test_days_of_a_sheet_are_instants(number: str, since_1904: bool, text: str | None) -> None:
    assert instant_text(Decimal(number), since_1904=since_1904) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("1.2345678E7", "12345678"),
        ("60.599999999999994", "60.599999999999994"),
        ("0.1", "0.1"),
        ("1234567890123456789", "1234567890123456789"),
        ("1E+300", "1e+300"),
        ("NaN", None),
        ("1e999", None),
        ("1_000", None),
        ("", None),
    ],
)
def test_numbers_of_a_sheet_have_their_shortest_text(text: str, expected: str | None) -> None:
    assert number_text(text) == expected


def test_columns_have_letters() -> None:
    assert [column_letters(number) for number in (1, 26, 27, 702, 703, 16384)] == [
        "A",
        "Z",
        "AA",
        "ZZ",
        "AAA",
        "XFD",
    ]
    assert all(column_number(column_letters(number)) == number for number in range(1, 16385))
    assert [column_number(text) for text in ("", "XFE", "AAAA", "a", "A1", "É")] == [0] * 6


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (ReadLimits(rows=3), "rows"),
        (ReadLimits(cells=20), "cells"),
        (ReadLimits(unpacked_bytes=1000), "unpacked_bytes"),
        (ReadLimits(seconds=0), "seconds"),
    ],
)
def test_a_limit_ends_the_file_with_a_finding_that_names_it(
    limits: ReadLimits, name: str
) -> None:
    data = workbook(HEADER_ROW, *(row(n, values(BET)) for n in range(2, 2_500)))

    lines = sheet(data, FileRules(limits=limits))

    (_, kind, reason) = problems(lines)[-1]
    assert kind is FindingKind.LIMIT_EXCEEDED
    assert f"raise the setting limits.{name}" in reason


def test_a_cell_in_the_last_column_costs_its_row() -> None:
    far = '<row r="2"><c r="XFD2"><v>1</v></c></row>'

    lines = sheet(workbook(HEADER_ROW, far, row(3, values(WIN))))

    assert ids(lines) == ["t-2"]
    assert [number for number, _, _ in problems(lines)] == [2]
