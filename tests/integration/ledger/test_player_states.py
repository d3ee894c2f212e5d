"""Limits and self-exclusion on real wallets: exact, whatever each receiver remembers."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.limits import PlayerState, Restrictions
from ledger.accepting.model import Decision, Request
from ledger.accepting.own_operations import Exclude, Limit
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.queries.player_status import statuses_of
from storage.engine import open_engine
from tests.harness.books.ledger import (
    NOON,
    accept,
    acceptors,
    bet,
    deposit,
    open_wallets,
    request,
    rollback,
    win,
)
from vocabulary.facts import Fund
from vocabulary.outcomes import Verdict

LIMIT = Limit(
    key="l", handle="ann", currency="EUR", stake=None, turnover=100, loss=None, reason="asked"
)
EXCLUDE = Exclude(
    key="x", handle="ann", currency="EUR", until=NOON + timedelta(days=1), reason="asked"
)


def standing(database: str, *, later: timedelta = timedelta(0)) -> tuple[object, ...]:
    engine = open_engine(database)
    (found,) = statuses_of(engine, "ann", at=NOON + later)
    engine.dispose()
    return found.state, found.staked_today, found.paid_today, found.restrictions


def test_two_receivers_never_let_more_through_than_the_limit(database: str) -> None:
    """Each decides on what it remembers; the wallet's next place makes the memory exact."""
    open_wallets(database, ("ann", 1000))
    accept(database, LIMIT)

    async def one_receiver(receiver: Acceptor, name: str) -> list[Verdict]:
        asked = [request(bet(f"{name}{n}", 9, round_id=f"{name}{n}")) for n in range(12)]
        return [await until_decided(receiver, one) for one in asked]

    async def day() -> list[Verdict]:
        async with acceptors(database, 2) as (first, second):
            told = await asyncio.gather(one_receiver(first, "a"), one_receiver(second, "b"))
        return [*told[0], *told[1]]

    verdicts = asyncio.run(day())

    assert verdicts.count(Verdict.ACCEPTED) == 11
    assert verdicts.count(Verdict.DECLINED_BLOCKED) == 13
    assert standing(database) == (PlayerState.LIMITED, 99, 0, Restrictions(turnover=100))


async def until_decided(receiver: Acceptor, asked: Request) -> Verdict:
    """As a provider does: who loses too many races is told to send it again."""
    verdict = Verdict.UNAVAILABLE
    while verdict is Verdict.UNAVAILABLE:
        verdict = (await receiver.accept([asked])).decisions[0].verdict
    return verdict


def test_a_receiver_that_remembers_a_free_player_hears_of_the_exclusion(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def stale() -> list[Decision]:
        async with acceptors(database, 2) as (first, second):
            await first.accept([request(bet("b1", 5))])
            await second.accept([request(EXCLUDE)])
            refused = await first.accept([request(bet("b2", 5))])
            paid = await first.accept([request(win("w1", 7, bet_key="b1"))])
            undone = await first.accept([request(rollback("u1", "b1"))])
            return [*refused.decisions, *paid.decisions, *undone.decisions]

    refused, paid, undone = asyncio.run(stale())

    assert refused.operations[0].reason == "self_excluded"
    assert (paid.verdict, undone.verdict) == (Verdict.ACCEPTED, Verdict.ACCEPTED)
    assert standing(database)[0] is PlayerState.SELF_EXCLUDED
    assert standing(database, later=timedelta(days=1))[:3] == (PlayerState.ACTIVE, 0, 0)


def test_restrictions_survive_the_receiver_and_the_books_hold(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, EXCLUDE, LIMIT)
    accept(database, deposit("d", 5))
    post_all_at(database)

    assert standing(database)[3] == Restrictions(until=EXCLUDE.until, turnover=100)
    engine = open_engine(database)
    assert [x.name for x in verify(engine) if x.wrong] == []
    engine.dispose()


def test_a_wallet_with_restrictions_of_another_shape_is_refused(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    with psycopg.connect(database, autocommit=True) as connection:
        for shape in ("{}", "[]", '{"mood": 1}'):
            with pytest.raises(errors.CheckViolation) as refused:
                connection.execute("UPDATE wallets SET restrictions = %s::jsonb", (shape,))
            assert refused.value.diag.constraint_name == "wallets_restrictions_shape"


def test_what_a_fund_pays_never_touches_clearing_or_ggr(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    free = replace(win("w1", 30), fund=Fund.FREE_ROUND)
    pot = replace(win("w2", 500), fund=Fund.JACKPOT)
    gift = replace(deposit("d1", 50), fund=Fund.BONUS)
    accept(database, bet("b1", 10), free, pot, rollback("u1", "w1"), win("w3", 4), gift)
    post_all_at(database)

    assert totals(database) == {
        "bonus": -50,
        "jackpot": -500,
        "provider_clearing": 6,
        "player_wallet": 1544,
    }
    engine = open_engine(database)
    assert [x.name for x in verify(engine) if x.wrong] == []
    engine.dispose()


def totals(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT account::text, sum(amount)::bigint FROM entries WHERE account <> 'funding'"
            " GROUP BY 1 HAVING sum(amount) <> 0"
        ).fetchall()
    return dict(rows)
