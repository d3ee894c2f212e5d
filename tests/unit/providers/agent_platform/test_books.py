"""One story told twice: in callbacks, as our books take it, and as their statement tells it."""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest

from ledger.accepting.model import Decision
from providers.agent_platform.feed import COLUMNS
from providers.contract import OptionValue
from providers.registry import DIALECTS
from tests.harness.books.ledger import MemoryLedger
from tests.harness.dialects.agent_platform import GET_BALANCE, as_sent, sign_agent_platform
from tests.harness.providers.speaker import SECRET, configured
from tests.harness.providers.statement_lines import statement_lines
from vocabulary.facts import HistoryRecord
from vocabulary.outcomes import Verdict

AGENT_PLATFORM = DIALECTS["agent_platform"]

#: (transaction, round, type, bet, win, original), in the order of the callbacks.
STORY = (
    ("T-1", "R-1", "makeBet", "4.00", "2.50", ""),
    ("T-2", "R-1", "makeBet", "1.50", "0", ""),
    ("T-3", "R-1", "rollback", "4.00", "2.50", "T-1"),
    ("T-4", "R-2", "makeBet", "0", "3.00", ""),
    ("T-5", "R-3", "rollback", "2.00", "9.00", "T-6"),
    ("T-6", "R-3", "makeBet", "2.00", "9.00", ""),
    ("T-7", "", "makeBet", "1.00", "0.25", ""),
    ("T-7", "", "rollback", "", "", ""),
    ("T-7", "", "rollback", "", "", ""),
    ("T-8", "R-4", "makeBet", "0.75", "5.00", ""),
)
VERDICTS = [
    *[Verdict.ACCEPTED] * 5,
    Verdict.ROLLED_BACK,
    *[Verdict.ACCEPTED] * 2,
    Verdict.REPEATED,
    Verdict.ACCEPTED,
]
Sums = Mapping[str, tuple[int, int]]

both_kinds_of_rounds = pytest.mark.parametrize("rounds", ["per_transaction", "round_id"])


def decision(ledger: MemoryLedger, options: Mapping[str, OptionValue]) -> list[Decision]:
    provider = configured(AGENT_PLATFORM, options=options)
    policy = AGENT_PLATFORM.policy(provider.options)
    taken = []
    for line in STORY:
        named = ("transaction_id", "round_id", "type", "bet", "win", "rollback_transaction_id")
        outcome = {name: value for name, value in zip(named, line, strict=True) if value}
        body = {**GET_BALANCE, "player_id": "ann", "currency": "EUR", **outcome}
        callback = sign_agent_platform("", as_sent(body).encode(), SECRET)
        fact = AGENT_PLATFORM.parse(AGENT_PLATFORM.verify(callback, provider), provider)
        taken.append(ledger.decide(fact, policy=policy))
    return taken


def statement() -> bytes:
    """Their lines: each transaction once, whatever became of it here."""
    lines = [
        f"{own},{round_id},{kind},ann,EUR,{bet},{win},{original},2026-06-04T09:30:{place:02}Z"
        for place, (own, round_id, kind, bet, win, original) in enumerate(dict.fromkeys(STORY))
    ]
    return "\n".join([",".join(COLUMNS), *lines, ""]).encode()


def ours(taken: Iterable[Decision]) -> Sums:
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in (row for one in taken for row in one.operations):
        stake, payout = sums[row.round_id]
        sums[row.round_id] = (stake + row.stake, payout + row.payout)
    return sums


def theirs(options: Mapping[str, OptionValue]) -> Sums:
    """The sum of a round's lines, or nothing where one of them says that it was undone."""
    rounds: dict[str, list[HistoryRecord]] = defaultdict(list)
    provider = configured(AGENT_PLATFORM, options=options)
    for line in statement_lines(AGENT_PLATFORM, provider, io.BytesIO(statement())):
        assert isinstance(line, HistoryRecord), line
        rounds[line.round_id].append(line)
    return {
        round_id: (0, 0)
        if any(line.rolled_back for line in lines)
        else (sum(x.stake.minor for x in lines), sum(x.payout.minor for x in lines))
        for round_id, lines in rounds.items()
    }


@both_kinds_of_rounds
def test_a_story_with_rollbacks_is_decided_as_the_document_asks(rounds: str) -> None:
    ledger = MemoryLedger(balance=1000)

    taken = decision(ledger, {"rounds": rounds})

    assert [one.verdict for one in taken] == VERDICTS
    assert ledger.balance == 1000 - 150 + 300 - 75 + 500


@both_kinds_of_rounds
def test_both_sides_of_the_story_agree_round_by_round(rounds: str) -> None:
    options: Mapping[str, OptionValue] = {"rounds": rounds}

    books = ours(decision(MemoryLedger(balance=1000), options))

    assert books == theirs(options)
    assert any(books.values())


def test_named_rounds_stay_open_and_unnamed_ones_end_at_once() -> None:
    named, single = (
        [
            row.ends_round
            for one in decision(MemoryLedger(), {"rounds": rounds})
            for row in one.operations
        ]
        for rounds in ("round_id", "per_transaction")
    )

    assert (any(named), all(named)) == (True, False)
    assert single.count(False) == 1  # the stone that blocks T-6
