"""Limits and self-exclusion on real wallets: exact, whatever each receiver has cached."""

import asyncio
import dataclasses
from datetime import timedelta

import psycopg
import pytest
from msgspec.structs import replace
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
from tests.harness.books.orders import record_orders
from vocabulary.facts import Fund
from vocabulary.outcomes import Verdict

LIMIT = Limit(
    key="l", handle="ann", currency="EUR", stake=None, turnover=100, loss=None, reason="asked"
)
EXCLUDE = Exclude(
    key="x", handle="ann", currency="EUR", until=NOON + timedelta(days=1), reason="asked"
)


def status(database: str, *, later: timedelta = timedelta(0)) -> tuple[object, ...]:
    engine = open_engine(database)
    (wallet,) = statuses_of(engine, "ann", at=NOON + later)
    engine.dispose()
    return wallet.state, wallet.staked_today, wallet.paid_today, wallet.restrictions


def test_two_receivers_together_never_exceed_a_limit(database: str) -> None:
    """Each decides on its cache; the wallet's next chain position guards the commit."""
    open_wallets(database, ("ann", 1000))
    accept(database, LIMIT)

    async def one_receiver(receiver: Acceptor, name: str) -> list[Verdict]:
        bets = [request(bet(f"{name}{n}", 9, round_id=f"{name}{n}")) for n in range(12)]
        return [await until_decided(receiver, one_bet) for one_bet in bets]

    async def day() -> list[Verdict]:
        async with acceptors(database, 2) as (first, second):
            verdicts = await asyncio.gather(one_receiver(first, "a"), one_receiver(second, "b"))
        return [*verdicts[0], *verdicts[1]]

    verdicts = asyncio.run(day())

    assert verdicts.count(Verdict.ACCEPTED) == 11
    assert verdicts.count(Verdict.DECLINED_BLOCKED) == 13
    assert status(database) == (PlayerState.LIMITED, 99, 0, Restrictions(turnover=100))


async def until_decided(receiver: Acceptor, sent: Request) -> Verdict:
    """Send a request until it is decided, as a provider does after too many lost races."""
    verdict = Verdict.UNAVAILABLE
    while verdict is Verdict.UNAVAILABLE:
        verdict = (await receiver.accept([sent])).decisions[0].verdict
    return verdict


def test_a_receiver_with_a_stale_cache_notices_an_exclusion(database: str) -> None:
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
    assert status(database)[0] is PlayerState.SELF_EXCLUDED
    assert status(database, later=timedelta(days=1))[:3] == (PlayerState.ACTIVE, 0, 0)


def test_restrictions_survive_a_restart_of_the_receiver(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, EXCLUDE, LIMIT)
    accept(database, deposit("d", 5))
    post_all_at(database)

    assert status(database)[3] == Restrictions(until=EXCLUDE.until, turnover=100)
    engine = open_engine(database)
    record_orders(database)
    assert [x.name for x in verify(engine) if x.wrong] == []
    engine.dispose()


def test_a_wallet_with_restrictions_of_another_shape_is_refused(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    with psycopg.connect(database, autocommit=True) as connection:
        for shape in ("{}", "[]", '{"mood": 1}'):
            with pytest.raises(errors.CheckViolation) as refused:
                connection.execute("UPDATE wallets SET restrictions = %s::jsonb", (shape,))
            assert refused.value.diag.constraint_name == "wallets_restrictions_shape"


def test_payments_of_a_fund_never_touch_clearing_or_ggr(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    free = replace(win("w1", 30), fund=Fund.FREE_ROUND)
    pot = replace(win("w2", 500), fund=Fund.JACKPOT)
    gift = dataclasses.replace(deposit("d1", 50), fund=Fund.BONUS)
    accept(database, bet("b1", 10), free, pot, rollback("u1", "w1"), win("w3", 4), gift)
    post_all_at(database)

    assert totals(database) == {
        "bonus": -50,
        "jackpot": -500,
        "provider_clearing": 6,
        "player_wallet": 1544,
    }
    engine = open_engine(database)
    record_orders(database)
    assert [x.name for x in verify(engine) if x.wrong] == []
    engine.dispose()


def totals(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT account::text, sum(amount)::bigint FROM entries WHERE account <> 'funding'"
            " GROUP BY 1 HAVING sum(amount) <> 0"
        ).fetchall()
    return dict(rows)
