"""The sportsbook's daily statement, and the files people upload instead of it."""

import io
import random
from datetime import UTC, datetime

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.line_record import LINE_BYTES_MAX
from feeds.statements.reading.table import UnreadableRow
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from tests.harness.providers.speaker import configured
from tests.harness.providers.statement_lines import Line, statement_lines
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

SPORTSBOOK = DIALECTS["sportsbook"]
ASKED = configured(SPORTSBOOK)
HEADER = ",".join(COLUMNS).encode()
BET = b"OP-1,bet,42,USD,10.00,,2026-06-04T09:30:00.125Z"
RESULT = b"OP-2,result,42,USD,25.5,,2026-06-04T11:00:00Z"
ROLLBACK = b"OP-3,rollback,42,USD,10.00,OP-1,2026-06-04T12:00:00Z"


def read(data: bytes) -> list[Line]:
    return list(statement_lines(SPORTSBOOK, ASKED, io.BytesIO(data)))


def statement(*lines: bytes) -> bytes:
    return b"\n".join((HEADER, *lines)) + b"\n"


def record(line: Line) -> HistoryRecord:
    assert isinstance(line, HistoryRecord), line
    return line


def test_a_bet_a_result_and_a_rollback_become_records() -> None:
    bet, result, rollback = map(record, read(statement(BET, RESULT, ROLLBACK)))

    assert bet == HistoryRecord(
        record_id="OP-1",
        round_id="OP-1",
        handle="42",
        currency="USD",
        stake=Money(1000, "USD"),
        payout=Money(0, "USD"),
        rolled_back=False,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=datetime(2026, 6, 4, 9, 30, 0, 125_000, tzinfo=UTC),
        updated_at=datetime(2026, 6, 4, 9, 30, 0, 125_000, tzinfo=UTC),
        raw=BET,
    )
    assert (result.round_id, result.stake.minor, result.payout.minor) == ("OP-2", 0, 2550)
    assert (rollback.record_id, rollback.round_id, rollback.rolled_back) == (
        "OP-3",
        "OP-1",
        True,
    )
    assert (rollback.stake.minor, rollback.payout.minor) == (1000, 0)  # kept, not counted


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + statement(BET),
        statement(BET).replace(b"\n", b"\r\n"),
        b"\n" + statement(BET),
        statement(b"", BET, b"   "),
        statement(BET.replace(b"OP-1", b'"OP-1"')),
        HEADER.replace(b",", b" , ") + b"\n" + BET + b"\n",
    ],
    ids=["byte order mark", "CRLF", "a blank first line", "blank lines", "quotes", "blanks"],
)
def test_what_spreadsheets_do_to_a_file_does_not_matter(data: bytes) -> None:
    (bet,) = map(record, read(data))

    assert (bet.record_id, bet.stake) == ("OP-1", Money(1000, "USD"))


def test_columns_may_stand_in_any_order_and_unknown_ones_are_ignored() -> None:
    shuffled = [*COLUMNS, "comment"]
    random.Random(5).shuffle(shuffled)
    cells = dict(zip(COLUMNS, BET.decode().split(","), strict=True)) | {"comment": '"a,b"'}
    lines = [",".join(shuffled), ",".join(cells[name] for name in shuffled)]

    (bet,) = map(record, read(("\n".join(lines) + "\n").encode()))

    assert (bet.record_id, bet.handle, bet.stake.minor) == ("OP-1", "42", 1000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"OP-9,bet,42,USD,10.00,", "line: 7 fields are expected"),
        (b"OP-9,bet,42,USD,10,00,,2026-06-04T09:30:00Z", "line: 7 fields are expected"),
        (b"OP-9,stake,42,USD,10.00,,2026-06-04T09:30:00Z", "action: one of"),
        (b",bet,42,USD,10.00,,2026-06-04T09:30:00Z", "transaction_id: "),
        (b"OP-9,bet,,USD,10.00,,2026-06-04T09:30:00Z", "user_id: "),
        (b"OP-9,bet,42,usd,10.00,,2026-06-04T09:30:00Z", "currency: "),
        (b"OP-9,bet,42,USD,-10.00,,2026-06-04T09:30:00Z", "amount: "),
        (b"OP-9,bet,42,USD,1e3,,2026-06-04T09:30:00Z", "amount: "),
        (b"OP-9,bet,42,USD,10.005,,2026-06-04T09:30:00Z", "amount: "),
        (b"OP-9,bet,42,USD,10.00,OP-1,2026-06-04T09:30:00Z", "rollback_transaction_id: "),
        (b"OP-9,rollback,42,USD,10.00,,2026-06-04T09:30:00Z", "rollback_transaction_id: "),
        (b"OP-9,rollback,42,USD,10.00,OP-9,2026-06-04T09:30:00Z", "another transaction"),
        (b"OP-9,bet,42,USD,10.00,,2026-06-04T09:30:00", "created_at: "),
        (b"OP-9,bet,42,USD,10.00,,04/06/2026 09:30", "created_at: "),
        (b"OP-9,bet\r,42,USD,10.00,,2026-06-04T09:30:00Z", "line: comma-separated"),
        (b"OP-\xff,bet,42,USD,10.00,,2026-06-04T09:30:00Z", "line: UTF-8"),
        (b"OP-\x00,bet,42,USD,10.00,,2026-06-04T09:30:00Z", "transaction_id: "),
        (BET.replace(b"42", b"4" * LINE_BYTES_MAX), f"line: at most {LINE_BYTES_MAX} bytes"),
        (b"x" * (LINE_BYTES_MAX * 3), "line: 7 fields are expected; found 1"),
        (b"Total,,,USD,10.00,,", "action: "),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_finding_with_its_number(
    line: bytes, reason: str
) -> None:
    before, finding, after = read(statement(BET, line, RESULT))

    assert record(before).record_id == "OP-1"
    assert record(after).record_id == "OP-2"
    assert isinstance(finding, UnreadableRow)
    assert finding.line == 3
    assert reason in finding.reason
    assert "OP-9" not in finding.reason.split("; found ")[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a header is expected, the file is empty"),
        (BET + b"\n", "columns are missing: transaction_id, action"),
        (b"transaction_id,user_id,currency,amount\n1,2,USD,3\n", "action, rollback_trans"),
        (HEADER.replace(b",", b";") + b"\n", "columns are missing: transaction_id, action"),
        (HEADER + b",action\n" + BET + b",\n", "each column once"),
        (b"<!DOCTYPE html>\n<html><body>Log in</body></html>\n", "this is a web page"),
        (b"\xef\xbb\xbf  <html>\n<table>\n", "this is a web page"),
        (HEADER.decode().encode("utf-16"), "UTF-8 is expected"),
        (b"PK\x03\x04\x14\x00\x06\x00\x80\xff", "a compressed statement is expected"),
        (b"x" * (LINE_BYTES_MAX * 2) + b"\n", "columns are missing: transaction_id, action"),
    ],
)
def test_a_file_that_is_no_statement_gives_one_finding_at_line_one(
    data: bytes, reason: str
) -> None:
    (finding,) = read(data)

    assert isinstance(finding, UnreadableRow)
    assert finding.line == 1
    assert reason in finding.reason


def test_a_truncated_file_loses_only_its_last_line() -> None:
    cut = statement(BET, RESULT)[:-12]

    bet, finding = read(cut)

    assert record(bet).record_id == "OP-1"
    assert isinstance(finding, UnreadableRow)
    assert finding.line == 3


def test_a_statement_is_streamed_and_not_held_in_memory() -> None:
    data = statement(*[BET] * 100_000)
    stream = io.BytesIO(data)

    first = next(statement_lines(SPORTSBOOK, ASKED, stream))

    assert record(first).record_id == "OP-1"
    assert stream.tell() < len(data) // 4


def test_a_file_without_a_last_line_break_may_be_cut() -> None:
    (finding,) = read(statement(BET).rstrip(b"\n"))

    assert isinstance(finding, UnreadableRow)
    assert (finding.line, finding.kind) == (2, FindingKind.TRUNCATED_FILE)


@pytest.mark.parametrize("action", [b'"bet', b'"be"t'])
def test_an_unclosed_quote_is_a_finding_and_loses_no_line_before_it(action: bytes) -> None:
    before, *findings = read(statement(BET, b"OP-9," + action + BET[8:], RESULT))

    assert record(before).record_id == "OP-1"
    assert findings
    assert {type(finding) for finding in findings} == {UnreadableRow}
    assert findings[0].line == 3  # type: ignore[union-attr]


def test_random_bytes_after_the_header_only_ever_become_findings() -> None:
    source = random.Random(11)
    noise = bytes(source.randrange(256) for _ in range(20_000))

    assert {type(line) for line in read(HEADER + b"\n" + noise)} == {UnreadableRow}
