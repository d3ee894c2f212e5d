"""Accepting while connections are cut or the database is out of reach."""

import asyncio
from contextlib import closing
from typing import Any

import asyncpg
import psycopg
import pytest

from ledger.accepting.acceptor import Acceptor
from storage.engine import open_accept_connection
from tests.harness.books.ledger import acceptors, bet, open_wallets, request
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict

Row = tuple[Any, ...]


def rows(database: str, query: str) -> list[Row]:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        return connection.execute(query.encode()).fetchall()


def balances(database: str) -> dict[str, int]:
    return dict(rows(database, "SELECT player, balance FROM wallets"))


def cut(database: str) -> None:
    """End every other connection to the database, as a failing server would, and wait."""
    rows(
        database,
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_a_connection_that_died_while_idle_fails_no_batch(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def interrupted() -> Verdict:
        async with acceptors(database, 1) as (acceptor,):
            await acceptor.accept([request(bet("b1", 100))])
            cut(database)
            return (await acceptor.accept([request(bet("b2", 100))])).decisions[0].verdict

    assert asyncio.run(interrupted()) is Verdict.ACCEPTED
    assert balances(database) == {"ann": 800}


def test_a_connection_cut_in_the_middle_of_a_batch_commits_nothing(database: str) -> None:
    """The batch waits for a locked wallet when its server process is ended."""
    open_wallets(database, ("ann", 1000))

    async def interrupted() -> None:
        async with acceptors(database, 1) as (acceptor,):
            with closing(psycopg.connect(database)) as holder:
                holder.execute("SELECT FROM wallets FOR UPDATE")
                waiting = asyncio.create_task(acceptor.accept([request(bet("b1", 100))]))
                await until_waiting(database)
                cut_the_waiting(database)
                with pytest.raises(Unavailable, match="out of reach"):
                    await waiting
            again = await acceptor.accept([request(bet("b1", 100))])
            assert again.decisions[0].verdict is Verdict.ACCEPTED

    asyncio.run(interrupted())

    assert balances(database) == {"ann": 900}


_WAITING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def until_waiting(database: str) -> None:
    """Return once a statement waits for a lock; polls up to a thousand times."""
    for _ in range(1000):
        if await asyncio.to_thread(rows, database, _WAITING):
            return
    raise AssertionError("no statement waits for the lock")


def cut_the_waiting(database: str) -> None:
    rows(database, f"SELECT pg_terminate_backend(pid) FROM ({_WAITING}) AS waiting")


def unreachable() -> Acceptor:
    async def refuse() -> "asyncpg.Connection":
        raise ConnectionRefusedError

    return Acceptor(refuse)


def test_a_database_out_of_reach_is_unavailable_and_names_no_address() -> None:
    with pytest.raises(Unavailable, match=r"out of reach: ConnectionRefusedError$"):
        asyncio.run(unreachable().accept([request(bet("b1", 1))]))
    with pytest.raises(Unavailable, match=r"out of reach: ConnectionRefusedError$"):
        asyncio.run(unreachable().check())


def test_a_reachable_database_passes_the_check(database: str) -> None:
    async def check() -> int:
        async with acceptors(database, 1) as (acceptor,):
            await acceptor.check()
            return 1

    assert asyncio.run(check()) == 1


def test_a_database_that_takes_no_writes_does_not_pass_the_check(database: str) -> None:
    async def replica() -> "asyncpg.Connection":
        connection = await open_accept_connection(database)
        await connection.execute("SET default_transaction_read_only = on")
        return connection

    with pytest.raises(Unavailable, match="takes no writes"):
        asyncio.run(Acceptor(replica).check())
