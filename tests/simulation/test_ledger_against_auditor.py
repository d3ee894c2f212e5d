"""The ledger on a real PostgreSQL against the auditor, over seeded days of mischief."""

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import psycopg
import pytest

from ledger.accept import Acceptor
from ledger.books import Decided
from ledger.importing import import_players
from ledger.orders import Deposit, SetBlocked, Withdrawal
from ledger.posting import drain
from ledger.verify import verify
from storage.engine import open_engine
from tests.harness.auditor import OURS, Auditor, Line, Purse, Rules, rounds_of
from tests.harness.ledger import acceptors, request
from tests.harness.ledger_workload import (
    OPENING,
    PLAYERS,
    POLICIES,
    Said,
    opening_rows,
    workload,
)
from vocabulary.facts import BalanceQuery, HistoryRecord, fingerprint
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

ROUNDS = 70
BATCH_MAX = 40
_KINDS = {
    "bet": "bet",
    "bet_and_win": "both",
    "win": "win",
    "rollback": "rollback",
    "round_end": "end",
    "tombstone": "tombstone",
    "deposit": "funding",
    "withdrawal": "funding",
    "block": "block",
    "unblock": "block",
}
_CHAINS = """
SELECT w.player, w.currency, o.provider, o.op_key, o.kind::text, o.decision = 'accepted',
       o.stake, o.payout, o.balance_after, o.fingerprint, o.reply
  FROM operations o JOIN wallets w USING (wallet_id) ORDER BY w.wallet_id, o.wallet_seq
"""
_ROUNDS = """
SELECT provider, round_id, stake, payout, bets, wins, rollbacks, ended FROM rounds
"""
Row = tuple[Any, ...]


def an_auditor() -> Auditor:
    rules = {
        slug: Rules(
            pays_orphans=policy.orphan_win_credits,
            lets_rollbacks_be_rolled_back=policy.rollback_of_rollback_accepts,
            one_round_each=policy.round_per_operation,
        )
        for slug, policy in POLICIES.items()
    }
    purses = [
        Purse(player, currency, balance=OPENING)
        for player in PLAYERS
        for currency in ("EUR", "JPY")
    ]
    names = {(slug, player): player for slug in POLICIES for player in PLAYERS}
    return Auditor(rules, purses, names)


def hear(auditor: Auditor, said: Said) -> Verdict:
    match said.what:
        case Deposit(key=key, handle=player, amount=amount):
            return auditor.fund(player, amount, key)
        case Withdrawal(key=key, handle=player, amount=amount):
            return auditor.fund(player, Money(-amount.minor, amount.currency), key)
        case SetBlocked(key=key, handle=player, currency=currency, blocked=blocked):
            return auditor.block(player, currency, key, blocked=blocked)
        case fact:
            return auditor.hear(said.slug, fact)


def in_batches(said: Sequence[Said], random: Random) -> Iterable[Sequence[Said]]:
    at = 0
    while at < len(said):
        size = random.randint(1, BATCH_MAX)
        yield said[at : at + size]
        at += size


async def tell(acceptor: Acceptor, said: Sequence[Said], random: Random) -> list[Decided]:
    decided: list[Decided] = []
    for batch in in_batches(said, random):
        requests = [
            request(
                one.what, provider=one.slug, policy=POLICIES.get(one.slug, POLICIES["strict"])
            )
            for one in batch
        ]
        decided += (await acceptor.accept(requests)).decided
    return decided


def open_books(database: str) -> None:
    engine = open_engine(database)
    import_players(engine, opening_rows())
    engine.dispose()


def rows(database: str, query: str) -> list[Row]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def chains(database: str) -> dict[tuple[str, str], list[Row]]:
    """Every wallet's operations in their committed order, without the opening deposit."""
    told: dict[tuple[str, str], list[Row]] = {}
    for player, currency, *row in rows(database, _CHAINS):
        told.setdefault((player, currency), []).append(tuple(row))
    return {wallet: chain[1:] for wallet, chain in told.items()}


def predicted(auditor: Auditor) -> dict[tuple[str, str], list[Row]]:
    return {
        wallet: [(x.slug, x.key, x.what, x.stands, x.stake, x.payout, x.balance) for x in chain]
        for wallet, chain in auditor.chains.items()
    }


def written(told: dict[tuple[str, str], list[Row]]) -> dict[tuple[str, str], list[Row]]:
    return {
        wallet: [(*row[:2], _KINDS[row[2]], *row[3:7]) for row in chain]
        for wallet, chain in told.items()
    }


def assert_the_books_are_proven(database: str, chains: Iterable[Iterable[Line]]) -> None:
    expected = {
        (*key, x.stake, x.payout, x.bets, x.wins, x.rollbacks, x.ended)
        for key, x in rounds_of(chains).items()
    }
    assert drain(database) > 0
    assert set(rows(database, _ROUNDS)) == expected
    engine = open_engine(database)
    findings = list(verify(engine))
    engine.dispose()
    assert [(x.name, x.wrong, x.first) for x in findings if x.wrong] == []


@pytest.mark.parametrize("seed", range(15))
def test_one_receiver_decides_every_fact_as_the_auditor_does(database: str, seed: int) -> None:
    said = workload(seed, ROUNDS)
    open_books(database)

    async def day() -> list[Decided]:
        async with acceptors(database, 1) as (acceptor,):
            return await tell(acceptor, said, Random(seed))

    decided = asyncio.run(day())

    auditor = an_auditor()
    verdicts = [hear(auditor, one) for one in said]
    assert [x.verdict for x in decided] == verdicts
    assert written(chains(database)) == predicted(auditor)
    assert_the_books_are_proven(database, auditor.chains.values())


@pytest.mark.parametrize("seed", range(100, 115))
def test_two_receivers_on_the_same_wallets_decide_as_if_there_were_one(
    database: str, seed: int
) -> None:
    """The database chooses the order. Each wallet's chain, heard by an auditor of its own in
    the order it was committed, must come out with the same places, balances and tombstones."""
    said = workload(seed, ROUNDS)
    halves = said[::2], said[1::2]
    open_books(database)

    async def day() -> list[list[Decided]]:
        async with acceptors(database, 2) as pair:
            told = zip(pair, halves, strict=True)
            telling = [tell(x, half, Random(seed + n)) for n, (x, half) in enumerate(told)]
            return await asyncio.gather(*telling)

    decided = asyncio.run(day())

    by_content = {content_of(one): one for one in said}
    heard: list[list[Line]] = []
    told = chains(database)
    for wallet, chain in told.items():
        auditor = an_auditor()
        for slug, key, kind, _, _, _, _, content, _ in chain:
            if kind != "tombstone":
                own = slug == OURS
                hear(auditor, by_content[slug, key, b"" if own else bytes(content)])
        assert written({wallet: chain})[wallet] == predicted(auditor)[wallet]
        heard.append(auditor.chains[wallet])
    for half, answers in zip(halves, decided, strict=True):
        assert_answers_follow_from_the_books(told, half, answers)
    assert_the_books_are_proven(database, heard)


def content_of(one: Said) -> tuple[str, str, bytes]:
    """What the books know a fact by; facts without a place have no key."""
    if isinstance(one.what, BalanceQuery | HistoryRecord):
        return one.slug, "", b""
    if isinstance(one.what, Deposit | Withdrawal | SetBlocked):
        return one.slug, one.what.key, b""
    return one.slug, one.what.key, fingerprint(one.what)


def assert_answers_follow_from_the_books(
    told: dict[tuple[str, str], list[Row]], said: Sequence[Said], decided: Sequence[Decided]
) -> None:
    """Whoever was told that something stands was told what the books hold."""
    replies = {
        (slug, key, b"" if slug == OURS else content): reply
        for chain in told.values()
        for slug, key, _, _, _, _, _, content, reply in chain
    }
    standing = {Verdict.ACCEPTED, Verdict.REPEATED}
    final = {Verdict.DECLINED_FUNDS, Verdict.DECLINED_BLOCKED}
    for one, answer in zip(said, decided, strict=True):
        assert answer.verdict is not Verdict.UNAVAILABLE
        if answer.verdict in standing | final:
            assert replies[content_of(one)] == answer.answer.body
