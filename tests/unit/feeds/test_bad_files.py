"""Damaged files: each gives a precise finding, and no value is guessed."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.file_format import FileRules, Trailer
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from providers.agent_platform.feed import COLUMNS as AGENT_COLUMNS
from providers.contract import Provider
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from providers.xigs.feed import FIELDS
from tests.harness.currencies import CRYPTO
from vocabulary.facts import HistoryRecord

HEADER = ",".join(COLUMNS) + "\n"
BET = "t-1,bet,42,USD,10.00,,2026-06-04T09:30:00Z\n"
WIN = "t-2,result,42,USD,12.50,,2026-06-04T09:31:00Z\n"
JSON_BET = (
    b'{"transaction_id":"t-1","action":"bet","user_id":"42","currency":"USD","amount":'
    b'10.00,"rollback_transaction_id":null,"created_at":"2026-06-04T09:30:00Z"}\n'
)
VALUES: dict[str, Any] = {
    "transaction_id": "t-1",
    "action": "bet",
    "user_id": "42",
    "currency": "USD",
    "amount": "10.00",
    "rollback_transaction_id": None,
    "created_at": "2026-06-04T09:30:00Z",
}
AT = datetime(2026, 6, 4, 9, 30)  # noqa: DTZ001 - a sheet's dates have no zone
PLAIN = FileRules()
CLOCK = ZoneInfo("Europe/Warsaw")

Lines = list[HistoryRecord | UnreadableRow]


def read(
    data: bytes, name: str, rules: FileRules = PLAIN, *, dialect: str = "sportsbook"
) -> Lines:
    chosen = DIALECTS[dialect]
    options = {key: option.default for key, option in chosen.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents=CRYPTO, secrets=(b"s",), options=options
    )
    return list(StatementReader(chosen, provider, rules).read(io.BytesIO(data), name))


def problems(lines: Lines) -> list[tuple[int, FindingKind, str]]:
    return [
        (line.line, line.kind, line.reason) for line in lines if isinstance(line, UnreadableRow)
    ]


def records(lines: Lines) -> list[HistoryRecord]:
    return [line for line in lines if isinstance(line, HistoryRecord)]


def xlsx(rows: Sequence[Sequence[Any]], *more: str) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name in more:
        book.create_sheet(name)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet(**values: Any) -> bytes:
    """A workbook with one bet."""
    return xlsx([COLUMNS, [{**VALUES, **values}[name] for name in COLUMNS]])


def parquet(types: Mapping[str, Any] = {}, **values: Any) -> bytes:
    row = {**VALUES, **values}
    columns = {
        name: pa.array([row[name]], types.get(name, None if row[name] else pa.string()))
        for name in COLUMNS
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_the_shapes_are_those_of_the_dialects() -> None:
    formats = {
        name: dialect.statement for name, dialect in DIALECTS.items() if dialect.statement
    }

    assert set(formats) >= {"agent_platform", "sportsbook", "xigs"}
    assert "aggregator" not in formats
    assert tuple(formats["sportsbook"].fields) == COLUMNS
    assert tuple(formats["agent_platform"].fields) == AGENT_COLUMNS
    assert set(formats["xigs"].fields) - formats["xigs"].optional == set(FIELDS)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ((HEADER + BET).encode(), "day.csv"),
        (b"\xef\xbb\xbf" + (HEADER + BET).encode(), "day.csv"),
        ((HEADER + BET).replace("\n", "\r\n").encode(), "day.csv"),
        (sheet(), "day.xlsx"),
        (sheet(amount=10), "day.xlsx"),
        (sheet(), "day.csv"),
        (parquet(), "day.parquet"),
        (parquet(amount=Decimal("10.00")), "day.parquet"),
        (parquet(created_at=datetime(2026, 6, 4, 9, 30, tzinfo=UTC)), "day.parquet"),
        (JSON_BET, "day.jsonl"),
    ],
)
def test_every_format_gives_the_same_record(data: bytes, name: str) -> None:
    (record,) = records(read(data, name))

    assert (record.record_id, record.stake.minor, record.currency) == ("t-1", 1000, "USD")
    assert record.created_at == datetime(2026, 6, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "name", "kind", "expected"),
    [
        (b"", "d.csv", FindingKind.EMPTY_FILE, "the file is empty"),
        (HEADER.encode(), "d.csv", FindingKind.EMPTY_FILE, "a line after the header"),
        (b"<!DOCTYPE html>\n<p>x", "d.csv", FindingKind.NOT_A_STATEMENT, "this is a web page"),
        (b"\n <html>", "d.jsonl", FindingKind.NOT_A_STATEMENT, "this is a web page"),
        (b"a,b\n1,2\n", "d.csv", FindingKind.WRONG_COLUMNS, "missing: transaction_id, action"),
        (
            (HEADER[:-1] + ",amount\n" + BET).encode(),
            "d.csv",
            FindingKind.WRONG_COLUMNS,
            "each column once",
        ),
        (
            (HEADER + BET).encode("utf-16"),
            "d.csv",
            FindingKind.WRONG_ENCODING,
            "this is UTF-16 (setting encoding)",
        ),
        (sheet()[:900], "d.xlsx", FindingKind.TRUNCATED_FILE, "broken or cut"),
        (b"plain text", "d.xlsx", FindingKind.TRUNCATED_FILE, "broken or cut"),
        (parquet()[:-20], "d.parquet", FindingKind.TRUNCATED_FILE, "broken or cut"),
        (b"\xd0\xcf\x11\xe0old", "d.xlsx", FindingKind.NOT_A_STATEMENT, "old or an encrypted"),
        (xlsx([COLUMNS], "second"), "d.xlsx", FindingKind.WRONG_COLUMNS, "one sheet"),
        (xlsx([]), "d.xlsx", FindingKind.EMPTY_FILE, "the sheet is empty"),
        (xlsx([COLUMNS]), "d.xlsx", FindingKind.EMPTY_FILE, "a line after the header"),
    ],
)
def test_a_file_that_is_no_statement_is_one_finding(
    data: bytes, name: str, kind: FindingKind, expected: str
) -> None:
    lines = read(data, name)

    assert [(line, problem_kind) for line, problem_kind, _ in problems(lines)] == [(1, kind)]
    assert expected in problems(lines)[0][2]
    assert records(lines) == []


def line_with(**values: str) -> str:
    return ",".join({**VALUES, "rollback_transaction_id": "", **values}.values()) + "\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            line_with(amount="12.300000000000001"),
            "amount: an amount is expected, not float noise",
        ),
        (line_with(amount="0.30000000000000004"), "amount: an amount is expected, not float"),
        (line_with(amount="1.005"), "amount: at most 2 digits after the point are expected"),
        (
            line_with(amount='"1,50"'),
            "a comma has to be declared (settings decimal, thousands)",
        ),
        (line_with(amount="1e3"), "amount: a plain decimal amount is expected"),
        (line_with(transaction_id="1.23457E+18"), "transaction_id: an id is expected; as a"),
        (line_with(user_id="1234.0"), "user_id: an id is expected; as a computed number"),
        (
            line_with(created_at="2026-06-04T09:30:00"),
            "a time zone is missing and none is decl",
        ),
        (
            line_with(created_at="2026-06-04 09:30:00"),
            "a time zone is missing and none is decl",
        ),
        (line_with(created_at="2026-02-30T09:30:00"), "created_at: an instant that exists"),
        (line_with(created_at="04.06.2026"), "created_at: an ISO-8601 instant such as 2026"),
        ("t-1,bet,42\n", "line: 7 fields are expected"),
    ],
)
def test_a_damaged_value_makes_its_line_a_finding_that_names_the_field(
    line: str, expected: str
) -> None:
    lines = read((HEADER + WIN + line + BET).encode(), "day.csv")

    ((number, kind, reason),) = problems(lines)
    assert (number, kind) == (3, FindingKind.UNPARSABLE_RECORD)
    assert expected in reason
    assert [record.record_id for record in records(lines)] == ["t-2", "t-1"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            sheet(transaction_id=1.23457e18),
            "cell A2, transaction_id: an id is expected; as a computed",
        ),
        (
            sheet(transaction_id=1234567890123456789),
            "cell A2, transaction_id: text is expected",
        ),
        (
            sheet(user_id=42),
            "cell C2, user_id: text is expected; a number has no leading zeros",
        ),
        (sheet(amount=12.3000000000101), "cell E2, amount: an amount is expected, not float"),
        (sheet(amount="=5+5"), "cell E2, amount: a value is expected, not a formula"),
        (sheet(amount="#REF!"), "cell E2, amount: a value is expected, not an error"),
        (sheet(created_at=46177.39), "cell G2, created_at: a date is expected, not a number"),
        (sheet(created_at=AT), "cell G2, created_at: a time zone is missing"),
        (sheet(amount=True), "cell E2, amount: text is expected, not true or false"),
        (sheet(action=7), "cell B2, action: text is expected"),
    ],
)
def test_a_damaged_cell_is_a_finding_that_names_the_cell(data: bytes, expected: str) -> None:
    ((number, kind, reason),) = problems(read(data, "day.xlsx"))

    assert (number, kind) == (2, FindingKind.UNPARSABLE_RECORD)
    assert reason.startswith(expected)


@pytest.mark.parametrize(
    ("data", "name", "line"),
    [
        ((HEADER + BET + WIN[:-1]).encode(), "day.csv", 3),
        ((HEADER + BET + WIN[:20]).encode(), "day.csv", 3),
        (b'{"roundId":"r-1","userId":"u"', "day.jsonl", 1),
    ],
)
def test_half_a_file_is_recognized_by_its_last_line(data: bytes, name: str, line: int) -> None:
    lines = read(data, name)

    ((number, kind, _),) = problems(lines)
    assert (number, kind) == (line, FindingKind.TRUNCATED_FILE)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("TOTAL,2,22.50\n", None),
        ("TOTAL,3,22.50\n", "another number of lines than the file, which has 2"),
        ("TOTAL,2,99.00\n", "another total of amount than the file, which has 22.50"),
        ("", "a last line TOTAL is expected"),
    ],
)
def test_control_totals_of_the_last_line_are_compared_with_the_lines(
    end: str, expected: str | None
) -> None:
    rules = FileRules(trailer=Trailer(marker="TOTAL", rows=2, total=3, of="amount"))

    lines = read((HEADER + BET + WIN + end).encode(), "day.csv", rules)

    assert len(records(lines)) == 2
    assert [kind for _, kind, _ in problems(lines)] == [FindingKind.TRUNCATED_FILE] * bool(
        expected
    )
    assert expected is None or expected in problems(lines)[0][2]


@pytest.mark.parametrize(
    ("rules", "text", "minor"),
    [
        (FileRules(decimal=","), '"1,50"', 150),
        (FileRules(decimal=",", thousands="."), '"1.234.567,89"', 123456789),
        (FileRules(thousands=","), '"1,234.5"', 123450),
        (FileRules(decimal=",", thousands=" "), '"12 000,00"', 1200000),
        (FileRules(decimal=","), "1.50", None),
        (FileRules(decimal=",", thousands="."), '"1.50"', None),
        (FileRules(decimal=",", thousands="."), '"12.34,5"', None),
        (FileRules(thousands=","), '"1234,567"', None),
    ],
)
def test_amounts_are_read_only_as_declared(
    rules: FileRules, text: str, minor: int | None
) -> None:
    lines = read((HEADER + line_with(amount=text)).encode(), "day.csv", rules)

    assert [record.stake.minor for record in records(lines)] == (
        [] if minor is None else [minor]
    )
    assert len(problems(lines)) == (minor is None)


@pytest.mark.parametrize(
    ("rules", "text", "hour"),
    [
        (FileRules(zone=CLOCK), "2026-06-04T09:30:00", 7),
        (FileRules(zone=CLOCK), "2026-12-04 09:30:00", 8),
        (FileRules(zone=CLOCK), "2026-06-04T09:30:00Z", 9),
        (PLAIN, "2026-06-04T09:30:00+02:00", 7),
        (FileRules(zone=CLOCK, dates="%d.%m.%Y %H:%M"), "04.06.2026 09:30", 7),
        (FileRules(zone=CLOCK), "2026-10-25T02:30:00", None),
        (FileRules(zone=CLOCK), "2026-03-29T02:30:00", None),
        (FileRules(zone=CLOCK, dates="%d.%m.%Y %H:%M"), "2026-06-04T09:30:00Z", None),
    ],
)
def test_instants_are_read_as_declared_and_a_repeated_hour_is_refused(
    rules: FileRules, text: str, hour: int | None
) -> None:
    lines = read((HEADER + line_with(created_at=text)).encode(), "day.csv", rules)

    assert [record.created_at.hour for record in records(lines)] == (
        [] if hour is None else [hour]
    )


def test_a_date_of_a_sheet_is_read_in_the_declared_zone() -> None:
    (record,) = records(read(sheet(created_at=AT), "day.xlsx", FileRules(zone=CLOCK)))

    assert record.created_at == datetime(2026, 6, 4, 7, 30, tzinfo=UTC)


def test_numeric_ids_are_read_if_declared_and_complete() -> None:
    rules = FileRules(numeric_ids=True)
    small, large = 123456789012345, 1234567890123456789

    (record,) = records(read(sheet(transaction_id=small), "day.xlsx", rules))
    assert record.record_id == str(small)
    assert len(problems(read(sheet(transaction_id=large), "day.xlsx", rules))) == 1
    (exact,) = records(read(parquet(transaction_id=large), "day.parquet", rules))
    assert exact.record_id == str(large)


def test_an_undeclared_currency_is_a_finding() -> None:
    rules = FileRules(currencies=("USD",))

    lines = read((HEADER + BET + line_with(currency="EUR")).encode(), "day.csv", rules)

    assert problems(lines) == [
        (
            3,
            FindingKind.MIXED_CURRENCIES,
            'currency: one of USD is expected, as declared; found "EUR"',
        )
    ]


def test_other_encodings_are_read_as_declared() -> None:
    text = HEADER + line_with(user_id="Żółć")

    (record,) = records(read(text.encode("cp1250"), "day.csv", FileRules(encoding="cp1250")))
    assert record.handle == "Żółć"
    broken = read(text.encode("cp1250") + b"\x81\n", "day.csv", FileRules(encoding="cp1250"))
    assert [kind for _, kind, _ in problems(broken)] == [FindingKind.WRONG_ENCODING]
    assert problems(read(text.encode("cp1250"), "day.csv"))[0][2].startswith(
        "line: UTF-8 is expected"
    )


def test_a_json_dialect_reads_workbooks_too() -> None:
    fields = [*FIELDS, "gameId"]
    row = ["r-1", "u-1", "2.50", None, "closed", "2026-06-04T09:30:00Z"]
    row += ["2026-06-04T09:31:00Z", None]

    (record,) = records(read(xlsx([fields, row]), "day.xlsx", dialect="xigs"))

    assert (record.round_id, record.stake.minor, record.payout.minor) == ("r-1", 250, 0)
    assert record.game is None


def test_a_workbook_without_its_parts_is_a_finding() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")

    ((line, kind, _),) = problems(read(out.getvalue(), "day.xlsx"))
    assert (line, kind) == (1, FindingKind.TRUNCATED_FILE)
