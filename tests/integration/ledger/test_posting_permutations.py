"""Batches posted in any order by any workers give the same books."""

import queue
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from ledger.checks.run import verify
from ledger.posting.posting import post
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import accept, bet, open_wallets, rollback, round_end, win

PLAYERS = ("ann", "bob", "cleo")
WORKERS = 4
#: The books without what depends on the order: the sweeps' positions and the clock.
BOOKS = (
    """SELECT wallet_id, wallet_seq, leg, account::text, provider, match_key, currency, amount
         FROM entries WHERE leg NOT IN (5, 6) ORDER BY wallet_id, wallet_seq, leg""",
    """SELECT account::text, provider, match_key, sum(amount)::bigint FROM entries
        GROUP BY 1, 2, 3 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3""",
    """SELECT provider, round_id, wallet_id, stake, payout, swept, bets, wins, rollbacks, ended,
              declared_stake, declared_payout FROM rounds ORDER BY provider, round_id""",
    "SELECT wallet_id, balance, seq, turnover FROM wallets ORDER BY wallet_id",
)


def accepted(database: str) -> None:
    """Accept bets, wins, rollbacks and ends of three players, each as a batch of its own."""
    open_wallets(database, *((player, 10_000) for player in PLAYERS))
    for number, player in enumerate(PLAYERS * 3):
        key = f"b{number}"
        common: Any = {"handle": player, "round_id": f"r{number}"}
        accept(database, bet(key, 100 + number, **common))
        accept(database, win(f"w{number}", 40, bet_key=key, **common))
        if number % 3 == 0:
            accept(database, rollback(f"u{number}", f"w{number}", handle=player))
        if number % 2 == 0:
            accept(database, round_end(f"e{number}", of=key, staked=100, paid=40, **common))
            # And once more, with other totals.
            accept(database, round_end(f"f{number}", of=key, staked=90, paid=50, **common))


def posted_in_order(database: str, order: list[int]) -> None:
    """Post with several workers at once; each batch is released in the given order."""
    turns: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in order:
        turns.put(number)
    engine = open_engine(database, pool_size=2 * WORKERS)
    release = "UPDATE batches SET parked_at = NULL WHERE batch_id = :batch"

    def work() -> None:
        while True:
            try:
                turn = turns.get_nowait()
            except queue.Empty:
                return
            with engine.begin() as connection:
                connection.execute(text(release), {"batch": turn})
            post(engine, limit=2)

    with engine.begin() as connection:
        connection.execute(text("UPDATE batches SET parked_at = clock_timestamp()"))
    with ThreadPoolExecutor(WORKERS) as pool:
        for future in [pool.submit(work) for _ in range(WORKERS)]:
            future.result()
    while post(engine).batches:
        pass
    assert [result.name for result in verify(engine) if result.wrong] == []
    engine.dispose()


def books(database: str) -> list[list[tuple[Any, ...]]]:
    with psycopg.connect(database) as connection:
        return [connection.execute(query.encode()).fetchall() for query in BOOKS]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_by_any_workers_gives_the_same_books(
    postgres: PostgresServer, database: str, seed: int
) -> None:
    accepted(database)
    shuffled = f"shuffled_{name_of(database)}"
    postgres.clone(shuffled, name_of(database))
    url = postgres.url(shuffled)
    with psycopg.connect(database) as connection:
        numbers = [row[0] for row in connection.execute("SELECT batch_id FROM batches")]

    posted_in_order(database, sorted(numbers))
    posted_in_order(url, Random(seed).sample(numbers, len(numbers)))

    assert books(url) == books(database)
    assert books(url)[0] == rows_by_rule(url), "entries that leave for an archive come back"
    assert len(books(url)[0]) > 2 * len(PLAYERS)
    postgres.drop(shuffled)


def rows_by_rule(database: str) -> list[tuple[Any, ...]]:
    """The entries without sweeps, as the database makes them from the operations."""
    query = BOOKS[0].replace("FROM entries", "FROM entries_by_rule")
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def name_of(url: str) -> str:
    """The database's name in its URL."""
    with psycopg.connect(url) as connection:
        return connection.info.dbname
