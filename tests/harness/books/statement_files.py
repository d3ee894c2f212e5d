"""Statement files of the sportsbook with a few lines, read under declared rules."""

import io
import json
from collections.abc import Iterable
from typing import Any

import openpyxl

from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from providers.contract import Provider
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from tests.harness.currencies import CRYPTO
from vocabulary.facts import HistoryRecord

PLAIN = FileRules()
Lines = list[HistoryRecord | UnreadableRow]
VALUES: dict[str, Any] = {
    "transaction_id": "t-1",
    "action": "bet",
    "user_id": "42",
    "currency": "USD",
    "amount": "10.00",
    "rollback_transaction_id": "",
    "created_at": "2026-06-04T09:30:00Z",
}


def statement_reader(rules: FileRules = PLAIN, dialect: str = "sportsbook") -> StatementReader:
    """A reader of the dialect's statements with its default options."""
    chosen = DIALECTS[dialect]
    options = {key: option.default for key, option in chosen.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents=CRYPTO, secrets=(b"s",), options=options
    )
    return StatementReader(chosen, provider, rules)


def read_csv(
    lines: Iterable[Iterable[str]],
    rules: FileRules = PLAIN,
    *,
    dialect: str = "sportsbook",
    header: Iterable[str] = COLUMNS,
) -> Lines:
    """Read a CSV file of these cells."""
    rows = [tuple(header), *lines]
    text = "".join(rules.delimiter.join(map(_quoted, row)) + "\n" for row in rows)
    reader = statement_reader(rules, dialect)
    return list(reader.read(io.BytesIO(text.encode()), "day.csv"))


def csv_line(rules: FileRules = PLAIN, **values: str) -> HistoryRecord | UnreadableRow:
    """Read a CSV file of one line, a bet but for these values."""
    (line,) = read_csv([{**VALUES, **values}.values()], rules)
    return line


def json_line(rules: FileRules = PLAIN, **tokens: str) -> HistoryRecord | UnreadableRow:
    """Read a file of one JSON object, a bet but for these fields, given as JSON."""
    fields = {name: json.dumps(value) for name, value in VALUES.items()} | tokens
    text = (
        "{" + ",".join(f"{json.dumps(name)}:{token}" for name, token in fields.items()) + "}\n"
    )
    (line,) = statement_reader(rules).read(io.BytesIO(text.encode()), "day.jsonl")
    return line


def read_sheet(rows: Iterable[Iterable[Any]], rules: FileRules = PLAIN) -> Lines:
    """Read a workbook of these rows below the header."""
    book = openpyxl.Workbook()
    for row in ([*COLUMNS], *rows):
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return list(statement_reader(rules).read(file, "day.xlsx"))


def sheet_line(rules: FileRules = PLAIN, **values: Any) -> HistoryRecord | UnreadableRow:
    """Read a workbook of one row, a bet but for these values."""
    (line,) = read_sheet([{**VALUES, **values}.values()], rules)
    return line


def record(line: HistoryRecord | UnreadableRow) -> HistoryRecord:
    """The line, which is a record."""
    assert isinstance(line, HistoryRecord), line
    return line


def problem(line: HistoryRecord | UnreadableRow) -> str:
    """The reason why the line is unreadable."""
    assert isinstance(line, UnreadableRow), line
    return line.reason


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
