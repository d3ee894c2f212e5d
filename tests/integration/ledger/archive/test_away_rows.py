"""Callbacks that name rows which left for an archive: put off, and then answered as before."""

import asyncio
from collections.abc import Iterator, Sequence

import asyncpg
import psycopg
import pytest

from ledger.accepting.accept_sql import (
    READ_AWAY_ROUNDS,
    READ_OPERATIONS,
    READ_PLAYERS,
    WANT_RECALLS,
    WRITE_BATCH,
)
from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Decision
from ledger.accepting.own_operations import InRound
from ledger.checks.run import verify
from ledger.posting.posting import PostingCounts, post, post_all_at
from storage.engine import open_accept_connection, open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.away import (
    bring_back_what_is_wanted,
    let_everything_go,
    wanted,
)
from tests.harness.books.ledger import (
    SLUG,
    accept,
    acceptors,
    adjust,
    bet,
    open_wallets,
    request,
    rollback,
    round_end,
    win,
)
from tests.harness.tampering.replay import tamper
from vocabulary.facts import Operation
from vocabulary.ids import match_key
from vocabulary.outcomes import Verdict

#: r1 has a bet, its win and its end; r2 is open; s1 was rolled back; gone never came.
OLD: tuple[Operation, ...] = (
    bet("b1", 300),
    win("w1", 120, bet_key="b1"),
    round_end("e1", of="b1", staked=300, paid=120),
    bet("b2", 50, round_id="r2"),
    bet("s1", 40, round_id="s1"),
    rollback("u1", "s1", round_id="s1"),
    rollback("u9", "gone", round_id="s9"),
)
#: What an acceptor sends; its driver also asks what the columns of an array are.
STATEMENTS = (READ_PLAYERS, READ_OPERATIONS, READ_AWAY_ROUNDS, WANT_RECALLS, WRITE_BATCH)
UNKNOWN = rollback("u5", "never seen", round_id="s5")


@pytest.fixture
def untouched(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a second database."""
    yield postgres.clone("untouched_books")
    postgres.drop("untouched_books")


def old_books(database: str) -> list[Decision]:
    """Books with the old rounds, posted; returns their decisions."""
    open_wallets(database, ("ann", 1000), ("bob", 500))
    decisions = accept(database, *OLD)
    post_all_at(database)
    return decisions


def put_off_and_sent_again(database: str, fact: Operation) -> Decision:
    """Send a fact, bring back what it asks for, and send it again."""
    (decision,) = accept(database, fact)
    assert decision.verdict is Verdict.UNAVAILABLE
    assert wanted(database)
    bring_back_what_is_wanted(database)
    (decision,) = accept(database, fact)
    return decision


def findings(database: str) -> list[str]:
    """What verify finds once the rest of the rows is back, too."""
    rest = "SELECT DISTINCT 'round', provider, round_id, match_key, 'test' FROM left_operations"
    with psycopg.connect(database) as connection:
        into = "INSERT INTO recalls (kind, provider, name, hash, wanted_by)"
        connection.execute(f"{into} {rest}".encode())
    bring_back_what_is_wanted(database)
    engine = open_engine(database)
    try:
        return [finding.name for finding in verify(engine) if finding.wrong]
    finally:
        engine.dispose()


@pytest.mark.parametrize("number", range(len(OLD)))
def test_a_late_repeat_is_answered_as_before(database: str, number: int) -> None:
    first = old_books(database)[number]
    let_everything_go(database)

    repeated = put_off_and_sent_again(database, OLD[number])

    assert repeated.verdict is Verdict.REPEATED
    assert repeated.reply == first.reply


@pytest.mark.parametrize(
    ("fact", "verdict"),
    [
        (rollback("u2", "b2"), Verdict.ACCEPTED),
        (rollback("u3", "b2", handle="bob"), Verdict.CONFLICT),
        (rollback("u4", "s1"), Verdict.ACCEPTED),
        (win("w2", 70, bet_key="b2", round_id="r2"), Verdict.ACCEPTED),
        (win("w3", 70, bet_key="s1", round_id="s1"), Verdict.ROLLED_BACK),
        (win("w4", 70, bet_key="s1", round_id="elsewhere"), Verdict.ROLLED_BACK),
        (win("w5", 70, round_id="r1"), Verdict.ACCEPTED),
        (bet("b9", 20, round_id="r2"), Verdict.ACCEPTED),
        (bet("b8", 20, handle="bob", round_id="r2"), Verdict.ACCEPTED),
        (bet("b7", 9000, round_id="r1"), Verdict.DECLINED_FUNDS),
        (round_end("e2", of="b2", staked=50, round_id="r2"), Verdict.ACCEPTED),
        (bet("b1", 301), Verdict.CONFLICT),
        (bet("gone", 5, round_id="s9"), Verdict.ROLLED_BACK),
    ],
)
def test_a_late_operation_is_decided_as_if_nothing_had_left(
    database: str, untouched: str, fact: Operation, verdict: Verdict
) -> None:
    old_books(untouched)
    old_books(database)
    (expected,) = accept(untouched, fact)
    let_everything_go(database)

    decision = put_off_and_sent_again(database, fact)

    assert decision.verdict is expected.verdict is verdict
    assert decision.reply == expected.reply
    post_all_at(database)
    assert findings(database) == []


def test_neighbours_of_a_batch_are_decided_as_always(database: str) -> None:
    old_books(database)
    let_everything_go(database)
    batch: list[Operation] = [
        bet("n1", 10, round_id="new"),
        bet("n2", 10, round_id="r1"),
        win("n3", 15, bet_key="n1", round_id="new"),
        bet("b1", 300),
        bet("n4", 5, handle="bob", round_id="new"),
    ]

    decisions = accept(database, *batch)

    away = Verdict.UNAVAILABLE
    assert [d.verdict for d in decisions] == [
        *(Verdict.ACCEPTED, away),
        *(Verdict.ACCEPTED, away, Verdict.ACCEPTED),
    ]
    assert sorted(wanted(database)) == [("operation", "b1"), ("round", "r1")]
    assert bring_back_what_is_wanted(database) == [3, 3]
    assert [d.verdict for d in accept(database, *batch)] == [
        *(Verdict.REPEATED, Verdict.ACCEPTED, Verdict.REPEATED),
        *(Verdict.REPEATED, Verdict.REPEATED),
    ]


def test_what_is_asked_for_twice_is_one_demand(database: str) -> None:
    old_books(database)
    let_everything_go(database)

    accept(database, bet("b1", 300))
    accept(database, bet("b1", 300), win("w1", 120, bet_key="b1"))

    assert wanted(database) == [("operation", "b1"), ("operation", "w1")]


def test_a_name_that_no_archive_has_is_new_once_that_is_known(database: str) -> None:
    """Its hash is that of another key."""
    old_books(database)
    let_everything_go(database)
    tamper(
        database,
        "UPDATE archived_keys SET first_hash = least(first_hash, h), days = days || 1::int2,"
        " hashes = ARRAY(SELECT u FROM unnest(hashes || h) AS u ORDER BY u)"
        " FROM (SELECT operation_hash('lottery', 'never seen')) AS t (h)",
    )

    decision = put_off_and_sent_again(database, UNKNOWN)

    assert decision.verdict is Verdict.ACCEPTED
    assert [row.op_key for row in decision.operations] == ["u5", "never seen"]


async def _statements_of(database: str, facts: Sequence[Operation]) -> list[str]:
    """What a receiver that knows the players sends to the database for one batch."""
    sent: list[str] = []

    async def open_logged() -> asyncpg.Connection:
        connection = await open_accept_connection(database)
        connection.add_query_logger(lambda record: sent.append(record.query))
        return connection

    receiver = Acceptor(open_logged)
    try:
        for handle in ("ann", "bob"):
            warm_up = bet(f"warm-{handle}", 1, handle=handle, round_id="warm")
            await receiver.accept([request(warm_up)])
        await asyncio.sleep(0)  # the driver logs a moment later
        sent.clear()
        await receiver.accept([request(fact) for fact in facts])
        await asyncio.sleep(0)
    finally:
        await receiver.close()
    return [statement for statement in sent if statement in STATEMENTS]


def test_a_batch_that_the_guard_refuses_asks_nothing_more(database: str) -> None:
    old_books(database)
    let_everything_go(database)
    batch = [
        bet("n1", 10, round_id="new"),
        bet("n2", 10, round_id="r1"),
        bet("b1", 300),
        bet("n3", 5, handle="bob", round_id="r2"),
    ]

    sent = asyncio.run(_statements_of(database, batch))

    assert sent == [WRITE_BATCH, WANT_RECALLS, WRITE_BATCH]
    assert wanted(database) == [("operation", "b1"), ("round", "r1"), ("round", "r2")]


async def _in_turn(
    database: str, before: Sequence[Operation], late: Operation
) -> tuple[Accepted, Accepted]:
    """The late fact, from a receiver that saw the others, before and after it is recalled."""
    async with acceptors(database, 1) as (receiver,):
        await receiver.accept([request(fact) for fact in before])
        post_all_at(database)
        let_everything_go(database)
        first = await receiver.accept([request(late)])
        bring_back_what_is_wanted(database)
        return first, await receiver.accept([request(late)])


@pytest.mark.parametrize(
    ("late", "verdict"),
    [
        (rollback("u2", "b2"), Verdict.ACCEPTED),
        (win("w2", 70, bet_key="b2", round_id="r2"), Verdict.ACCEPTED),
        (win("w3", 70, bet_key="s1", round_id="s1"), Verdict.ROLLED_BACK),
    ],
)
def test_a_receiver_that_still_knows_a_row_writes_nothing_beside_it(
    database: str, late: Operation, verdict: Verdict
) -> None:
    open_wallets(database, ("ann", 1000), ("bob", 500))

    first, second = asyncio.run(_in_turn(database, OLD, late))

    is_refused_anyway = verdict is Verdict.ROLLED_BACK
    assert first.decisions[0].verdict is (verdict if is_refused_anyway else Verdict.UNAVAILABLE)
    assert first.recalls is not is_refused_anyway
    assert second.decisions[0].verdict is verdict


def test_a_receiver_that_still_knows_a_row_answers_its_repeat(database: str) -> None:
    open_wallets(database, ("ann", 1000), ("bob", 500))

    first, second = asyncio.run(_in_turn(database, OLD, OLD[3]))

    assert [a.decisions[0].verdict for a in (first, second)] == [Verdict.REPEATED] * 2
    assert not first.recalls


async def _past_a_receiver(database: str, late: Operation) -> Accepted:
    """The late fact, from a receiver whose wallet moved on in rows that left since."""
    async with acceptors(database, 2) as (idle, busy):
        await idle.accept([request(bet("b0", 100, round_id="r0"))])
        await busy.accept([request(bet("b1", 300)), request(win("w1", 50, bet_key="b1"))])
        post_all_at(database)
        let_everything_go(database)
        return await idle.accept([request(late)])


@pytest.mark.parametrize(
    ("late", "verdict", "balance"),
    [
        (bet("n1", 10, round_id="new"), Verdict.ACCEPTED, 640),
        (bet("n1", 700, round_id="new"), Verdict.DECLINED_FUNDS, 650),
    ],
)
def test_a_receiver_decides_on_no_wallet_that_moved_on_in_rows_that_left(
    database: str, late: Operation, verdict: Verdict, balance: int
) -> None:
    """The positions of these rows are free, so no index refuses a second use of them."""
    open_wallets(database, ("ann", 1000), ("bob", 500))

    accepted = asyncio.run(_past_a_receiver(database, late))

    assert accepted.conflicts == 1
    (row,) = accepted.decisions[0].operations
    assert (accepted.decisions[0].verdict, row.wallet_seq) == (verdict, 5)
    with psycopg.connect(database) as connection:
        (wallet,) = connection.execute("SELECT balance, seq FROM wallets WHERE player = 'ann'")
    assert wallet == (balance, 5)


#: A copy of an operation under another key, in another round.
_COPY = """
INSERT INTO operations
SELECT (o).* FROM (SELECT jsonb_populate_record(o, jsonb_build_object(
           'wallet_seq', o.wallet_seq + 1, 'op_key', %s::text, 'round_id', %s::text,
           'match_key', %s::bigint)) AS o FROM operations o WHERE o.op_key = 'newer') AS copied
"""


@pytest.mark.parametrize(("key", "round_id"), [("b1", "newer"), ("newest", "r1")])
def test_what_left_stays_unique_whoever_inserts(database: str, key: str, round_id: str) -> None:
    old_books(database)
    let_everything_go(database)
    accept(database, bet("newer", 10, round_id="newer"))
    refused = pytest.raises(psycopg.errors.UniqueViolation, match="left for an archive")

    with psycopg.connect(database) as connection, refused:
        connection.execute(_COPY, (key, round_id, match_key(SLUG, round_id)))

    with psycopg.connect(database) as connection:
        connection.execute(_COPY, ("newest", "newer", match_key(SLUG, "newer")))


def test_a_correction_of_a_round_that_left_waits_for_it(database: str) -> None:
    old_books(database)
    let_everything_go(database)
    correction = adjust("a1", 30, within=InRound(provider=SLUG, round_id="r1", side="payout"))

    (first,) = accept(database, correction)
    bring_back_what_is_wanted(database)
    (second,) = accept(database, correction)

    assert first.verdict is Verdict.UNAVAILABLE
    assert second.verdict is Verdict.ACCEPTED


def test_a_batch_that_came_in_while_its_round_left_waits_for_the_round(database: str) -> None:
    old_books(database)
    accept(database, win("w2", 70, bet_key="b2", round_id="r2"))
    accept(database, bet("n1", 10, round_id="new"))
    let_everything_go(database, but=["w2", "n1"])
    engine = open_engine(database)

    first, second = post(engine), post(engine)
    asked_for = wanted(database)
    bring_back_what_is_wanted(database)
    third = post(engine)
    engine.dispose()

    assert first == PostingCounts(batches=1, entries=2, parked=0, waiting=1)
    assert second == PostingCounts(batches=0, entries=0, parked=0, waiting=1)
    assert asked_for == [("round", "r2")]
    assert third == PostingCounts(batches=1, entries=2, parked=0)
    assert findings(database) == []
