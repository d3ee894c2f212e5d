"""Settings that say what the values of a statement file mean, and previews of these values."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.commands.feed.preview import print_preview
from ops.settings.loader import load
from ops.settings.sections.statement import StatementSettings
from providers.sportsbook.feed import COLUMNS
from tests.unit.ops.settings.test_statement_mapping import mapped, preview, read, settings
from vocabulary.errors import SettingsInvalid
from vocabulary.facts import HistoryRecord


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

    print_preview(tmp_path / "day", seen, None, as_json=False)
    assert "amount becomes amount; 1 value: 1000 JPY\n" in capsys.readouterr().out
    print_preview(tmp_path / "day", seen, None, as_json=True)
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
