"""Players files as people and spreadsheets write them, read like statements."""

import gzip
import io
from pathlib import Path

import pytest

from feeds.statements.reading.file_format import FileRules
from ledger.players.importer import PlayerRow
from ops.commands.players.importing import PlayersUnreadable, read_players_file
from tests.unit.feeds.test_bad_files import xlsx
from vocabulary.currencies import ISO_ONLY
from vocabulary.money import Money

USUAL = FileRules(final_newline=False)


def read(content: str | bytes, rules: FileRules = USUAL) -> list[tuple[str, Money, object]]:
    data = content.encode() if isinstance(content, str) else content
    return [
        _plain(row)
        for row in read_players_file(io.BytesIO(data), "players.csv", rules, None, ISO_ONLY)
    ]


def _plain(row: PlayerRow) -> tuple[str, Money, object]:
    return row.player, row.opening, dict(row.handles)


ANN = ("ann", Money(102250, "EUR"), {"lottery": "0042"})


@pytest.mark.parametrize(
    "content",
    [
        "player,currency,balance,handle:lottery\nann,EUR,1022.50,0042\n",
        "\ufeffplayer,currency,balance,handle:lottery\r\nann,EUR,1022.50,0042\r\n",
        "sep=;\nplayer;currency;balance;handle:lottery\nann;EUR;1022.50;0042\n",
        "player\tcurrency\tbalance\thandle:lottery\nann\tEUR\t1022.50\t0042",
        'Players\n\nplayer|currency|balance|handle:lottery\nann |EUR|€ 1022.50|="0042"\n',
        "player,currency,balance,handle:lottery,\nann,EUR,1022.5000,'0042,\n",
        'player,currency,balance,handle:lottery\n"ann",EUR,"1022.50",\N{NO-BREAK SPACE}0042\n',
        "player,currency,balance,handle:lottery\nann,EUR,1022.50,0042\n".encode("utf-16"),
    ],
)
def test_a_players_file_is_read_as_spreadsheets_write_it(content: str | bytes) -> None:
    assert read(content) == [ANN]


def test_declared_marks_of_amounts_are_read() -> None:
    rules = FileRules(decimal=",", thousands=".", final_newline=False)
    text = "player;currency;balance;handle:lottery\nann;EUR;1.022,50;0042\n"
    assert read(text, rules) == [ANN]


def test_a_currency_without_digits_is_a_problem_of_its_line_until_they_are_named() -> None:
    data = b"player,currency,balance\nann,EUR,1.00\nbob,DOGE,1.00\n"
    with pytest.raises(
        PlayersUnreadable, match=r"players.csv:3: currency: DOGE is no currency"
    ):
        read(data)

    rows = read_players_file(io.BytesIO(data), "p.csv", USUAL, None, {"DOGE": 3})
    assert [row.opening for row in rows] == [Money(100, "EUR"), Money(1000, "DOGE")]


def test_a_declared_null_text_is_no_handle() -> None:
    text = "player,currency,balance,handle:lottery\nann,EUR,1022.50,NULL\n"
    rules = FileRules(null_text=("NULL",), final_newline=False)
    assert read(text, rules) == [("ann", Money(102250, "EUR"), {})]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "ann,EUR,1.001,",
            'csv:2: balance: at most 2 digits after the point are expected; found "1.001"',
        ),
        ("ann,EUR,-1,", 'balance: an opening balance is not negative; found "-1"'),
        ("ann,eur,1,", 'currency: a currency code such as USD is expected; found "eur"'),
        (
            ",EUR,1,",
            "player: a player of 1 to 128 printable characters is expected; found",
        ),
        (
            "ann,EUR,1,NULL",
            'if "NULL" means that there is none, declare it (--null-text); found "NULL"',
        ),
        ('ann,EUR,"1,5",', "a comma has to be declared (--decimal, --thousands); found"),
        ("ann,EUR,1", "line: 4 fields are expected; found 3"),
        ('ann,"EUR"x,1,', "line: the quotes are wrong"),
        ('ann,EUR,1,"open', "line: a quote is opened here and not closed"),
    ],
)
def test_a_problem_names_line_column_and_what_was_there(line: str, problem: str) -> None:
    with pytest.raises(PlayersUnreadable) as refused:
        read(f"player,currency,balance,handle:lottery\n{line}\n")

    assert problem in str(refused.value)
    assert str(refused.value).endswith("nothing was imported")


def test_every_bad_line_is_named_and_more_than_twenty_of_one_cause_are_counted() -> None:
    bad = "".join(f"p-{number},EUR,x,\n" for number in range(30))
    with pytest.raises(PlayersUnreadable) as refused:
        read(f"player,currency,balance,handle:lottery\n{bad}")

    lines = str(refused.value).splitlines()
    assert len([line for line in lines if line.startswith("players.csv:")]) == 20
    assert "and 10 more with the same cause, the last in line 31" in str(refused.value)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("player,currency", "header: these columns are missing: balance"),
        ("player,currency,balance,shoe", "header: the column 'shoe' is unknown"),
        ("player,currency,balance,balance", "header: each column once is expected"),
    ],
)
def test_a_wrong_header_is_named(header: str, problem: str) -> None:
    with pytest.raises(PlayersUnreadable, match=problem):
        read(f"{header}\n")


def test_a_packed_file_and_a_workbook_are_read(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["player", "currency", "balance", "handle:lottery"],
        ["ann", "EUR", 1022.5, "0042"],
    ]
    text = "player,currency,balance,handle:lottery\nann,EUR,1022.50,0042\n"
    for name, data in (
        ("players.csv.gz", gzip.compress(text.encode())),
        ("players.xlsx", xlsx(rows)),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with path.open("rb") as stream:
            players = [
                _plain(row) for row in read_players_file(stream, name, USUAL, None, ISO_ONLY)
            ]
        assert players == [ANN]


def test_a_handle_at_a_provider_that_is_not_configured_is_refused() -> None:
    data = b"player,currency,balance,handle:lotery\nann,EUR,1.00,0042\n"
    rows = read_players_file(
        io.BytesIO(data), "p.csv", USUAL, frozenset({"lottery", "cards"}), ISO_ONLY
    )

    with pytest.raises(PlayersUnreadable) as refusal:
        list(rows)

    assert "p.csv:2:" in str(refusal.value)
    assert "no provider is called lotery; configured: cards, lottery" in str(refusal.value)
    assert str(refusal.value).endswith("nothing was imported")
