"""Two receivers with memories of their own, where the database alone could not tell."""

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


def tell(database: str, *said: tuple[int, Operation]) -> list[Verdict]:
    """Tell each fact to its receiver, one after another; the last verdicts."""
    open_wallets(database, ("ann", 1000))

    async def day(said: Sequence[tuple[int, Operation]]) -> list[Verdict]:
        async with acceptors(database, 2) as receivers:
            return [
                (await receivers[number].accept([request(fact)])).decisions[0].verdict
                for number, fact in said
            ]

    return asyncio.run(day(said))


def test_a_win_is_refused_where_the_bets_rollback_was_not_heard(database: str) -> None:
    """The wallet is read again after a lost race; what it did to the bet must be too."""
    verdicts = tell(
        database,
        (0, bet("b1", 100)),
        (1, rollback("u1", "b1")),
        (0, bet("b2", 100)),
        (0, win("w1", 500, bet_key="b1")),
    )

    assert verdicts[:3] == [Verdict.ACCEPTED] * 3
    assert verdicts[3] is Verdict.ROLLED_BACK


def test_a_paid_win_is_repeated_where_it_was_not_heard(database: str) -> None:
    """Its bet was rolled back since: to pay it now would be refused, but it stands."""
    paid = win("w1", 500, bet_key="b1")

    verdicts = tell(
        database, (0, bet("b1", 100)), (0, paid), (0, rollback("u1", "b1")), (1, paid)
    )

    assert verdicts == [*[Verdict.ACCEPTED] * 3, Verdict.REPEATED]


def test_a_win_is_told_rolled_back_where_only_the_rounds_end_was_heard(database: str) -> None:
    """What the end named was rolled back elsewhere since: no longer just an unknown bet."""
    verdicts = tell(
        database,
        (0, round_end("e1", of="b1", staked=100)),
        (1, rollback("u1", "b1")),
        (0, win("w1", 500, bet_key="b1")),
    )

    assert verdicts == [*[Verdict.ACCEPTED] * 2, Verdict.ROLLED_BACK]


def test_a_rollback_whose_own_rollback_another_heard_first_is_taken(database: str) -> None:
    """Who hears it knows of no tombstone: the taken key says so, and it decides anew."""
    undone = rollback("u1", "b1")

    verdicts = tell(
        database,
        (0, bet("b1", 100)),
        (1, rollback("u2", "u1")),
        (0, undone),
        (1, undone),
        (1, win("w1", 500, bet_key="b1")),
    )

    assert verdicts[2:] == [Verdict.ACCEPTED, Verdict.REPEATED, Verdict.ROLLED_BACK]
