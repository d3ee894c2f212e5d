"""Two receivers with caches of their own, in cases that no unique index guards."""

import asyncio
from collections.abc import Sequence

from tests.harness.books.ledger import (
    acceptors,
    bet,
    open_wallets,
    request,
    rollback,
    round_end,
    win,
)
from vocabulary.facts import Operation
from vocabulary.outcomes import Verdict


def verdicts_of(database: str, *sent: tuple[int, Operation]) -> list[Verdict]:
    """Send each fact to its receiver, one after another; returns the verdicts."""
    open_wallets(database, ("ann", 1000))

    async def day(sent: Sequence[tuple[int, Operation]]) -> list[Verdict]:
        async with acceptors(database, 2) as receivers:
            return [
                (await receivers[number].accept([request(fact)])).decisions[0].verdict
                for number, fact in sent
            ]

    return asyncio.run(day(sent))


def test_a_win_is_refused_by_a_receiver_that_did_not_get_the_bets_rollback(
    database: str,
) -> None:
    """After a lost race the receiver reads the wallet again, and must read the bet too."""
    verdicts = verdicts_of(
        database,
        (0, bet("b1", 100)),
        (1, rollback("u1", "b1")),
        (0, bet("b2", 100)),
        (0, win("w1", 500, bet_key="b1")),
    )

    assert verdicts[:3] == [Verdict.ACCEPTED] * 3
    assert verdicts[3] is Verdict.ROLLED_BACK


def test_a_paid_win_is_repeated_by_a_receiver_that_did_not_get_it(database: str) -> None:
    """Its bet was rolled back since: a new win would be refused, but this one is booked."""
    paid = win("w1", 500, bet_key="b1")

    verdicts = verdicts_of(
        database, (0, bet("b1", 100)), (0, paid), (0, rollback("u1", "b1")), (1, paid)
    )

    assert verdicts == [*[Verdict.ACCEPTED] * 3, Verdict.REPEATED]


def test_a_win_is_refused_as_rolled_back_by_a_receiver_that_got_only_the_rounds_end(
    database: str,
) -> None:
    """The bet of the end was rolled back elsewhere since, so it is not just unknown."""
    verdicts = verdicts_of(
        database,
        (0, round_end("e1", of="b1", staked=100)),
        (1, rollback("u1", "b1")),
        (0, win("w1", 500, bet_key="b1")),
    )

    assert verdicts == [*[Verdict.ACCEPTED] * 2, Verdict.ROLLED_BACK]


def test_a_rollback_is_accepted_by_a_receiver_that_did_not_get_its_own_rollback(
    database: str,
) -> None:
    """Its cache has no tombstone: the taken key makes it read and decide again."""
    late = rollback("u1", "b1")

    verdicts = verdicts_of(
        database,
        (0, bet("b1", 100)),
        (1, rollback("u2", "u1")),
        (0, late),
        (1, late),
        (1, win("w1", 500, bet_key="b1")),
    )

    assert verdicts[2:] == [Verdict.ACCEPTED, Verdict.REPEATED, Verdict.ROLLED_BACK]
