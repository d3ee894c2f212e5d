"""After a restore no lost id is given again, and nothing is booked before it is proven."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.epochs import RestoreUnderWay
from ledger.accepting.receiver_session import ReceiverSession
from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.queries.operations import operation_at
from ledger.queries.restores import loss_of, read_epochs
from ledger.restores.steps import (
    Restore,
    RestoreRefused,
    begin_restore,
    finish_restore,
    keep_verification,
    last_restore,
)
from reports.find.hits import SearchScope
from reports.find.search import find_anything
from storage.engine import open_accept_connection, open_engine
from tests.harness.books.ledger import bet, open_wallets, request
from vocabulary.ids import transaction_position
from vocabulary.outcomes import Verdict
from vocabulary.people import PersonRefused

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    open_wallets(database, ("ann", 1000))
    opened = open_engine(database)
    yield opened
    opened.dispose()


def restore_before_the_last_batch(engine: Engine) -> None:
    """The books as if restored to an instant before the last batch."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        last = "(SELECT max(batch_id) FROM batches)"
        for table in ("operations", "batches"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE batch_id = {last}")
        connection.exec_driver_sql("UPDATE wallets SET balance = 1000, seq = 1, turnover = 0")


def begun(engine: Engine, *, takes_two: bool = True, by: str = "ann") -> Restore:
    return begin_restore(engine, by=by, reason="disk lost", takes_two=takes_two, now=NOW)


def verified(engine: Engine, *, is_clean: bool = True) -> Restore:
    return keep_verification(
        engine, proofs={"verify": "24 checks hold"}, is_clean=is_clean, by="ann", now=NOW
    )


def test_a_lost_id_is_never_given_to_another_transaction(engine: Engine, database: str) -> None:
    async def play() -> tuple[Accepted, Accepted]:
        acceptor = Acceptor(lambda: open_accept_connection(database), session=ReceiverSession())
        before = await acceptor.accept([request(bet("b1", 100))])
        restore_before_the_last_batch(engine)
        begun(engine)
        # The receiver lives on, with its connection: the write finds out that it is held.
        with pytest.raises(RestoreUnderWay, match="tieout restore verify"):
            await acceptor.accept([request(bet("b2", 50))])
        with pytest.raises(RestoreUnderWay, match="nothing is booked"):
            await acceptor.check()
        verified(engine)
        finish_restore(engine, by="bob", now=NOW)
        await acceptor.check()
        # What it cached of the lost operation is forgotten: a repeat of it is booked again.
        after = await acceptor.accept([request(bet("b1", 100)), request(bet("b2", 50))])
        await acceptor.close()
        return before, after

    before, after = asyncio.run(play())
    lost, (again, other) = answers(before)[0], answers(after)
    assert lost == "txn-1-2"
    assert (again, other) == (f"txn-1-2-{EPOCH}", f"txn-1-3-{EPOCH}")
    assert [d.verdict for d in after.decisions] == [Verdict.ACCEPTED] * 2

    post_all_at(database)
    assert not [check.name for check in verify(engine) if check.wrong]
    with engine.connect() as connection:
        assert operation_at(connection, transaction_position(lost)) is None
        shown = operation_at(connection, transaction_position(again))
        assert shown is not None
        assert (shown.transaction, shown.op_key) == (again, "b1")
        assert (shown.before, shown.after) == ("txn-1-1", other)
        loss = loss_of(connection, transaction_position(lost))
        assert loss is not None
        assert loss.there_now == again
        assert loss_of(connection, transaction_position(f"txn-9-9-{EPOCH}")) is None
        assert [read_epochs(connection).of_batch(n) for n in (1, 2, 999)] == [0, EPOCH, EPOCH]
    hits = find_anything(engine, lost, SearchScope(zones={})).hits
    assert [(hit.id, hit.next) for hit in hits] == [(lost, (f"tieout find {again}",))]
    assert "took it back" in hits[0].summary


def answers(accepted: Accepted) -> list[str]:
    return [json.loads(d.reply.body)["transaction"] for d in accepted.decisions]


def test_a_connection_that_stays_open_learns_of_a_restore(
    engine: Engine, database: str
) -> None:
    async def play() -> Accepted:
        acceptor = Acceptor(lambda: open_accept_connection(database))
        await acceptor.accept([request(bet("b1", 100))])
        begun(engine, takes_two=False)
        verified(engine)
        finish_restore(engine, by="ann", now=NOW)
        accepted = await acceptor.accept([request(bet("b2", 100))])
        await acceptor.close()
        return accepted

    accepted = asyncio.run(play())
    assert accepted.conflicts == 2  # the write was refused, then the cache was forgotten
    assert answers(accepted) == [f"txn-1-3-{EPOCH}"]


def test_a_restore_ends_proven_and_by_another_person(engine: Engine, database: str) -> None:
    assert last_restore(engine) is None
    with pytest.raises(RestoreRefused, match="no restore is under way"):
        finish_restore(engine, by="bob", now=NOW)
    first = begun(engine)
    assert (first.epoch, first.after_batch, first.is_under_way) == (EPOCH, 1, True)
    again = begun(engine)
    assert again.epoch == EPOCH + 1, "an epoch is never used twice"
    with pytest.raises(RestoreRefused, match="not verified yet"):
        finish_restore(engine, by="bob", now=NOW)
    verified(engine, is_clean=False)
    with pytest.raises(RestoreRefused, match="found differences"):
        finish_restore(engine, by="bob", now=NOW)
    verified(engine)
    with pytest.raises(PersonRefused, match="another person decides"):
        finish_restore(engine, by="ann", now=NOW)
    assert not finish_restore(engine, by="bob", now=NOW).is_under_way
    with closing(psycopg.connect(database)) as connection:
        rows = connection.execute("SELECT action, actor FROM audit ORDER BY audit_id")
        assert [row for row in rows if row[0].startswith("restore")] == [
            ("restore.begun", "ann"),
            ("restore.begun", "ann"),
            ("restore.verified", "ann"),
            ("restore.verified", "ann"),
            ("restore.finished", "bob"),
        ]
        with pytest.raises(psycopg.errors.RestrictViolation, match="cannot become"):
            connection.execute("UPDATE restores SET reason = 'another'")
