"""What an operator may decide about parked work and queues, and what nobody may."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from storage.engine import open_engine
from storage.queue.commands import (
    OperatorDecision,
    ParkedFilter,
    discard,
    parked_items,
    pause,
    requeue,
    resume,
)
from storage.queue.liveness import claim_canary, paused_queues, record_canary_arrival
from storage.queue.parking import park
from storage.queue.state import read_state
from tests.harness.servers.receiver import LedgerDatabase
from vocabulary.errors import Contradiction, Unavailable

NORA = OperatorDecision(actor="nora", reason="because")
ALL = ParkedFilter()
EVERY, LOST = timedelta(0), timedelta(hours=1)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


@pytest.fixture
def books(database: str) -> Iterator[LedgerDatabase]:
    opened = LedgerDatabase(database)
    yield opened
    opened.close()


def put(engine: Engine, job: str, *subjects: str, why: str = "the secret was retired") -> None:
    with engine.begin() as connection:
        for subject in subjects:
            park(connection, job=job, subject=subject, error=Contradiction(why))


def batch(books: LedgerDatabase) -> int:
    """A batch that is parked, without its reason."""
    books.run("INSERT INTO batches (operations, parked_at) VALUES (0, clock_timestamp())")
    ((found,),) = books.rows("SELECT max(batch_id) FROM batches")
    return int(found)


def subjects(engine: Engine, chosen: ParkedFilter) -> list[str]:
    return [item.subject for item in parked_items(engine, chosen)]


def test_parked_work_is_chosen_by_job_cause_fingerprint_subject_and_age(
    engine: Engine, books: LedgerDatabase
) -> None:
    put(engine, "ingest.v1", "delivery 1", "delivery 2")
    put(engine, "daily", "slot 7", why="something else")
    books.run(
        "UPDATE parked SET parked_at = parked_at - interval '2 h' WHERE subject = 'slot 7'"
    )
    prints = {item.job: item.fingerprint for item in parked_items(engine, ALL)}

    assert subjects(engine, ALL) == ["slot 7", "delivery 1", "delivery 2"]
    assert subjects(engine, ParkedFilter(job="daily")) == ["slot 7"]
    assert subjects(engine, ParkedFilter(cause=prints["daily"])) == ["slot 7"]
    assert len(subjects(engine, ParkedFilter(cause="Contradiction"))) == 3
    assert subjects(engine, ParkedFilter(subject="delivery 2")) == ["delivery 2"]
    assert subjects(engine, ParkedFilter(older_than=timedelta(hours=1))) == ["slot 7"]
    assert subjects(engine, ParkedFilter(job="nobody")) == []


def test_equal_failures_share_a_fingerprint_and_a_repeat_is_counted(engine: Engine) -> None:
    put(engine, "ingest.v1", "delivery 1", "delivery 2", "delivery 2")
    put(engine, "daily", "slot 7")

    groups = {(c.job, c.count, c.times) for c in read_state(engine).parked}

    assert groups == {("ingest.v1", 2, 3), ("daily", 1, 1)}


def test_requeued_work_is_found_again_and_the_audit_trail_says_who_and_why(
    engine: Engine, books: LedgerDatabase
) -> None:
    number = batch(books)
    put(engine, "post.v1", f"batch {number}")
    books.run("INSERT INTO job_runs (job, slot, done_at) VALUES ('daily', '7', now())")
    put(engine, "daily", "slot 7")

    done = requeue(engine, ALL, NORA)

    assert [item.subject for item in done] == [f"batch {number}", "slot 7"]
    assert books.rows("SELECT count(*) FROM parked") == [(0,)]
    assert books.rows("SELECT parked_at FROM batches") == [(None,)]
    assert books.rows("SELECT done_at, lease_until <= clock_timestamp() FROM job_runs") == [
        (None, True)
    ]
    audit = (
        "SELECT actor, action, subject, detail ->> 'why' FROM audit"
        " WHERE action <> 'players.imported' ORDER BY audit_id"
    )
    assert books.rows(audit) == [
        ("nora", "queue.requeued", f"batch {number}", "because"),
        ("nora", "queue.requeued", "slot 7", "because"),
    ]


def test_money_that_was_accepted_is_never_discarded_not_even_among_other_things(
    engine: Engine, books: LedgerDatabase
) -> None:
    number = batch(books)
    put(engine, "post.v1", f"batch {number}")
    put(engine, "ingest.v1", "delivery 1")

    with pytest.raises(Contradiction, match=f"1 of 2 .*batch {number}.* cannot be discarded"):
        discard(engine, ALL, NORA)

    assert len(subjects(engine, ALL)) == 2
    assert books.rows("SELECT count(*) FROM audit WHERE action <> 'players.imported'") == [(0,)]


def test_the_database_itself_keeps_the_reason_of_a_parked_batch(
    engine: Engine, books: LedgerDatabase
) -> None:
    number = batch(books)
    put(engine, "post.v1", f"batch {number}")

    with pytest.raises(psycopg.errors.RestrictViolation, match="it must be booked"):
        books.run("DELETE FROM parked")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        books.run("TRUNCATE parked")


def test_history_may_be_discarded_and_the_audit_trail_keeps_all_of_it(
    engine: Engine, books: LedgerDatabase
) -> None:
    put(engine, "ingest.v1", "delivery 1", "delivery 2")

    done = discard(engine, ParkedFilter(subject="delivery 1"), NORA)

    assert [item.subject for item in done] == ["delivery 1"]
    assert subjects(engine, ALL) == ["delivery 2"]
    ((action, detail),) = books.rows(
        "SELECT action, detail FROM audit WHERE action <> 'players.imported'"
    )
    assert action == "queue.discarded"
    assert detail["detail"] == "the secret was retired"


def test_pausing_and_resuming_twice_is_once(engine: Engine, books: LedgerDatabase) -> None:
    changed = [pause(engine, "post", NORA), pause(engine, "post", NORA)]
    paused = paused_queues(engine)
    back = [resume(engine, "post", NORA), resume(engine, "post", NORA)]

    assert (changed, set(paused), back) == ([True, False], {"post"}, [True, False])
    assert paused_queues(engine) == frozenset()
    actions = books.rows(
        "SELECT action, subject FROM audit WHERE action <> 'players.imported' ORDER BY audit_id"
    )
    assert actions == [("queue.paused", "queue post"), ("queue.resumed", "queue post")]


def test_a_canary_is_sent_by_one_of_many_and_not_before_the_last_came_out(
    engine: Engine,
) -> None:
    first = [claim_canary(engine, "post", every=EVERY, lost_after=LOST) for _ in range(3)]
    record_canary_arrival(engine, "post", 1, worker="worker")
    second = claim_canary(engine, "post", every=EVERY, lost_after=LOST)
    given_up = claim_canary(engine, "post", every=EVERY, lost_after=timedelta(0))
    record_canary_arrival(engine, "post", 2, worker="worker")  # late is as good
    record_canary_arrival(
        engine, "post", 99, worker="worker"
    )  # of a database that was restored, say

    (canary,) = read_state(engine).canaries
    assert (first, second, given_up) == ([1, None, None], 2, 3)
    assert (canary.missing, canary.passed_by) == (1, "worker")


def test_without_a_database_every_order_is_an_outage() -> None:
    nowhere = open_engine("postgresql://tieout@/tieout?host=/nowhere")

    for order in (parked_items,):
        with pytest.raises(Unavailable, match="out of reach"):
            order(nowhere, ALL)
    for decision in (requeue, discard):
        with pytest.raises(Unavailable, match="out of reach"):
            decision(nowhere, ALL, NORA)
    for switch in (pause, resume):
        with pytest.raises(Unavailable, match="out of reach"):
            switch(nowhere, "post", NORA)
    with pytest.raises(Unavailable, match="out of reach"):
        read_state(nowhere)
