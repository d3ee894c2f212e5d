"""A preview of a foreign file prints settings, and with these the file is read."""

import gzip
import io
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.statements.reading.reader import StatementReader
from ops.providers.configured import configured
from ops.providers.statement_guess import suggest
from ops.providers.statements import preview_file, reader_of
from ops.settings.loader import load
from ops.settings.sections.statement import StatementSettings

PROVIDER = (
    '[[providers]]\nslug = "games"\ndialect = "sportsbook"\ncurrency = "USD"\n'
    'secrets = ["env:S"]\n'
)
GERMAN = [
    ["Player ID", "Transaction No.", "Type", "Curr.", "Value", "Refund of transaction", "When"],
    ["42", "t-1", "bet", "EUR", "1.010,50", "", "04.06.2026 09:30:00"],
    ["43", "t-2", "result", "EUR", "2,00", "", "24.06.2026 09:31:00"],
]
SHORT = [
    ["txn_id", "operation", "player", "ccy", "amount", "original_txn_id", "timestamp"],
    ["t-1", "bet", "42", "USD", "10.00", "", "2026-06-04T09:30:00Z"],
    ["t-2", "rollback", "42", "USD", "10.00", "t-1", "2026-06-04T09:30:00Z"],
]


def reader(folder: Path, block: str = "") -> StatementReader:
    (folder / "tieout.toml").write_text(f"{PROVIDER}{block}\n")
    loaded = load(folder / "tieout.toml", {"S": "s"})
    return reader_of(configured(loaded)["games"], loaded.providers[0].statement)


def load_statement(folder: Path, block: str) -> StatementSettings:
    (folder / "tieout.toml").write_text(f"{PROVIDER}{block}\n")
    return load(folder / "tieout.toml", {"S": "s"}).providers[0].statement


def text(rows: Sequence[Sequence[str]], delimiter: str, above: str = "") -> str:
    return above + "".join(delimiter.join(row) + "\r\n" for row in rows)


def xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "declared"),
    [
        ("a.csv", text(SHORT, ";").encode(), {"delimiter": ";"}),
        (
            "b.csv",
            text(SHORT, "\t").encode("utf-16"),
            {"delimiter": "\t", "encoding": "utf-16"},
        ),
        ("c.txt", text(SHORT, "|", "Report of June\r\n\r\n").encode(), {"delimiter": "|"}),
        ("d.xlsx", xlsx([["Report"], *SHORT]), {}),
        ("e.csv.gz", gzip.compress(text(SHORT, ";").encode()), {"delimiter": ";"}),
        (
            "f.csv",
            text([*SHORT, ["t-3", "bet", "Żółć", *SHORT[1][3:]]], ";").encode("utf-16-le"),
            {},
        ),
        (
            "g.json",
            (
                "["
                + ",".join(
                    str(dict(zip(SHORT[0], row, strict=True))).replace("'", '"')
                    for row in SHORT[1:]
                )
                + "]"
            ).encode(),
            {},
        ),
        (
            "h.csv",
            text([*SHORT, ["t-3", "bet", "Grün", *SHORT[1][3:]]], ",").encode("cp1252"),
            {},
        ),
    ],
)
def test_the_printed_settings_read_the_file(
    tmp_path: Path, name: str, data: bytes, declared: dict[str, Any]
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    before = preview_file(path, reader(tmp_path))
    assert before.unreadable

    suggestion = suggest(path, reader(tmp_path), before.readable)

    assert suggestion is not None
    settings = tomllib.loads(suggestion.block)["providers"]["statement"]
    assert {key: settings[key] for key in declared} == declared
    after = preview_file(path, reader(tmp_path, suggestion.block))
    assert (after.unreadable, after.missing) == ((), ())
    assert after.readable == suggestion.readable


def test_marks_and_dates_are_guessed_and_a_zone_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(text(GERMAN, ";"))

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    settings = tomllib.loads(suggestion.block)["providers"]["statement"]
    assert settings == {
        "delimiter": ";",
        "decimal": ",",
        "thousands": ".",
        "dates": "%d.%m.%Y %H:%M:%S",
        "columns": {
            "transaction_id": "Transaction No.",
            "action": "Type",
            "user_id": "Player ID",
            "currency": "Curr.",
            "amount": "Value",
            "rollback_transaction_id": "Refund of transaction",
            "created_at": "When",
        },
    }
    assert 'timezone = "UTC"' in suggestion.remark
    zoned = reader(tmp_path, suggestion.block + '\ntimezone = "Europe/Berlin"')
    after = preview_file(path, zoned)
    assert (after.readable, after.unreadable) == (2, ())


def test_nothing_is_suggested_for_what_is_no_statement(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    for data in (b"", b"<html></html>", b"\x00" * 100, b"%PDF-1.7", b"PK\x03\x04rubbish"):
        path.write_bytes(data)
        assert suggest(path, reader(tmp_path), 0) is None


@pytest.mark.parametrize(
    ("changes", "question"),
    [
        ({"2026-06-04T09:30:00Z": "04/06/2026 09:30:00"}, "the day or the month first"),
        ({"2026-06-04T09:30:00Z": "06/06/2026 09:30:00"}, "the day or the month first"),
        ({"2026-06-04T09:30:00Z": "4. of June, 9:30"}, "No known pattern reads"),
        ({"2026-06-04T09:30:00Z": "2026-06-04 09:30"}, "Instants have no zone"),
        ({"10.00": "1000"}, 'unit = "minor"'),
        ({"bet": "GRATIS"}, 'What does "GRATIS" do? It is one of bet, result, rollback'),
        ({"t-2;rollback;42;USD;10.00": "t-2;rollback;42;USD;-10.00"}, 'sign = "player"'),
        ({"player": "§§"}, "No column is like user_id: add it to the setting columns; the"),
        ({"42": "Ünal"}, 'replace encoding = "windows-1252" by the right one'),
    ],
)
def test_what_only_a_person_knows_is_asked(
    tmp_path: Path, changes: dict[str, str], question: str
) -> None:
    content = text(SHORT, ";")
    for old, new in changes.items():
        assert old in content
        content = content.replace(old, new)
    path = tmp_path / "day.csv"
    path.write_bytes(content.encode("cp1252"))

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    assert any(question in asked for asked in suggestion.questions), suggestion
    assert suggestion.remark == " ".join(suggestion.questions)


@pytest.mark.parametrize(
    ("instant", "pattern"),
    [
        ("06/24/2026 09:30:00 PM", "%m/%d/%Y %I:%M:%S %p"),
        ("24.06.2026 09:30:00 CEST", "%d.%m.%Y %H:%M:%S %Z"),
        ("Wednesday, 24-06-2026 09.30.00", "%A, %d-%m-%Y %H.%M.%S"),
        ("20260624T093000", "%Y%m%dT%H%M%S"),
        ("2026-06-24 09:30:00 CEST", "%Y-%m-%d %H:%M:%S %Z"),
    ],
)
def test_patterns_of_instants_are_guessed(tmp_path: Path, instant: str, pattern: str) -> None:
    path = tmp_path / "day.csv"
    path.write_text(text(SHORT, ";").replace("2026-06-04T09:30:00Z", instant))

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    settings = tomllib.loads(suggestion.block)["providers"]["statement"]
    assert settings["dates"] == pattern


def test_the_block_has_what_is_declared_already(tmp_path: Path) -> None:
    block = '[providers.statement]\ntimezone = "UTC"\nactions = {GRATIS = "bet"}'
    path = tmp_path / "day.csv"
    content = text([*SHORT, ["t-3", "GRATIS", *SHORT[1][2:]]], ";").replace("bet", "stake")
    path.write_text(content.replace(";player;", ";Spieler;"))
    declared = load_statement(tmp_path, block)

    suggestion = suggest(path, reader(tmp_path, block), 0, declared)

    assert suggestion is not None
    settings = tomllib.loads(suggestion.block)["providers"]["statement"]
    assert settings["timezone"] == "UTC"
    assert settings["actions"] == {"GRATIS": "bet", "stake": "bet"}
    assert suggestion.questions == ()
    after = preview_file(path, reader(tmp_path, suggestion.block))
    assert (after.readable, after.unreadable) == (3, ())


def test_a_delimiter_at_the_end_of_each_line_is_asked_about(tmp_path: Path) -> None:
    header, *rows = [[row[-1], *row[:-1]] for row in SHORT]
    path = tmp_path / "day.csv"
    path.write_text(text([header, *([*row, ""] for row in rows)], ";"))

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    assert "add trailing_delimiter = true" in suggestion.remark


def test_numbers_of_a_typed_column_may_be_minor_units(tmp_path: Path) -> None:
    columns = [list(column) for column in zip(*SHORT[1:], strict=True)]
    data = dict(zip(SHORT[0], columns, strict=True))
    amounts = pa.array([Decimal("1000.00"), Decimal("1000.00")], pa.decimal128(10, 2))
    path = tmp_path / "day.parquet"
    pq.write_table(pa.table({**data, "amount": amounts}), path)

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    assert 'unit = "minor"' in suggestion.remark


def test_several_sheets_are_a_question(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("June", "Notes"):
        book.create_sheet(name).append(SHORT[0])
    path = tmp_path / "day.xlsx"
    book.save(path)

    suggestion = suggest(path, reader(tmp_path), 0)

    assert suggestion is not None
    assert "Which sheet has the records? Add sheet" in suggestion.remark
    assert "'June', 'Notes'" in suggestion.remark
