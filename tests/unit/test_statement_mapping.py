"""Statement files with column names of their own: read as if they had ours, and streamed."""

import io
import json
from pathlib import Path

import pytest

from ops.providers import configured
from ops.redaction import shown
from ops.settings_source import load
from ops.statements import Preview, preview_file, read_file
from providers.contract import Unreadable
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from providers.statement import (
    LINE_BYTES_MAX,
    PREVIEW_LINES,
    Column,
    preview_columns,
    rename_columns,
)
from vocabulary.errors import SettingsInvalid
from vocabulary.facts import HistoryRecord

NAMES = {"TxId": "transaction_id", "When": "created_at"}
THEIRS = b"When,Note,TxId,action,user_id,currency,amount,rollback_transaction_id\n"
BET = b'2026-06-04T09:30:00Z,"a, b",t-1,bet,42,USD,10.00,\n'
AGENT = (
    b"Id,round_id,type,player_id,currency,bet,win,original_transaction_id,created_at\n"
    b"t-1,,makeBet,42,USD,1.00,2.50,,2026-06-04T09:30:00Z\n"
)


def renamed(data: bytes, names: dict[str, str] = NAMES) -> bytes | Unreadable:
    found = rename_columns(io.BytesIO(data), names)
    return found if isinstance(found, Unreadable) else found.read()


def settings(dialect: str, more: str) -> str:
    return (
        f'[[providers]]\nslug = "games"\ndialect = "{dialect}"\ncurrency = "USD"\n'
        f'secrets = ["env:S"]\n{more}\n'
    )


def mapped(columns: str, dialect: str = "sportsbook", more: str = "") -> str:
    return settings(dialect, f"{more}\n[providers.statement]\ncolumns = {{{columns}}}")


def read(folder: Path, text: str, data: bytes) -> list[HistoryRecord | Unreadable]:
    (folder / "tieout.toml").write_text(text)
    (folder / "day.csv").write_bytes(data)
    loaded = load(folder / "tieout.toml", {"S": "s"})
    columns = loaded.providers[0].statement.columns
    return list(read_file(folder / "day.csv", configured(loaded)["games"], columns))


def preview(folder: Path, text: str, data: bytes) -> Preview:
    (folder / "tieout.toml").write_text(text)
    (folder / "day.csv").write_bytes(data)
    loaded = load(folder / "tieout.toml", {"S": "s"})
    columns = loaded.providers[0].statement.columns
    return preview_file(folder / "day.csv", configured(loaded)["games"], columns)


@pytest.mark.parametrize(
    "header",
    [
        b"When,TxId,x\n",
        b"\xef\xbb\xbfWhen,TxId,x\r\n",
        b' When ,"TxId",x\n',
    ],
    ids=["plain", "byte order mark and CRLF", "blanks and quotes"],
)
def test_the_header_has_our_names_and_the_rest_passes_as_it_is(header: bytes) -> None:
    rest = b"1,2\r\n\xff\xfe,,,\n" * 5_000

    assert renamed(header + rest) == b"created_at,transaction_id,x\r\n" + rest


def test_without_names_the_file_is_the_same_file() -> None:
    stream = io.BytesIO(b"a,b\n")

    assert rename_columns(stream, {}) is stream


def test_a_column_that_has_our_name_without_being_meant_loses_it() -> None:
    assert renamed(b"TxId,transaction_id,When\n") == (
        b"transaction_id,(transaction_id),created_at\r\n"
    )
    assert renamed(b"a,b\n", {"a": "b", "b": "a"}) == b"b,a\r\n"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"TxId,x\n", "header: these columns are missing: When"),
        (b"", "header: these columns are missing: TxId, When"),
        (b"When,TxId,TxId\n", "header: each column once is expected"),
        (b"<html>\n", "a CSV statement is expected, this is a web page"),
        (b"When,TxId,\xff\n", "line: UTF-8 is expected"),
        (b"x" * LINE_BYTES_MAX * 2, f"line: at most {LINE_BYTES_MAX} bytes are expected"),
    ],
)
def test_a_file_without_the_columns_named_is_one_finding(header: bytes, reason: str) -> None:
    found = rename_columns(io.BytesIO(header), NAMES)

    if isinstance(found, Unreadable):
        assert found == Unreadable(1, reason)
    else:  # left for the reader of the file, which says the same
        assert preview_columns(found, {}) == Unreadable(1, reason)


class Counting(io.BytesIO):
    """A file that knows how much of it was read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def test_a_renamed_file_is_streamed_and_not_held_in_memory() -> None:
    stream = Counting(b"When,TxId\n" + b"1,2\n" * 1_000_000)

    found = rename_columns(stream, NAMES)

    assert not isinstance(found, Unreadable)
    assert [found.readline(), found.readline()] == [b"created_at,transaction_id\r\n", b"1,2\n"]
    assert stream.bytes_read <= 2 * io.DEFAULT_BUFFER_SIZE


def test_a_sportsbook_file_is_read_by_the_columns_of_the_settings(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    (record,) = read(tmp_path, text, THEIRS + BET)

    assert isinstance(record, HistoryRecord)
    assert (record.record_id, record.stake.minor) == ("t-1", 1000)
    assert record.raw == BET.rstrip()


def test_a_finding_keeps_the_line_number_of_the_file(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    _, finding = read(tmp_path, text, THEIRS + BET + BET.replace(b"10.00", b"1e3"))

    assert isinstance(finding, Unreadable)
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
        Unreadable(1, "header: these columns are missing: TxId")
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
            mapped('roundId = "Id"', "xigs"),
            "columns.roundId: expected a field of this dialect's statement (none)",
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


def test_a_preview_says_what_each_column_becomes_and_which_lines_hold(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')
    lines = [BET.replace(b"t-1", f"t-{n}".encode()) for n in range(5)]

    found = preview(tmp_path, text, THEIRS + b"".join([*lines, b"torn,line\n"]))

    assert [(each.name, each.becomes, each.values) for each in found.columns[:3]] == [
        ("When", "created_at", 5),
        ("Note", None, 5),
        ("TxId", "transaction_id", 5),
    ]
    assert found.columns[2].first == ("t-0", "t-1", "t-2")
    assert found.columns[-1] == Column(
        "rollback_transaction_id", "rollback_transaction_id", 0, ()
    )
    assert (found.missing, found.readable) == ((), 5)
    assert [each.line for each in found.unreadable] == [7]
    assert "t-0" not in repr(found)


def test_a_preview_without_columns_configured_shows_what_is_missing(tmp_path: Path) -> None:
    found = preview(tmp_path, settings("sportsbook", ""), THEIRS + BET)

    assert found.missing == ("transaction_id", "created_at")
    assert [each.becomes for each in found.columns][:3] == [None, None, None]
    assert [each.line for each in found.unreadable] == [1]


def test_a_preview_looks_only_at_the_beginning(tmp_path: Path) -> None:
    text = mapped('transaction_id = "TxId", created_at = "When"')

    found = preview(tmp_path, text, THEIRS + BET * (PREVIEW_LINES + 10))

    assert (found.readable, found.columns[0].values) == (PREVIEW_LINES, PREVIEW_LINES)


@pytest.mark.parametrize(
    ("dialect", "data", "reason"),
    [
        ("sportsbook", b"<html>\n", "a CSV statement is expected, this is a web page"),
        ("sportsbook", b"\xff\n", "line: UTF-8 is expected"),
        ("xigs", b"[]\n", "line: an object is expected"),
    ],
)
def test_a_preview_of_something_else_is_one_finding(
    tmp_path: Path, dialect: str, data: bytes, reason: str
) -> None:
    found = preview(tmp_path, settings(dialect, ""), data)

    assert found == Preview(
        columns=(), missing=(), readable=0, unreadable=(Unreadable(1, reason),)
    )
