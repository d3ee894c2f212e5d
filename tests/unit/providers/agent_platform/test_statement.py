"""The agent platform's statement, and that its rounds meet those of the callbacks."""

import io
import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.line_record import LINE_BYTES_MAX
from feeds.statements.reading.table import UnreadableRow
from providers.agent_platform.feed import COLUMNS
from providers.contract import OptionValue, Verified
from providers.registry import DIALECTS
from tests.harness.dialects.agent_platform import MAKE_BET, ROLLBACK, callback
from tests.harness.providers.speaker import configured
from tests.harness.providers.statement_lines import Line, statement_lines
from vocabulary.facts import BetAndWin, HistoryRecord, Rollback
from vocabulary.money import Money

AGENT_PLATFORM = DIALECTS["agent_platform"]
NAMED: Mapping[str, OptionValue] = {"rounds": "round_id"}
HEADER = ",".join(COLUMNS).encode()
BET = b"T-1,R-1,makeBet,player_123,RUB,10.50,25.00,,2026-06-04T09:30:00.125Z"
SECOND = b"T-3,R-1,makeBet,player_123,RUB,4,0,,2026-06-04T09:30:30Z"
ROLLED = b"T-2,R-1,rollback,player_123,RUB,10.50,25.00,T-1,2026-06-04T09:31:00Z"
SINGLE = b"T-1,,rollback,player_123,RUB,,,,2026-06-04T09:31:00Z"


def read(data: bytes, options: Mapping[str, OptionValue] = {}) -> list[Line]:
    provider = configured(AGENT_PLATFORM, options=options)
    return list(statement_lines(AGENT_PLATFORM, provider, io.BytesIO(data)))


def statement(*lines: bytes) -> bytes:
    return b"\n".join((HEADER, *lines)) + b"\n"


def record(line: Line) -> HistoryRecord:
    assert isinstance(line, HistoryRecord), line
    return line


def told(line: Line) -> tuple[str, str, int, int, bool]:
    """What reconciliation counts: id, round, stake, payout, whether the round was undone."""
    outcome = record(line)
    return (
        outcome.record_id,
        outcome.round_id,
        outcome.stake.minor,
        outcome.payout.minor,
        outcome.rolled_back,
    )


def test_a_bet_with_its_win_becomes_one_record() -> None:
    at = datetime(2026, 6, 4, 9, 30, 0, 125_000, tzinfo=UTC)

    assert read(statement(BET)) == [
        HistoryRecord(
            record_id="T-1",
            round_id="T-1",
            handle="player_123",
            currency="RUB",
            stake=Money(1050, "RUB"),
            payout=Money(2500, "RUB"),
            rolled_back=False,
            declared_net=None,
            balance_before=None,
            balance_after=None,
            game=None,
            created_at=at,
            updated_at=at,
            raw=BET,
        )
    ]


def test_where_every_transaction_is_its_round_a_rollback_undoes_the_originals() -> None:
    """What a line says it took back is kept; no amount of such a round is counted."""
    nameless = ROLLED.replace(b"T-2", b"").replace(b"T-1", b"T-7")

    assert list(map(told, read(statement(BET, ROLLED, SINGLE, nameless)))) == [
        ("T-1", "T-1", 1050, 2500, False),
        ("T-2", "T-1", 1050, 2500, True),
        ("rollback:T-1", "T-1", 0, 0, True),
        ("rollback:T-7", "T-7", 1050, 2500, True),
    ]


def test_where_rounds_are_named_a_rollback_takes_back_its_own_part_only() -> None:
    """Saying that the round was undone would take the second bet out of it as well."""
    assert list(map(told, read(statement(BET, SECOND, ROLLED), NAMED))) == [
        ("T-1", "R-1", 1050, 2500, False),
        ("T-3", "R-1", 400, 0, False),
        ("T-2", "R-1", -1050, -2500, False),
    ]


def test_where_rounds_are_named_a_line_without_one_stands_alone() -> None:
    alone = BET.replace(b"R-1", b"")

    assert list(map(told, read(statement(alone, SINGLE), NAMED))) == [
        ("T-1", "T-1", 1050, 2500, False),
        ("rollback:T-1", "T-1", 0, 0, True),
    ]


@pytest.mark.parametrize("options", [{}, NAMED])
def test_a_line_is_in_the_round_of_its_callback_under_the_callbacks_key(
    options: Mapping[str, OptionValue],
) -> None:
    provider = configured(AGENT_PLATFORM, options=options)
    bodies = [MAKE_BET, {**ROLLBACK, "round_id": "R-1"}]
    facts = [
        AGENT_PLATFORM.parse(Verified(callback(json.dumps(body), ""), None), provider)
        for body in bodies
    ]

    for fact, line in zip(facts, read(statement(BET, ROLLED), options), strict=True):
        assert isinstance(fact, BetAndWin | Rollback)
        assert (fact.key, fact.round_id) == (record(line).record_id, record(line).round_id)


def test_both_sides_of_a_round_come_to_the_same_after_a_rollback() -> None:
    """Ours is the sum of movements, theirs the sum of lines, or nothing where undone."""
    ours = Counter({"stake": 1050 + 400 - 1050, "payout": 2500 + 0 - 2500})
    lines = list(map(record, read(statement(BET, SECOND, ROLLED), NAMED)))

    assert not any(line.rolled_back for line in lines)
    assert sum(line.stake.minor for line in lines) == ours["stake"]
    assert sum(line.payout.minor for line in lines) == ours["payout"]


def test_the_columns_may_be_named_otherwise_and_stand_in_any_order() -> None:
    theirs = tuple(f"c{place}" for place in range(len(COLUMNS)))
    options: Mapping[str, OptionValue] = {"statement_columns": theirs}
    cells = dict(zip(theirs, BET.decode().split(","), strict=True)) | {"note": '"a,b"'}
    shuffled = list(cells)
    random.Random(5).shuffle(shuffled)
    data = "\n".join([",".join(shuffled), ",".join(cells[name] for name in shuffled)])

    (line,) = read(data.encode() + b"\n", options)

    assert told(line) == ("T-1", "T-1", 1050, 2500, False)
    (missing,) = read(statement(BET), options)
    assert isinstance(missing, UnreadableRow)
    assert "columns are missing: c0, c1" in missing.reason


def test_too_few_names_of_columns_are_one_finding() -> None:
    (finding,) = read(statement(BET), {"statement_columns": ("transaction_id",)})

    assert isinstance(finding, UnreadableRow)
    reason = "header: 9 names in statement_columns are expected"
    assert finding == UnreadableRow(1, reason, FindingKind.WRONG_COLUMNS)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"T-9,,makeBet,p,RUB,1,2,", "line: 9 fields are expected"),
        (b"T-9,,bet,p,RUB,1,2,,2026-06-04T09:30:00Z", "type: one of makeBet, rollback"),
        (b",,makeBet,p,RUB,1,2,,2026-06-04T09:30:00Z", "transaction_id: "),
        (b"T-9,,makeBet,,RUB,1,2,,2026-06-04T09:30:00Z", "player_id: "),
        (b"T-9,,makeBet,p,rub,1,2,,2026-06-04T09:30:00Z", "currency: "),
        (b"T-9,,makeBet,p,RUB,-1,2,,2026-06-04T09:30:00Z", "bet: "),
        (b"T-9,,makeBet,p,RUB,,2,,2026-06-04T09:30:00Z", "bet: "),
        (b"T-9,,makeBet,p,RUB,1,,,2026-06-04T09:30:00Z", "win: "),
        (b"T-9,,makeBet,p,RUB,1,2.005,,2026-06-04T09:30:00Z", "win: "),
        (b"T-9,,makeBet,p,RUB,1,2,T-1,2026-06-04T09:30:00Z", "original_transaction_id: "),
        (b",,rollback,p,RUB,1,2,,2026-06-04T09:30:00Z", "transaction_id: "),
        (b"T-9\x01,,rollback,p,RUB,1,2,T-1,2026-06-04T09:30:00Z", "transaction_id: "),
        (b"T-9,,rollback,p,RUB,1,2,\x01,2026-06-04T09:30:00Z", "original_transaction_id: "),
        (b"T-9,,rollback,p,RUB,x,2,T-1,2026-06-04T09:30:00Z", "bet: "),
        (b"T-9,,makeBet,p,RUB,1,2,,2026-06-04 09:30:00", "created_at: "),
        (b"T-\xff,,makeBet,p,RUB,1,2,,2026-06-04T09:30:00Z", "line: UTF-8"),
        (
            BET.replace(b"player_123", b"p" * LINE_BYTES_MAX),
            f"line: at most {LINE_BYTES_MAX} bytes",
        ),
        (b"x" * (LINE_BYTES_MAX * 3), "line: 9 fields are expected; found 1"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_finding_with_its_number(
    line: bytes, reason: str
) -> None:
    before, finding, after = read(statement(BET, line, SECOND))

    assert (record(before).record_id, record(after).record_id) == ("T-1", "T-3")
    assert isinstance(finding, UnreadableRow)
    assert finding.line == 3
    assert reason in finding.reason
    assert "T-9" not in finding.reason.split("; found ")[0]


def test_where_rounds_are_named_a_round_and_a_rollbacks_amounts_must_hold() -> None:
    lines = [
        BET.replace(b"R-1", b"R\x01"),
        ROLLED.replace(b"10.50", b""),
        ROLLED.replace(b"25.00", b""),
    ]

    reasons = [
        line.reason
        for line in read(statement(*lines), NAMED)
        if isinstance(line, UnreadableRow)
    ]

    assert [reason.split(":")[0] for reason in reasons] == ["round_id", "bet", "win"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a header is expected, the file is empty"),
        (b"<!DOCTYPE html>\n<html></html>\n", "this is a web page"),
        (HEADER + b",win\n", "each column once"),
        (HEADER.decode().encode("utf-16"), "UTF-8 is expected"),
    ],
)
def test_a_file_that_is_no_statement_gives_one_finding(data: bytes, reason: str) -> None:
    (finding,) = read(data)

    assert isinstance(finding, UnreadableRow)
    assert finding.line == 1
    assert reason in finding.reason


def test_the_columns_of_the_setting_are_ours_by_default() -> None:
    assert AGENT_PLATFORM.options["statement_columns"].default == COLUMNS
