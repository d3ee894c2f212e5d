"""The scratch-card platform's rounds as pulled, and the files that are something else."""

import io
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.table import UnreadableRow
from providers.registry import DIALECTS
from providers.wire.decode import BODY_BYTES_MAX
from providers.xigs.feed import record_of
from tests.harness.dialects.xigs import asked
from tests.harness.providers.statement_lines import Line, statement_lines
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

CLOSED: dict[str, Any] = {
    "roundId": "r-1",
    "userId": "usr_7c21",
    "currency": "USD",
    "bet": 2.5,
    "prize": "40.00",
    "status": "closed",
    "createdAt": "2026-06-04T09:30:00.125Z",
    "updatedAt": "2026-06-04T09:30:04Z",
}
NEXT = CLOSED | {"roundId": "r-2"}

XIGS = DIALECTS["xigs"]


def read(*lines: dict[str, Any] | bytes) -> list[Line]:
    data = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(statement_lines(XIGS, asked(), io.BytesIO(b"\n".join(data) + b"\n")))


def record(line: Line) -> HistoryRecord:
    assert isinstance(line, HistoryRecord), line
    return line


def test_a_closed_round_is_a_record_of_stake_and_prize() -> None:
    (history_record,) = read(CLOSED)

    assert history_record == HistoryRecord(
        record_id="r-1",
        round_id="r-1",
        handle="usr_7c21",
        currency="USD",
        stake=Money(250, "USD"),
        payout=Money(4000, "USD"),
        rolled_back=False,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=datetime(2026, 6, 4, 9, 30, 0, 125_000, tzinfo=UTC),
        updated_at=datetime(2026, 6, 4, 9, 30, 4, tzinfo=UTC),
        raw=json.dumps(CLOSED).encode(),
    )


@pytest.mark.parametrize("prize", [None, 0, 40])
def test_an_open_round_has_its_stake_and_no_prize_yet(prize: int | None) -> None:
    (history_record,) = map(record, read(CLOSED | {"status": "open", "prize": prize}))

    assert (
        history_record.stake.minor,
        history_record.payout.minor,
        history_record.rolled_back,
    ) == (250, 0, False)


def test_a_cancelled_round_moved_nothing() -> None:
    (history_record,) = map(record, read(CLOSED | {"status": "cancelled"}))

    assert (
        history_record.stake.minor,
        history_record.payout.minor,
        history_record.rolled_back,
    ) == (0, 0, True)


def test_a_game_is_kept_other_fields_are_ignored_and_a_currency_may_be_missing() -> None:
    more = CLOSED | {"gameId": "g7", "session": {"id": [1]}, "currency": None}

    (history_record,) = map(record, read(more))

    assert (history_record.game, history_record.currency) == ("g7", "USD")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"roundId":"r-9"', "line: a JSON document is expected"),
        (b'{"roundId":"r-9","roundId":"r-9"}', "line: each key once"),
        (b'{"roundId":"r-\xff"}', "line: UTF-8 is expected"),
        (b'["r-9"]', "line: an object is expected"),
        (b"{}", "line: these fields are missing: roundId, userId, bet, prize"),
        (b"[" * 5_000, "line: at most 200 brackets"),
        (b"x" * (BODY_BYTES_MAX * 3), f"line: at most {BODY_BYTES_MAX} characters"),
        ({"roundId": "r-9"}, "line: these fields are missing: userId, bet"),
        (CLOSED | {"roundId": 9}, "roundId: text"),
        (CLOSED | {"userId": ""}, "userId: text"),
        (CLOSED | {"status": "won"}, "status: one of open, closed, cancelled"),
        (CLOSED | {"bet": None}, "bet: a decimal number"),
        (CLOSED | {"bet": -1}, "bet: an amount of at least 0"),
        (CLOSED | {"bet": 0.30000000000000004}, "bet: "),
        (CLOSED | {"prize": "1e2"}, "prize: "),
        (CLOSED | {"prize": False}, "prize: text is expected, not true or false"),
        (CLOSED | {"currency": "usd"}, "currency: a currency code"),
        (CLOSED | {"gameId": 5}, "gameId: text"),
        (CLOSED | {"createdAt": "2026-06-04"}, "createdAt: an ISO-8601 instant"),
        (CLOSED | {"updatedAt": None}, "updatedAt: an ISO-8601 instant"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_finding_with_its_number(
    line: dict[str, Any] | bytes, reason: str
) -> None:
    before, finding, after = read(CLOSED, line, NEXT)

    assert (record(before).record_id, record(after).record_id) == ("r-1", "r-2")
    assert isinstance(finding, UnreadableRow)
    assert finding.line == 2
    assert finding.reason.startswith(reason)
    assert "r-9" not in finding.reason


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_do_not_matter() -> None:
    line = json.dumps(CLOSED).encode()

    first, second = map(record, read(b"\xef\xbb\xbf" + line + b"\r", b"", b" \r", line))

    assert first == second
    assert first.raw == line


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>", b"\xef\xbb\xbf  <html>"])
def test_a_web_page_gives_one_finding_and_nothing_else(page: bytes) -> None:
    (finding,) = read(page, b"<body>Log in</body>", CLOSED)

    reason = "one JSON object per line is expected, this is a web page or XML"
    assert finding == UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)


def test_a_truncated_file_loses_only_its_last_line() -> None:
    whole, finding = read(CLOSED, json.dumps(NEXT).encode()[:-12])

    assert record(whole).record_id == "r-1"
    assert finding == UnreadableRow(2, "line: a JSON document is expected")


def test_an_empty_file_is_one_finding() -> None:
    (finding,) = statement_lines(XIGS, asked(), io.BytesIO(b""))

    assert finding == UnreadableRow(
        1, "an object is expected, the file is empty", FindingKind.EMPTY_FILE
    )


def test_an_amount_that_the_api_lists_as_a_truth_value_is_refused() -> None:
    document = CLOSED | {"bet": "2.5", "prize": False}

    with pytest.raises(Malformed, match="prize: a decimal number"):
        record_of(document, asked(), raw=b"{}")


def test_random_bytes_only_ever_become_findings() -> None:
    source = random.Random(11)
    noise = bytes(source.randrange(256) for _ in range(20_000))

    assert {type(line) for line in read(noise)} == {UnreadableRow}


def test_a_file_is_streamed_and_not_held_in_memory() -> None:
    data = (json.dumps(CLOSED).encode() + b"\n") * 50_000
    stream = io.BytesIO(data)

    first = next(statement_lines(XIGS, asked(), stream))

    assert record(first).record_id == "r-1"
    assert stream.tell() < len(data) // 4
