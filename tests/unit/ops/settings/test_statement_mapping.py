"""Statement files with column names of their own: read as if they had ours, and streamed."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feeds.findings import FindingKind
from feeds.statements.reader import StatementReader
from feeds.statements.table import UnreadableRow
from ops.commands.feed.preview import print_preview
from ops.providers.configured import configured
from ops.providers.statements import (
    PREVIEW_LINES,
    Preview,
    PreviewColumn,
    preview_file,
    reader_of,
)
from ops.settings.loader import load
from ops.settings.redaction import shown
from ops.settings.statement import StatementSettings
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
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
        assert load(path, {"S": "s"}).providers[0].statement.columns == {}

    path.write_text(mapped('transaction_id = "TxId"'))
    assert '"columns": {"transaction_id": "TxId"}' in json.dumps(shown(load(path, {"S": "s"})))


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

    found = preview(tmp_path, text, THEIRS + BET * (PREVIEW_LINES + 10))

    assert (found.readable, found.columns[0].values) == (PREVIEW_LINES, PREVIEW_LINES)


@pytest.mark.parametrize(
    ("dialect", "data", "found"),
    [
        (
            "sportsbook",
            b"<html>\n",
            UnreadableRow(
                1,
                "a CSV statement is expected, this is a web page",
                FindingKind.NOT_A_STATEMENT,
            ),
        ),
        ("sportsbook", b"\xff\n", UnreadableRow(1, "line: UTF-8 is expected")),
        ("xigs", b"[]\n", UnreadableRow(1, "line: an object is expected")),
    ],
)
def test_a_preview_of_something_else_is_one_finding(
    tmp_path: Path, dialect: str, data: bytes, found: UnreadableRow
) -> None:
    assert preview(tmp_path, settings(dialect, ""), data) == Preview(
        columns=(), missing=(), readable=0, unreadable=(found,)
    )


def statement(dialect: str, more: str) -> str:
    return settings(dialect, f"[providers.statement]\n{more}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            statement("sportsbook", 'dates = "%H:%M"'),
            'dates: expected a date pattern such as "%d',
        ),
        (statement("sportsbook", 'dates = "foo"'), "the year is missing in 'foo'"),
        (statement("sportsbook", 'dates = "%Q"'), "%Q is unknown in '%Q'"),
        (statement("sportsbook", 'dates = ""'), "the year is missing in ''"),
        (statement("sportsbook", 'unit = "cents"'), "unit: expected"),
        (statement("sportsbook", 'sign = "minus"'), "sign: expected"),
        (statement("sportsbook", 'id_case = "title"'), "id_case: expected"),
        (statement("sportsbook", 'thousands = "_"'), "thousands: expected"),
        (statement("sportsbook", 'null_text = "NULL"'), "null_text: expected"),
        (
            statement("sportsbook", 'grouping = "lakh"'),
            'grouping: expected "thousands", or a mark in thousands',
        ),
        (
            statement("sportsbook", 'actions = {WIN = "win"}'),
            "actions.WIN: expected an action of this dialect (bet, result, rollback)",
        ),
        (
            statement("aggregator", 'actions = {WIN = "win"}'),
            "actions.WIN: expected an action of this dialect (none)",
        ),
        (
            statement("aggregator", 'sign = "player"'),
            'sign: expected "none": the amounts of this dialect have no signs',
        ),
        (mapped("created_at = []"), "columns.created_at: expected text, or a list of texts"),
        (mapped('created_at = ["a", 7]'), "columns.created_at: expected text, or a list of"),
        (mapped('created_at = ["a", " b"]'), "columns.created_at: expected a column's name"),
        (mapped('created_at = ["a", "a"]'), "columns.created_at: expected a column that no"),
        (
            mapped('created_at = ["a", "b"], amount = "b"'),
            "columns.amount: expected a column that no other field is read from",
        ),
        (
            mapped('amount = ["a", "b"]'),
            "columns.amount: expected one column; only an instant has several",
        ),
    ],
)
def test_settings_that_cannot_read_a_file_are_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "tieout.toml"
    path.write_text(text)

    with pytest.raises(SettingsInvalid) as caught:
        load(path, {"S": "s"})

    assert problem in str(caught.value)
    assert "providers.games.statement" in str(caught.value)


def test_every_setting_of_values_reaches_the_reader(tmp_path: Path) -> None:
    text = mapped(
        'transaction_id = "TxId", created_at = ["Day", "Clock"]',
        more='[providers.statement.actions]\nBET = "bet"',
    ).replace(
        "\n[providers.statement]\n",
        '\n[providers.statement]\nunit = "minor"\nsign = "player"\nid_case = "upper"\n'
        'null_text = ["NULL"]\ndates = "%d.%m.%Y %H:%M %Z"\n'
        'grouping = "lakh"\nthousands = ","\n',
    )
    header = b"TxId,Day,Clock,action,user_id,currency,amount,rollback_transaction_id\n"
    line = b'="t-1",04.06.2026,09:30 UTC,BET,42,INR,"-1,00,000",NULL\n'

    (record,) = read(tmp_path, text, header + line)

    assert isinstance(record, HistoryRecord)
    assert (record.record_id, record.round_id, record.stake.minor) == ("T-1", "T-1", 100_000)
    assert record.created_at == datetime(2026, 6, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "amount", "booked"),
    [
        ("", "10", "10.00 USD"),
        ('unit = "minor"', "1000", "10.00 USD"),
        ('sign = "player"', "-10.0", "10.00 USD"),
        ('decimal = ","\nthousands = "."\ndelimiter = ";"', "1.022,5", "1022.50 USD"),
    ],
)
def test_a_preview_shows_money_as_it_will_be_booked(
    tmp_path: Path, more: str, amount: str, booked: str
) -> None:
    mark = ";" if "delimiter" in more else ","
    cells = ["t-1", "bet", "42", "USD", amount, "", "2026-06-04T11:30:00+02:00"]
    data = f"{mark.join(COLUMNS)}\n{mark.join(cells)}\n".encode()

    shown = preview(tmp_path, statement("sportsbook", more), data)

    by_name = {column.name: column for column in shown.columns}
    assert by_name["amount"].first == (amount,)
    assert by_name["amount"].booked == (booked,)
    assert by_name["created_at"].booked == ("2026-06-04T09:30:00Z",)
    assert by_name["transaction_id"].booked == ("t-1",)


def test_every_setting_of_statements_is_in_the_documents() -> None:
    text = Path("docs/feeds.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]

    documented = {name.strip(" `") for row in rows for name in row.split(",")}
    assert set(StatementSettings.model_fields) <= documented


def test_a_preview_prints_amounts_with_their_currency(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = b"t-1,bet,42,JPY,1000,,2026-06-04T09:30:00Z\n"
    data = (",".join(COLUMNS) + "\n").encode() + cells
    seen = preview(tmp_path, statement("sportsbook", 'unit = "minor"'), data)

    print_preview(tmp_path / "day", seen, as_json=False)
    assert "amount becomes amount; 1 values: 1000 JPY\n" in capsys.readouterr().out
    print_preview(tmp_path / "day", seen, as_json=True)
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert [column["booked"] for column in columns if column["field"] == "amount"] == [
        ["1000 JPY"]
    ]


def test_a_preview_of_unreadable_amounts_shows_them_as_they_are(tmp_path: Path) -> None:
    data = (",".join(COLUMNS) + "\nt-1,bet,42,USD,ten,,2026-06-04T09:30:00Z\n").encode()

    shown = preview(tmp_path, settings("sportsbook", ""), data)

    amount = next(column for column in shown.columns if column.name == "amount")
    assert (amount.first, amount.booked) == (("ten",), ())


def test_a_preview_of_a_day_and_a_time_shows_the_instant_for_both(tmp_path: Path) -> None:
    text = mapped('created_at = ["Day", "Clock"]')
    header = ",".join([*COLUMNS[:-1], "Day", "Clock"])
    data = f"{header}\nt-1,bet,42,USD,10.00,,2026-06-04,09:30 Z\n".encode()

    shown = preview(tmp_path, text, data)

    assert shown.missing == ()
    assert [(column.becomes, column.booked) for column in shown.columns[-2:]] == [
        ("created_at", ("2026-06-04T09:30:00Z",))
    ] * 2
