"""Requests that need rows which left for an archive, without a database."""

import asyncio

import asyncpg
import pytest

from ledger.accepting.accept_sql import recall_arguments
from ledger.accepting.away import recalls_of, rounds_of, unless_away
from ledger.accepting.decide import decide, decide_batch
from ledger.accepting.driver_errors import RaceLost, RowsAway, answer_of
from ledger.accepting.model import AwayName, Decision
from tests.harness.books.ledger import (
    SLUG,
    MemoryLedger,
    bet,
    request,
    rollback,
    round_end,
    win,
)
from vocabulary.facts import Operation
from vocabulary.ids import RowKind, match_key
from vocabulary.outcomes import Verdict

OLD_BET = AwayName(RowKind.OPERATION, SLUG, "b1")
OLD_ROUND = AwayName(RowKind.ROUND, SLUG, "r1")


def decided(ledger: MemoryLedger, *facts: Operation, away: AwayName) -> list[Decision]:
    requests = [request(fact) for fact in facts]
    return decide_batch(ledger.view, requests, unless_away(decide, {away}))


@pytest.mark.parametrize(
    "fact",
    [
        bet("b1", 5, round_id="r2"),
        win("w1", 5, bet_key="b1", round_id="r2"),
        rollback("u1", "b1", round_id="r2"),
        round_end("e1", of="b1", staked=5, round_id="r2"),
    ],
)
def test_whatever_names_an_operation_that_is_away_is_put_off_and_asks_for_it(
    fact: Operation,
) -> None:
    (decision,) = decided(MemoryLedger(), fact, away=OLD_BET)

    assert decision.verdict is Verdict.UNAVAILABLE
    assert not decision.operations
    assert decision.delivery is None
    assert decision.recalls == (OLD_BET,)


def test_a_request_put_off_takes_no_position_of_its_wallet() -> None:
    facts = bet("n1", 5, round_id="r1"), bet("n2", 5, round_id="r2")

    first, second = decided(MemoryLedger(), *facts, away=OLD_ROUND)

    assert first.recalls == (OLD_ROUND,)
    assert [row.wallet_seq for row in second.operations] == [1]


def test_a_repeat_is_answered_from_what_is_known() -> None:
    ledger = MemoryLedger()
    first = ledger.decide(bet("b1", 5))

    (repeated,) = decided(ledger, bet("b1", 5), away=OLD_BET)

    assert repeated.verdict is Verdict.REPEATED
    assert repeated.reply == first.reply


def test_nothing_is_booked_beside_a_known_operation_that_is_away() -> None:
    ledger = MemoryLedger()
    ledger.decide(bet("b1", 5, round_id="r1"))

    (decision,) = decided(ledger, rollback("u1", "b1"), away=OLD_BET)

    assert decision.recalls == (OLD_BET,)


def test_a_round_is_asked_about_and_asked_for_once() -> None:
    facts = bet("n1", 5, round_id="r1"), bet("n2", 5, round_id="r1")
    ledger = MemoryLedger()

    rounds = rounds_of(ledger.decide(fact) for fact in facts)
    recalls = recalls_of(decided(MemoryLedger(), *facts, away=OLD_ROUND))

    assert rounds == [(SLUG, "r1", match_key(SLUG, "r1"))]
    assert recalls == [OLD_ROUND]
    assert recall_arguments(recalls) == (["round"], [SLUG], ["r1"], [match_key(SLUG, "r1")])


def _meaning_of(error: asyncpg.UniqueViolationError) -> RaceLost:
    async def refused() -> None:
        raise error

    with pytest.raises(RaceLost, match="UniqueViolationError") as raised:
        asyncio.run(answer_of(refused()))
    return raised.value


def test_the_guard_of_archived_keys_names_what_is_away() -> None:
    error = asyncpg.UniqueViolationError("as the server words it")
    error.constraint_name = "operations_are_not_away"
    error.detail = f'[["operation", "{SLUG}", "b1"], ["round", "{SLUG}", "r1"]]'

    meaning = _meaning_of(error)

    assert isinstance(meaning, RowsAway)
    assert meaning.names == {OLD_BET, OLD_ROUND}


def test_a_key_that_somebody_else_wrote_is_a_lost_race() -> None:
    error = asyncpg.UniqueViolationError("as the server words it")
    error.constraint_name = "operations_one_movement_per_key"

    assert type(_meaning_of(error)) is RaceLost
