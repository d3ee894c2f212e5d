"""Callbacks that a restore lost are booked again as they were, and answered as they were."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.accepting.acceptor import Acceptor
from ledger.accepting.model import Decision, DeliveryRow, Request
from ledger.accepting.own_operations import InRound
from ledger.checks.run import verify
from ledger.corrections.adjustments import propose
from ledger.posting.posting import post_all_at
from ledger.queries.restores import loss_of
from ledger.replay.replay import replay
from ledger.restores.booking import LostOperations, RecoveryResult
from ledger.restores.lost_callbacks import LostCallback, read_sealed_day
from ledger.restores.recoveries import approve_recovery, corrected_rounds, propose_recovery
from ledger.restores.steps import Restore, RestoreRefused, begin_restore
from ledger.seal.files import write_lines
from ledger.seal.seal import exported_lines, seal_day
from storage.engine import open_accept_connection, open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import (
    NOON,
    SLUG,
    STRICT,
    MemoryLedger,
    accept,
    bet,
    open_wallets,
    rollback,
)
from tests.harness.books.traffic import book_an_hour, decoders, requests
from tests.harness.tampering.replay import fact_decoders, tamper
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Malformed
from vocabulary.facts import Operation
from vocabulary.ids import transaction_position
from vocabulary.money import Money
from vocabulary.outcomes import Verdict

DAY = date(2020, 6, 4)
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
SHA256 = "ab" * 32
OPERATIONS = """
SELECT provider, op_key, kind::text, decision::text, amount, balance_after, reply_status, reply
  FROM operations WHERE provider <> 'tieout' ORDER BY provider, op_key
"""


class Lost(NamedTuple):
    """Books that were restored to before every callback, and what was there."""

    database: str
    file: Path
    callbacks: list[Request]
    operations: list[Any]
    restore: Restore


@pytest.fixture(scope="module")
def restored(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lost]:
    """Books of which each test gets a copy; no test changes them."""
    database = postgres.clone("recoveries")
    plan = book_an_hour(database, seed=14, callbacks=160, players=4)
    post_all_at(database)
    committed = "timestamptz '2020-06-04 12:00:00+00' + batch_id * interval '1 second'"
    tamper(database, f"UPDATE batches SET committed_at = {committed}")
    file = tmp_path_factory.mktemp("recoveries") / "day.jsonl"
    engine = open_engine(database)
    sealed = seal_day(engine, DAY, progress=quiet)
    write_lines(file, exported_lines(engine, sealed, progress=quiet))
    operations = rows(database, OPERATIONS)
    take_back(database)
    restore = begin_restore(engine, by="ann", reason="disk lost", takes_two=True, now=NOW)
    engine.dispose()
    yield Lost(database, file, list(requests(plan.steps)), operations, restore)
    postgres.drop("recoveries")


@pytest.fixture
def lost(postgres: PostgresServer, restored: Lost) -> Iterator[Lost]:
    name = "recoveries_of_a_test"
    yield restored._replace(database=postgres.clone(name, template="recoveries"))
    postgres.drop(name)


@pytest.fixture
def engine(lost: Lost) -> Iterator[Engine]:
    opened = open_engine(lost.database)
    yield opened
    opened.dispose()


def quiet(_done: int) -> None:
    """Show no progress."""


def rows(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def take_back(database: str) -> None:
    """The books as a restore to before the first callback leaves them."""
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("operations", "entries", "deliveries"):
            connection.execute(f"DELETE FROM {table} WHERE provider <> 'tieout'".encode())
        connection.execute("DELETE FROM rounds")
        connection.execute("DELETE FROM seals")
        connection.execute(
            "DELETE FROM batches WHERE batch_id NOT IN (SELECT batch_id FROM operations)"
        )
        connection.execute(
            "UPDATE wallets w SET seq = 1, balance = o.balance_after, turnover = 0, day = 0,"
            " day_stake = 0, day_payout = 0"
            " FROM operations o WHERE o.wallet_id = w.wallet_id AND o.wallet_seq = 1"
        )


def accept_again(database: str, callbacks: list[Request]) -> list[Decision]:
    async def accept() -> list[Decision]:
        acceptor = Acceptor(lambda: open_accept_connection(database), during_restore=True)
        try:
            return (await acceptor.accept(callbacks)).decisions
        finally:
            await acceptor.close()

    return asyncio.run(accept())


def book_again(lost: Lost, engine: Engine, operations: LostOperations) -> RecoveryResult:
    """Propose what a sealed day gives back, approve it as another person, and book it."""
    tried = operations.try_out(engine)
    propose_recovery(
        engine,
        lost.restore,
        file=lost.file.name,
        sha256=SHA256,
        callbacks=tried.booked,
        by="ann",
        now=NOW,
    )
    recovery = approve_recovery(engine, lost.restore, sha256=SHA256, by="bob", now=NOW)
    return operations.book(engine, recovery, by="bob", progress=quiet)


def test_what_is_not_proven_or_not_as_it_was_answered_is_refused(
    lost: Lost, engine: Engine
) -> None:
    callbacks = read_sealed_day(lost.file)
    forged, other, corrected, whole = (
        next(c for c in callbacks if c.row.provider == slug)
        for slug in ("sportsbook", "aggregator", "content_hub", "xigs")
    )
    changed = [
        forged._replace(row=forged.row._replace(body=forged.row.body + b" ")),
        other._replace(row=other.row._replace(reply=b'{"error":"Insufficient balance"}')),
        corrected,
        LostCallback(0, whole.row._replace(reply_status=500, reply=b"")),
        whole,
        whole,
    ]
    round_id = next(
        r.fact.round_id
        for r in lost.callbacks
        if isinstance(r.fact, Operation) and r.body == corrected.row.body
    )
    marks = {("content_hub", round_id): "adj-7"}

    tried = LostOperations(changed, decoders(), marks).try_out(engine)

    assert (tried.booked, tried.known, tried.unacknowledged) == (1, 1, 2)
    assert tried.refused == {
        forged.line: "the signature holds under none of today's secrets",
        corrected.line: "its round is corrected by adj-7",
    }
    assert corrected_rounds(engine) == {}


def test_a_rollback_in_a_corrected_round_is_refused_whatever_round_its_bytes_name(
    database: str,
) -> None:
    """It is booked in the round of its original: the correction gave that money back."""
    late = rollback("u1", "b1", round_id="r9")
    before = MemoryLedger()
    reply = before.decide_all(bet("b1", 300, round_id="r1"), late).reply
    row = DeliveryRow(
        *(SLUG, "/callback", None, "", "", repr(late).encode()),
        *(reply.status, reply.body, NOON),
    )
    open_wallets(database, ("ann", 1000))
    accept(database, bet("b1", 300, round_id="r1"))
    opened = open_engine(database)

    tried = LostOperations(
        [LostCallback(1, row)],
        fact_decoders([late], {SLUG: STRICT}),
        {(SLUG, "r1"): "adj-7"},
    ).try_out(opened)
    opened.dispose()

    assert (tried.booked, tried.refused) == (0, {1: "its round is corrected by adj-7"})


def test_a_round_that_was_corrected_before_a_restore_was_begun_again_stays_corrected(
    lost: Lost, engine: Engine
) -> None:
    [player] = rows(lost.database, "SELECT player FROM wallets ORDER BY wallet_id LIMIT 1")
    correction = propose(
        engine,
        player=player[0],
        currency="USD",
        amount=Money(500, "USD"),
        reason="lost",
        by="ann",
        now=lost.restore.begun_at + timedelta(seconds=1),
        within=InRound(provider="sportsbook", round_id="s1", side="payout"),
        exponents=ISO_ONLY,
    )

    begin_restore(engine, by="ann", reason="begun again", takes_two=True, now=NOW)

    assert corrected_rounds(engine) == {("sportsbook", "s1"): correction}


def test_a_sealed_day_gives_back_every_operation_as_it_was(lost: Lost, engine: Engine) -> None:
    operations = LostOperations(read_sealed_day(lost.file), decoders(), {})
    tried = operations.try_out(engine)
    assert rows(lost.database, OPERATIONS) == []
    with pytest.raises(RestoreRefused, match="without --approve first"):
        approve_recovery(engine, lost.restore, sha256=SHA256, by="bob", now=NOW)
    proposed = propose_recovery(
        engine,
        lost.restore,
        file=lost.file.name,
        sha256=SHA256,
        callbacks=tried.booked,
        by="ann",
        now=NOW,
    )
    with pytest.raises(RestoreRefused, match="another person approves"):
        approve_recovery(engine, lost.restore, sha256=SHA256, by="ann", now=NOW)
    recovery = approve_recovery(engine, lost.restore, sha256=SHA256, by="bob", now=NOW)

    booked = operations.book(engine, recovery, by="bob", progress=quiet)

    assert recovery.recovery_id == proposed.recovery_id
    assert booked == tried
    assert booked.refused == {}
    assert rows(lost.database, OPERATIONS) == lost.operations
    again = operations.book(engine, recovery, by="bob", progress=quiet)
    assert (again.booked, again.known) == (0, booked.booked + booked.known)

    replies = {(row[0], row[1]): row[6:] for row in lost.operations}
    repeats = [
        (r, d)
        for r, d in zip(
            lost.callbacks, accept_again(lost.database, lost.callbacks), strict=True
        )
        if d.verdict is Verdict.REPEATED
    ]
    assert len(repeats) >= booked.booked
    for callback, decision in repeats:
        key = callback.provider, getattr(callback.fact, "key", "")
        assert replies[key] == (decision.reply.status, decision.reply.body)
    assert rows(lost.database, OPERATIONS) == lost.operations

    post_all_at(lost.database)
    assert [check.name for check in verify(engine) if check.wrong] == []
    proof = replay(engine, decoders(), announce=lambda _rows: quiet)
    assert proof.is_proven, proof.differences


def test_the_id_that_a_provider_has_leads_to_what_was_booked_again(
    lost: Lost, engine: Engine
) -> None:
    book_again(lost, engine, LostOperations(read_sealed_day(lost.file), decoders(), {}))
    [first, *_] = rows(
        lost.database, "SELECT subject FROM audit WHERE action = 'operation.recovered'"
    )
    with engine.connect() as connection:
        loss = loss_of(connection, transaction_position(first[0]))
    assert loss is not None
    assert loss.recovered_as == f"{first[0]}-{lost.restore.epoch}"
    assert f"booked again as {loss.recovered_as}" in loss.text


def test_the_database_takes_no_second_step_by_the_same_person(lost: Lost) -> None:
    row = (
        "'rec-' || repeat('a', 32), (SELECT max(epoch) FROM restores), 'f', repeat('c', 64), 1"
    )
    statement = (
        f"INSERT INTO recoveries VALUES ({row}, 'ann', now(), 'proposed');"
        " UPDATE recoveries SET state = 'approved', decided_by = 'ann', decided_at = now()"
        " WHERE state = 'proposed'"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="recoveries_four_eyes"):
        rows(lost.database, statement)


def test_a_file_that_was_changed_is_no_source(lost: Lost, tmp_path: Path) -> None:
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(
        lost.file.read_bytes().replace(b'"reply_status":200', b'"reply_status":201', 1)
    )
    with pytest.raises(Malformed, match="its seal is expected to hold"):
        read_sealed_day(changed)
