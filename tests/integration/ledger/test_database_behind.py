"""A receiver that meets an older state of the database refuses to go on."""

import asyncio

import psycopg
import pytest

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.receiver_session import DatabaseBehind, ReceiverSession
from storage.engine import open_accept_connection
from tests.harness.books.ledger import bet, open_wallets, request
from vocabulary.outcomes import Verdict


def restore_before_the_last_batch(database: str) -> None:
    """The books as if restored to an instant before the last batch."""
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        last = "(SELECT max(batch_id) FROM batches)"
        connection.execute(f"DELETE FROM operations WHERE batch_id = {last}".encode())
        connection.execute(f"DELETE FROM batches WHERE batch_id = {last}".encode())
        connection.execute("UPDATE wallets SET balance = 1000, seq = 1, turnover = 1000")


def test_a_receiver_gives_no_id_of_a_lost_transaction_to_another(database: str) -> None:
    open_wallets(database, ("ann", 1000))

    async def refused_and_started_again() -> tuple[int, Verdict]:
        before = Acceptor(lambda: open_accept_connection(database), session=ReceiverSession())
        await before.accept([request(bet("b1", 100))])
        await before.check()
        await before.close()
        restore_before_the_last_batch(database)

        refusals = 0
        for attempt in range(2):  # it stays refused, however often it is tried
            with pytest.raises(DatabaseBehind, match="an older state was restored"):
                await before.accept([request(bet(f"b{attempt + 2}", 50))])
            with pytest.raises(DatabaseBehind, match="an older state was restored"):
                await before.check()
            refusals += 1
        await before.close()

        after = Acceptor(lambda: open_accept_connection(database), session=ReceiverSession())
        accepted = await after.accept([request(bet("b4", 50))])
        await after.close()
        return refusals, accepted.decisions[0].verdict

    assert asyncio.run(refused_and_started_again()) == (2, Verdict.ACCEPTED)
