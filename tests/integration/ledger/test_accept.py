"""Accepting on a real PostgreSQL: races, poisoned requests, and work for the workers."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace as changed

from ledger.accepting.model import Request
from tests.harness.books.ledger import (
    LENIENT,
    accept,
    acceptors,
    balance_query,
    bet,
    deposit,
    history,
    open_wallets,
    request,
    rollback,
    round_end,
    set_blocked,
    win,
)
from vocabulary.facts import Operation
from vocabulary.money import MINOR_MAX, Money
from vocabulary.outcomes import CallbackReply, Outcome, Verdict

Row = tuple[Any, ...]


def rows(database: str, query: str) -> list[Row]:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        return connection.execute(query.encode()).fetchall()


def balances(database: str) -> dict[str, int]:
    return dict(rows(database, "SELECT player, balance FROM wallets"))


def chain(database: str) -> list[Row]:
    return rows(
        database,
        "SELECT wallet_seq, op_key, amount, balance_after FROM operations ORDER BY 1",
    )


def test_sixty_four_concurrent_copies_of_a_bet_move_once_and_get_equal_replies(
    database: str,
) -> None:
    open_wallets(database, ("ann", 1000))

    async def storm() -> list[bytes]:
        async with acceptors(database, 8) as concurrent:
            copies = [request(bet("b1", 300)) for _ in range(8)]
            results = await asyncio.gather(*(x.accept(copies) for x in concurrent))
            return [d.reply.body for accepted in results for d in accepted.decisions]

    replies = asyncio.run(storm())

    assert len(replies) == 64
    assert len(set(replies)) == 1
    assert b'"accepted"' in replies[0]
    assert balances(database) == {"ann": 700}
    assert [row[:3] for row in chain(database)[1:]] == [(2, "b1", -300)]
    assert rows(database, "SELECT verdict, count(*) FROM deliveries GROUP BY 1") == [
        ("repeated", 63)
    ]


def test_two_receivers_with_stale_caches_never_overdraw(database: str) -> None:
    """Each has the full wallet in its cache while the other one empties it."""
    open_wallets(database, ("ann", 1000))

    async def race() -> tuple[list[Verdict], int]:
        async with acceptors(database, 2) as (first, second):
            verdicts, conflicts = [], 0
            for n in range(6):
                pair = await asyncio.gather(
                    first.accept([request(bet(f"a{n}", 150))]),
                    second.accept([request(bet(f"b{n}", 150))]),
                )
                verdicts += [x.decisions[0].verdict for x in pair]
                conflicts += sum(x.conflicts for x in pair)
            return verdicts, conflicts

    verdicts, conflicts = asyncio.run(race())

    operations = chain(database)
    assert verdicts.count(Verdict.ACCEPTED) == 6
    assert verdicts.count(Verdict.DECLINED_FUNDS) == 6
    assert [row[0] for row in operations] == list(range(1, 14))
    assert min(row[3] for row in operations) == 100
    assert balances(database) == {"ann": 100}
    assert conflicts >= 1


def test_a_lost_race_is_counted_and_decided_again_after_a_read(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def stale() -> tuple[int, Verdict]:
        async with acceptors(database, 2) as (first, second):
            await first.accept([request(bet("a1", 600))])
            await second.accept([request(bet("b1", 400))])
            late = await first.accept([request(bet("a2", 1))])
            return late.conflicts, late.decisions[0].verdict

    assert asyncio.run(stale()) == (1, Verdict.DECLINED_FUNDS)


def test_a_block_by_another_receiver_applies_although_it_is_not_cached(
    database: str,
) -> None:
    open_wallets(database, ("ann", 1000))

    async def stale() -> Verdict:
        async with acceptors(database, 2) as (first, second):
            await first.accept([request(bet("a1", 1))])
            await second.accept([request(set_blocked("x1", blocked=True))])
            late = await first.accept([request(bet("a2", 1))])
            return late.decisions[0].verdict

    assert asyncio.run(stale()) is Verdict.DECLINED_BLOCKED


def test_a_win_of_a_bet_that_another_receiver_rolled_back_is_refused(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def stale() -> Verdict:
        async with acceptors(database, 2) as (first, second):
            await first.accept([request(bet("b1", 100))])
            await second.accept([request(rollback("u1", "b1"))])
            late = await first.accept([request(win("w1", 500, bet_key="b1"))])
            return late.decisions[0].verdict

    assert asyncio.run(stale()) is Verdict.ROLLED_BACK
    assert balances(database) == {"ann": 1000}


def test_a_balance_includes_what_another_receiver_accepted(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def stale() -> bytes:
        async with acceptors(database, 2) as (first, second):
            await first.accept([request(bet("b1", 100))])
            await second.accept([request(bet("b2", 100))])
            return (await first.accept([request(balance_query())])).decisions[0].reply.body

    assert b'"balance": "8.00"' in asyncio.run(stale())


def nul_in_round() -> Request:
    return request(bet("poison", 1, round_id="r\0"))


def nul_in_key() -> Request:
    return request(bet("poi\0son", 1))


def nul_in_original() -> Request:
    return request(rollback("poison", "b\0"))


def nul_in_handle() -> Request:
    return request(bet("poison", 1, handle="a\0nn"))


def header_that_is_no_text() -> Request:
    return request(bet("poison", 1), headers="user-agent: \udcff")


def round_that_is_no_text() -> Request:
    return request(bet("poison", 1, round_id="r\ud800"))


def answer_that_fails() -> Request:
    def respond(outcome: Outcome) -> CallbackReply:
        if outcome.verdict is Verdict.ACCEPTED:
            raise LookupError("a dialect's bug")
        return CallbackReply(500, b"")

    return changed(request(bet("poison", 1)), respond=respond)


def amount_out_of_range() -> Request:
    return request(replace(deposit("poison", 1), amount=Money(2**63 - 1, "EUR")))


def rollback_of_itself() -> Request:
    return request(rollback("poison", "poison"))


def status_out_of_range() -> Request:
    poison = request(bet("poison", 1))
    respond = poison.respond
    return changed(poison, respond=lambda o: changed(respond(o), status=2**16))


@pytest.mark.parametrize(
    "poison",
    [
        nul_in_round,
        nul_in_key,
        nul_in_original,
        nul_in_handle,
        header_that_is_no_text,
        round_that_is_no_text,
        answer_that_fails,
        amount_out_of_range,
        rollback_of_itself,
        status_out_of_range,
    ],
)
def test_a_request_that_cannot_be_written_fails_alone(
    database: str, poison: Callable[[], Request]
) -> None:
    open_wallets(database, ("ann", 1000), ("bob", 1000))
    good = [request(bet(f"b{n}", 10, handle=("ann", "bob")[n % 2])) for n in range(6)]

    async def poisoned() -> list[Verdict]:
        async with acceptors(database, 1) as (acceptor,):
            accepted = await acceptor.accept([*good[:4], poison(), *good[4:]])
            return [d.verdict for d in accepted.decisions]

    verdicts = asyncio.run(poisoned())

    assert verdicts.pop(4) is Verdict.UNAVAILABLE
    assert verdicts == [Verdict.ACCEPTED] * 6
    assert balances(database) == {"ann": 970, "bob": 970}


def test_a_win_that_overflows_its_wallet_is_refused_alone(database: str) -> None:
    open_wallets(database, ("ann", MINOR_MAX), ("bob", 10))
    wins: list[Operation] = [win(f"w{n}", MINOR_MAX) for n in range(92)]

    decisions = accept(database, *wins, bet("b1", 10, handle="bob"))

    verdicts = [d.verdict for d in decisions]
    assert verdicts.count(Verdict.UNAVAILABLE) == 1
    assert verdicts[-1] is Verdict.ACCEPTED
    assert balances(database) == {"ann": 92 * MINOR_MAX, "bob": 0}


def test_the_result_of_a_batch_names_the_work_for_the_workers(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def day() -> list[tuple[int, bool]]:
        async with acceptors(database, 1) as (acceptor,):
            work = []
            for facts in ([bet("b1", 1)], [history("h1")], [balance_query()], []):
                accepted = await acceptor.accept([request(fact) for fact in facts])
                work.append((len(accepted.batches), accepted.recorded))
            return work

    assert asyncio.run(day()) == [(1, False), (0, True), (0, False), (0, False)]


def test_a_batch_without_operations_has_nothing_to_post(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    accept(database, history("h1"), None, bet("b1", 1, handle="nobody"))

    deliveries = rows(database, "SELECT verdict, op_key FROM deliveries ORDER BY delivery_id")
    assert deliveries == [("recorded", None), ("malformed", None), ("player_unknown", "b1")]
    assert rows(database, "SELECT posted_at IS NULL FROM batches ORDER BY batch_id") == [
        (True,),
        (False,),
    ]


def test_every_field_of_an_operation_is_stored(database: str) -> None:
    open_wallets(database, ("ann", 1000))
    end = request(round_end("e1", of="b1", staked=7, paid=9), headers="x: 1")

    async def answer() -> bytes:
        async with acceptors(database, 1) as (acceptor,):
            return (await acceptor.accept([end])).decisions[0].reply.body

    reply = asyncio.run(answer())

    decided = rows(
        database,
        "SELECT op_key, kind::text, decision::text, reason, refers_to, ends_round,"
        " declared_stake, declared_payout FROM operations WHERE wallet_seq > 1"
        " ORDER BY wallet_seq",
    )
    evidence = rows(
        database,
        "SELECT op_key, headers, body, reply_status, reply, received_at FROM operations"
        " WHERE wallet_seq > 1 ORDER BY wallet_seq",
    )
    assert decided == [
        ("e1", "round_end", "accepted", "bet_unknown", "b1", True, 7, 9),
        ("b1", "tombstone", "accepted", "closed_by e1", "e1", False, None, None),
    ]
    assert evidence == [
        ("e1", "x: 1", end.body, 200, reply, end.received_at),
        ("b1", "", b"", 200, b"", end.received_at),
    ]


def test_a_restarted_receiver_decides_like_one_with_a_cache(
    database: str,
) -> None:
    """Repeats, reversals and tombstones are read back from the database."""
    open_wallets(database, ("ann", 1000))
    accept(database, bet("b1", 100), rollback("u1", "b1"), rollback("u2", "b2"))
    first = accept(database, bet("b3", 100))

    later = accept(
        database,
        bet("b3", 100),
        win("w1", 5, bet_key="b1"),
        rollback("u3", "b1"),
        bet("b2", 100),
        rollback("u4", "u1"),
        win("w2", 5, bet_key="b3", stake=99),
        policy=LENIENT,
    )

    assert later[0].reply == first[0].reply
    assert [d.verdict.value for d in later] == [
        "repeated",
        "rolled_back",
        "accepted",
        "rolled_back",
        "accepted",
        "accepted",
    ]
    assert [d.operations[0].reason for d in later if d.operations] == [
        "already_rolled_back",
        "irreversible",
        "stake_differs",
    ]


def test_a_player_without_a_wallet_is_refused_in_any_currency(database: str) -> None:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        connection.execute("INSERT INTO players (player) VALUES ('ann')")

    decisions = accept(database, bet("b1", 1), balance_query())

    assert [d.verdict for d in decisions] == [Verdict.CURRENCY_WRONG] * 2


def test_a_wallet_whose_turnover_is_full_declines_stakes_and_its_neighbours_are_booked(
    database: str,
) -> None:
    """A stake that no column can hold was answered "retry later" for ever."""
    open_wallets(database, ("ann", MINOR_MAX), ("bob", 1000))
    rounds = [
        fact
        for n in range(92)
        for fact in (bet(f"b{n}", MINOR_MAX), win(f"w{n}", MINOR_MAX, bet_key=f"b{n}"))
    ]
    sent = (bet("full", MINOR_MAX), bet("small", 10), bet("his", 10, handle="bob"))

    decisions = accept(database, *rounds, *sent)

    assert {decision.verdict for decision in decisions[:-3]} == {Verdict.ACCEPTED}
    refused, *booked = decisions[-3:]
    assert (refused.verdict, refused.operations[0].reason) == (
        *(Verdict.DECLINED_BLOCKED, "limit_books"),
    )
    assert [decision.verdict for decision in booked] == [Verdict.ACCEPTED] * 2
    assert accept(database, bet("full", MINOR_MAX))[0].verdict is Verdict.REPEATED
