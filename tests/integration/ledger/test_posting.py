"""Posting on a real PostgreSQL: once in effect, in any order, a bad batch is parked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import permutations, product
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.checks.run import verify
from ledger.enums import OperationKind
from ledger.posting.posting import PostingCounts, post, post_all_at
from ledger.posting.rules import Movement, entries_of, owed_by
from ledger.posting.rules_sql import legs_sql
from storage.engine import open_engine
from tests.harness.books.ledger import (
    LENIENT,
    STRICT,
    accept,
    adjust,
    bet,
    bet_and_win,
    deposit,
    open_wallets,
    rollback,
    round_end,
    win,
    withdrawal,
)
from tests.harness.books.orders import record_orders
from vocabulary.errors import Unavailable
from vocabulary.facts import Fund, Operation

Row = tuple[Any, ...]
ROUND: tuple[Operation, ...] = (
    bet("b1", 300),
    round_end("e1", of="b1", staked=300, paid=120),
    win("w1", 120, bet_key="b1", stake=300),
)
_ENTRIES = """
SELECT wallet_seq, leg, account::text, amount FROM entries
 WHERE provider <> 'tieout' ORDER BY wallet_seq, leg
"""
_ROUNDS = """
SELECT round_id, stake, payout, swept, bets, wins, rollbacks, ended, declared_stake,
       declared_payout FROM rounds ORDER BY round_id
"""
_ACCOUNTS = """
SELECT account::text, sum(amount)::bigint FROM entries GROUP BY account
HAVING sum(amount) <> 0
"""


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def rows(database: str, query: str, *parameters: object) -> list[Row]:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        cursor = connection.execute(query.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def accounts(database: str) -> dict[str, int]:
    """Every account's total that is not zero."""
    return dict(rows(database, _ACCOUNTS))


def wrong(engine: Engine) -> list[str]:
    return [finding.name for finding in verify(engine) if finding.wrong]


def test_an_open_round_is_in_clearing_and_an_ended_one_in_ggr(
    database: str, engine: Engine
) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, ROUND[0])
    post_all_at(database)
    while_open = accounts(database)
    accept(database, *ROUND[1:])
    post_all_at(database)

    assert while_open == {"player_wallet": 700, "provider_clearing": 300, "funding": -1000}
    assert accounts(database) == {"player_wallet": 820, "ggr": 180, "funding": -1000}
    assert rows(database, _ROUNDS) == [("r1", 300, 120, 180, 1, 1, 0, True, 300, 120)]
    assert wrong(engine) == []


def test_posting_again_does_nothing(database: str, engine: Engine) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, *ROUND)

    first, again = post(engine), post(engine)

    assert (first.batches, first.parked) == (2, 0)
    assert first.entries == len(rows(database, "SELECT leg FROM entries"))
    assert again == PostingCounts(0, 0, 0)


def test_the_oldest_batches_are_posted_first_up_to_the_limit(
    database: str, engine: Engine
) -> None:
    open_wallets(database, ("ann", 1000))
    for n in range(3):
        accept(database, bet(f"b{n}", 1))

    assert post(engine, limit=3).batches == 3
    assert rows(database, "SELECT batch_id FROM batches WHERE posted_at IS NULL") == [(4,)]
    assert post_all_at(database) == 1


def test_two_workers_at_once_post_every_operation_once(database: str) -> None:
    open_wallets(database, ("ann", 10_000), ("bob", 10_000))
    for n in range(24):
        handle = ("ann", "bob")[n % 2]
        shared = f"r{n % 3}"
        accept(
            database,
            bet(f"b{n}", 10, handle=handle, round_id=shared),
            win(f"w{n}", 4, handle=handle, round_id=shared),
        )
    engines = [open_engine(database) for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        posted = list(pool.map(_post_by_twos, engines))

    assert sum(result.batches for result in posted) == 25
    assert sum(result.entries for result in posted) == 24 * 4 + 2 * 2
    assert rows(database, _ROUNDS) == [
        (f"r{n}", 40, 16, 0, 4, 4, 0, False, None, None)
        for n in range(3)
        for _ in ("ann", "bob")
    ]
    assert wrong(engines[0]) == []
    for engine in engines:
        engine.dispose()


def _post_by_twos(engine: Engine) -> PostingCounts:
    total = PostingCounts(0, 0, 0)
    while (posted := post(engine, limit=2)).batches:
        total = PostingCounts(
            total.batches + posted.batches, total.entries + posted.entries, posted.parked
        )
    return total


@pytest.mark.parametrize("order", list(permutations(range(2, 5))), ids=str)
def test_batches_posted_in_any_order_give_equal_books(
    database: str, engine: Engine, order: tuple[int, ...]
) -> None:
    """A round end may be posted before its bet, a late win after it: clearing ends at zero."""
    open_wallets(database, ("ann", 1000))
    for fact in ROUND:
        accept(database, fact)
    post_only(database, 1)

    for batch in order:
        post_only(database, batch)

    assert rows(database, _ROUNDS) == [("r1", 300, 120, 180, 1, 1, 0, True, 300, 120)]
    assert accounts(database) == {"player_wallet": 820, "ggr": 180, "funding": -1000}
    operations = [row for row in rows(database, _ENTRIES) if row[1] < 5]
    assert operations == [
        (2, 1, "player_wallet", -300),
        (2, 2, "provider_clearing", 300),
        (4, 3, "player_wallet", 120),
        (4, 4, "provider_clearing", -120),
    ]
    assert wrong(engine) == []


def post_only(database: str, batch: int) -> None:
    """Post one batch while the others are locked, as by another worker."""
    engine = open_engine(database)
    with closing(psycopg.connect(database)) as holder:
        holder.execute("SELECT FROM batches WHERE batch_id <> %s FOR UPDATE", (batch,))
        assert post(engine) == PostingCounts(1, entries_of_batch(database, batch), 0)
    engine.dispose()


def entries_of_batch(database: str, batch: int) -> int:
    """The number of entries of the batch's operations."""
    counts = rows(
        database,
        "SELECT count(*) FROM entries JOIN operations USING (wallet_id, wallet_seq)"
        " WHERE batch_id = %s",
        batch,
    )
    return int(counts[0][0])


def test_a_win_after_the_sweep_is_swept_again(database: str, engine: Engine) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, *ROUND[:2])
    post_all_at(database)
    accept(database, ROUND[2])
    post_all_at(database)

    assert rows(database, _ENTRIES)[-4:] == [
        (4, 3, "player_wallet", 120),
        (4, 4, "provider_clearing", -120),
        (4, 5, "provider_clearing", 120),
        (4, 6, "ggr", -120),
    ]
    assert wrong(engine) == []


def test_a_rollback_takes_back_ggr(database: str, engine: Engine) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, bet("b1", 300), win("w1", 50), policy=LENIENT)
    post_all_at(database)
    accept(database, rollback("u1", "b1"), rollback("u2", "w1"), policy=LENIENT)
    post_all_at(database)

    assert accounts(database) == {"player_wallet": 1000, "funding": -1000}
    assert rows(database, _ROUNDS) == [("r1", 0, 0, 0, 1, 1, 2, True, None, None)]
    assert wrong(engine) == []


def test_a_declined_operation_has_no_entries(database: str, engine: Engine) -> None:
    open_wallets(database, ("ann", 10))
    accept(database, bet("b1", 11), bet_and_win("k", 11, 500))

    assert post_all_at(database) == 2
    assert rows(database, _ENTRIES) == rows(database, _ROUNDS) == []
    assert wrong(engine) == []


@pytest.mark.parametrize("funding", [(deposit("d1", 70), 70), (withdrawal("d1", 70), -70)])
def test_deposits_and_withdrawals_are_booked_against_funding(
    database: str, engine: Engine, funding: tuple[Any, int]
) -> None:
    operation, amount = funding
    open_wallets(database, ("ann", 1000))
    accept(database, operation)
    post_all_at(database)

    own = "SELECT leg, account::text, amount FROM entries WHERE wallet_seq = 2 ORDER BY leg"
    assert rows(database, own) == [(7, "player_wallet", amount), (8, "funding", -amount)]
    record_orders(database)
    assert wrong(engine) == []


_PLANT = """
WITH batch AS (INSERT INTO batches (operations) VALUES (1) RETURNING batch_id)
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
  currency, stake, payout, amount, balance_after, round_id, match_key, ends_round, fingerprint,
  route, headers, body, reply_status, reply, received_at)
SELECT 99, 1, batch_id, 'lottery', 'planted', 'bet', 'accepted', 'EUR', %s, 0, -(%s::bigint), 0,
       'planted', 99, false, '', '', '', '', 200, '', clock_timestamp() FROM batch
"""
_ENTRIES_EXIST = """
INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
VALUES (99, 1, 1, 'player_wallet', 'lottery', 99, 'EUR', -5),
       (99, 1, 2, 'provider_clearing', 'lottery', 99, 'EUR', 5)
"""
_FULL_ROUND = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
  wins, rollbacks, ended, first_at, last_at)
VALUES (99, 'lottery', 'planted', 99, 'EUR', 9223372036854775807, 0, 1, 0, 0, false,
        now(), now())
"""


@pytest.mark.parametrize(
    ("obstacle", "cause"),
    [(_ENTRIES_EXIST, "entries_pkey"), (_FULL_ROUND, "NumericValueOutOfRange")],
    ids=["already posted", "out of range"],
)
def test_a_batch_that_breaks_an_invariant_is_parked_alone(
    database: str, engine: Engine, obstacle: str, cause: str
) -> None:
    open_wallets(database, ("ann", 1000))
    accept(database, bet("b1", 10))
    rows(database, _PLANT, 5, 5)
    rows(database, obstacle)
    accept(database, bet("b2", 10))

    posted = post_all_at(database)

    assert posted == 3
    assert rows(database, "SELECT job, subject, cause FROM parked") == [
        ("post.v1", "batch 3", cause)
    ]
    assert rows(database, "SELECT batch_id FROM batches WHERE posted_at IS NULL") == [(3,)]
    assert post(engine) == PostingCounts(0, 0, 0)
    assert "nothing_is_parked" in wrong(engine)


_CUT_WHILE_PARKING = """
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
CREATE TRIGGER cut BEFORE INSERT ON parked FOR EACH ROW EXECUTE FUNCTION cut();
"""


def test_a_connection_lost_while_parking_is_unavailable_and_the_batch_is_parked_later(
    database: str, engine: Engine
) -> None:
    rows(database, _PLANT, 5, 5)
    rows(database, _ENTRIES_EXIST)
    rows(database, _CUT_WHILE_PARKING)

    with pytest.raises(Unavailable, match="posting: the database is out of reach"):
        post(engine)
    rows(database, "DROP TRIGGER cut ON parked")

    assert post(engine) == PostingCounts(0, 0, 1)


def test_the_sql_and_the_python_rules_give_the_same_entries(database: str) -> None:
    """The SQL that posts in bulk and ``entries_of`` are rendered from one table of legs."""
    amounts = (0, 1, -300)
    cases = [
        (stake, payout, funding, ends, balance, fund, kind)
        for stake, payout, funding in product(amounts, amounts, (0, 70, -70))
        for ends, balance in product((False, True), (-300, -1, 0, 1, 500))
        for fund, kind in product(Fund, (OperationKind.BET, OperationKind.ADJUSTMENT))
    ]

    rendered: list[list[Row]] = [[] for _ in cases]
    columns = (list(column) for column in zip(*cases, strict=True))
    for number, *entry in rows(database, _RENDERED, *columns):
        rendered[number - 1].append(tuple(entry))

    for case, entries in zip(cases, rendered, strict=True):
        expected = entries_of(movement_of(*case))
        assert entries == [(x.leg, x.account.value, x.amount) for x in expected], case
        assert sum(x.amount for x in expected) == 0


_RENDERED = f"""
SELECT o.number, l.leg, l.account::text, l.amount
  FROM (SELECT number, stake, payout, payout - stake + funding AS amount, ends_round,
               balance_after, fund, kind
          FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::boolean[], %s::bigint[],
                      %s::fund_kind[], %s::operation_kind[]) WITH ORDINALITY
            AS u (stake, payout, funding, ends_round, balance_after, fund, kind, number)) o
 CROSS JOIN LATERAL ({legs_sql()}) AS l
 ORDER BY o.number, l.leg
"""


def movement_of(
    stake: int,
    payout: int,
    funding: int,
    ends: bool,
    balance: int,
    fund: Fund,
    kind: OperationKind,
) -> Movement:
    return Movement(
        stake=stake,
        payout=payout,
        funding=funding,
        ends_round=ends,
        owed=owed_by(amount=payout - stake + funding, balance_after=balance),
        fund=fund,
        adjusts=kind is OperationKind.ADJUSTMENT,
    )


def test_every_kind_of_operation_is_posted_and_the_books_verify(
    database: str, engine: Engine
) -> None:
    open_wallets(database, ("ann", 1000))
    decisions = [
        *accept(database, bet("b1", 10), win("w1", 5), bet_and_win("k", 3, 2), policy=STRICT),
        *accept(database, rollback("u1", "b1"), rollback("u2", "unseen"), policy=STRICT),
        *accept(database, deposit("d1", 9), withdrawal("d2", 4), policy=STRICT),
        *accept(database, round_end("e1", of="b1", staked=10), policy=STRICT),
        *accept(database, adjust("adj-1", -2000), policy=STRICT),
    ]
    post_all_at(database)

    written = {row.kind for decision in decisions for row in decision.operations}
    states = {"block", "unblock", "exclude", "limit"}
    assert written == set(OperationKind) - states
    record_orders(database)
    assert wrong(engine) == []


def test_a_database_out_of_reach_is_unavailable() -> None:
    engine = open_engine("postgresql://tieout@/tieout?host=/nonexistent")

    with pytest.raises(Unavailable, match="posting: the database is out of reach"):
        post(engine)
    with pytest.raises(Unavailable, match="verify: the database is out of reach"):
        list(verify(engine))
