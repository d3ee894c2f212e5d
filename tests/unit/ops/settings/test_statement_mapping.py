"""Statement files with column names of their own: read as if they had ours, and streamed."""

import io
import json
from pathlib import Path

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.read_file import SAMPLE_ROWS
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from ops.providers.configured import configured
from ops.providers.statements import (
    Preview,
    PreviewColumn,
    preview_file,
    reader_of,
)
from ops.settings.loader import load
from ops.settings.redaction import without_secrets
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from tests.harness.providers.speaker import secret_of
from vocabulary.errors import SettingsInvalid
from vocabulary.facts import HistoryRecord

THEIRS = b"When,Note,TxId,action,user_id,currency,amount,rollback_transaction_id\n"
BET = b'2026-06-04T09:30:00Z,"a, b",t-1,bet,42,USD,10.00,\n'
AGENT = (
    b"Id,round_id,type,player_id,currency,bet,win,original_transaction_id,created_at\n"
    b"t-1,,makeBet,42,USD,1.00,2.50,,2026-06-04T09:30:00Z\n"
)


def settings(dialect: str, more: str) -> str:
    return (
        f'[[providers]]\nslug = "games"\ndialect = "{dialect}"\ncurrency = "USD"\n'
        f'secrets = ["env:S"]\n{more}\n'
    )


def mapped(columns: str, dialect: str = "sportsbook", more: str = "") -> str:
    return settings(dialect, f"{more}\n[providers.statement]\ncolumns = {{{columns}}}")


def reader(folder: Path, text: str) -> StatementReader:
    (folder / "tieout.toml").write_text(text)
    loaded = load(folder / "tieout.toml", {"S": "s"})
    return reader_of(configured(loaded)["games"], loaded.providers[0].statement)


def read(folder: Path, text: str, data: bytes) -> list[HistoryRecord | UnreadableRow]:
    return list(reader(folder, text).read(io.BytesIO(data), "day"))


def preview(folder: Path, text: str, data: bytes) -> Preview:
    (folder / "day").write_bytes(data)
    return preview_file(folder / "day", reader(folder, text))


def test_a_sportsbook_file_is_read_by_the_columns_of_the_settings(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    (record,) = read(tmp_path, text, THEIRS + BET)

    assert isinstance(record, HistoryRecord)
    assert (record.record_id, record.stake.minor) == ("t-1", 1000)
    assert record.raw == BET.rstrip()


def test_a_finding_keeps_the_line_number_of_the_file(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    _, finding = read(tmp_path, text, THEIRS + BET + BET.replace(b"10.00", b"1e3"))

    assert isinstance(finding, UnreadableRow)
    assert (finding.line, finding.reason.split(":")[0]) == (3, "amount")


def test_an_agent_platform_file_is_read_by_them_too_over_its_own_option(
    tmp_path: Path,
) -> None:
    named = '"tid", "round_id", "type", "player_id", "currency", "bet", "win"'
    option = (
        f'options = {{statement_columns = [{named}, "original_transaction_id", "created_at"]}}'
    )
    plain = mapped('transaction_id = "Id"', "agent_platform")
    both = mapped('transaction_id = "Id"', "agent_platform", option)

    for text in (plain, both):
        (record,) = read(tmp_path, text, AGENT)
        assert isinstance(record, HistoryRecord)
        assert (record.record_id, record.payout.minor) == ("t-1", 250)


def test_a_file_without_a_configured_column_names_it_as_the_file_would(tmp_path: Path) -> None:
    ours = (",".join(COLUMNS) + "\n").encode()

    assert read(tmp_path, mapped('transaction_id = "TxId"'), ours) == [
        UnreadableRow(1, "header: these columns are missing: TxId", FindingKind.WRONG_COLUMNS)
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            mapped('transaktion_id = "TxId"'),
            "columns.transaktion_id: expected a field of this dialect's statement (tran",
        ),
        (
            mapped('transaction_id = "TxId"', "aggregator"),
            "columns.transaction_id: expected a field of this dialect's statement (none)",
        ),
        (
            mapped('round_id = "Id"', "xigs"),
            "columns.round_id: expected a field of this dialect's statement (roundId, ",
        ),
        (mapped('action = ""'), "columns.action: expected a column's name, without blanks"),
        (mapped('action = " a"'), "columns.action: expected a column's name, without blanks"),
        (
            mapped('action = "a", amount = "a"'),
            "columns.action: expected a column that no other field is read from",
        ),
        (mapped("action = 7"), "columns.action: expected text"),
        (
            settings("sportsbook", '[providers.statement]\ncolumn = "x"'),
            "column: unknown key",
        ),
        (settings("sportsbook", 'statement = "x"'), "expected a table"),
    ],
)
def test_wrong_columns_are_problems_of_the_settings(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(text)

    with pytest.raises(SettingsInvalid) as caught:
        load(path, {"S": "s"})

    assert f"providers.games.statement{'.' if problem[0] == 'c' else ': '}{problem}" in str(
        caught.value
    )


def test_every_dialect_may_have_no_columns_and_those_there_are_can_be_shown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tieout.toml"
    for dialect in DIALECTS:
        path.write_text(settings(dialect, "[providers.statement]"))
        environ = {"S": secret_of(dialect, b"s").decode()}
        assert load(path, environ).providers[0].statement.columns == {}

    path.write_text(mapped('transaction_id = "TxId"'))
    assert '"columns": {"transaction_id": "TxId"}' in json.dumps(
        without_secrets(load(path, {"S": "s"}))
    )


def test_a_preview_shows_the_field_of_each_column_and_unreadable_lines(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')
    lines = [BET.replace(b"t-1", f"t-{n}".encode()) for n in range(5)]

    result = preview(tmp_path, text, THEIRS + b"".join([*lines, b"torn,line\n"]))

    assert [(entry.name, entry.becomes, entry.values) for entry in result.columns[:3]] == [
        ("When", "created_at", 5),
        ("Note", None, 5),
        ("TxId", "transaction_id", 5),
    ]
    assert result.columns[2].first == ("t-0", "t-1", "t-2")
    assert result.columns[-1] == PreviewColumn(
        "rollback_transaction_id", "rollback_transaction_id", 0, ()
    )
    assert (result.missing, result.readable) == ((), 5)
    assert [entry.line for entry in result.unreadable] == [7]
    assert "t-0" not in repr(result)


def test_a_preview_without_columns_configured_shows_what_is_missing(tmp_path: Path) -> None:
    result = preview(tmp_path, settings("sportsbook", ""), THEIRS + BET)

    assert result.missing == ("transaction_id", "created_at")
    assert [entry.becomes for entry in result.columns][:3] == [None, None, None]
    assert [entry.line for entry in result.unreadable] == [1]


def test_a_preview_looks_only_at_the_beginning(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    found = preview(tmp_path, text, THEIRS + BET * (SAMPLE_ROWS + 10))

    assert (found.readable, found.columns[0].values) == (SAMPLE_ROWS, SAMPLE_ROWS)


@pytest.mark.parametrize(
    ("dialect", "data", "found"),
    [
        (
            "sportsbook",
            b"<html>\n",
            UnreadableRow(
                1,
                "a CSV statement is expected, this is a web page or XML",
                FindingKind.NOT_A_STATEMENT,
            ),
        ),
        (
            "sportsbook",
            b"\xff\n",
            UnreadableRow(
                1,
                "line: UTF-8 is expected, the byte FF is not; if this is Windows text,"
                ' set encoding = "windows-1252" or the like',
            ),
        ),
        (
            "xigs",
            b"[]\n",
            UnreadableRow(
                1,
                "a line after the header is expected (setting may_be_empty)",
                FindingKind.EMPTY_FILE,
            ),
        ),
        ("xigs", b"[1]\n", UnreadableRow(1, "line: an object is expected")),
    ],
)
def test_a_preview_of_something_else_is_one_finding(
    tmp_path: Path, dialect: str, data: bytes, found: UnreadableRow
) -> None:
    assert preview(tmp_path, settings(dialect, ""), data) == Preview(
        columns=(), missing=(), readable=0, unreadable=(found,)
    )


@pytest.mark.parametrize(
    "encoding", ["base64", "hex", "rot13", "zip", "idna", "utf-7", "unicode_escape", "no-such"]
)
def test_an_encoding_that_no_text_file_has_is_refused(tmp_path: Path, encoding: str) -> None:
    text = settings("sportsbook", f'[providers.statement]\nencoding = "{encoding}"')

    with pytest.raises(SettingsInvalid, match="a text encoding such as utf-8"):
        reader(tmp_path, text)


def test_limits_and_layout_are_read_from_the_settings(tmp_path: Path) -> None:
    declared = 'quote = ""\nheader_row = 3\ntrailing_delimiter = true\nlimits = {rows = 5}'

    rules = reader(tmp_path, settings("sportsbook", f"[providers.statement]\n{declared}")).rules

    assert (rules.quote, rules.header_row, rules.trailing_delimiter) == ("", 3, True)
    assert (rules.limits.rows, rules.limits.seconds) == (5, 900)
