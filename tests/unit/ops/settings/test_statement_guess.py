"""A preview of a foreign file prints settings, and with these the file is read."""

import gzip
import io
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from feeds.statements.reader import StatementReader
from ops.providers.configured import configured
from ops.providers.statement_guess import suggest
from ops.providers.statements import preview_file, reader_of
from ops.settings.loader import load

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
