"""Heartbeats of processes: signed on, signed off, and what killed processes left behind."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ops.metrics.queues import state_samples
from storage.broker.redis import open_broker
from storage.engine import open_engine
from storage.queue.liveness import (
    ProcessIdentity,
    claim_canary,
    register,
    remove_heartbeat,
)
from storage.queue.state import read_state
from workers.canary import send_canaries

_KILLED = """
INSERT INTO worker_heartbeats (worker, role, host, pid, version, started_at, seen_at)
VALUES (%s, 'worker', 'h', 1, '0', now(), clock_timestamp() - cast(%s AS interval))
"""
STARTED = ProcessIdentity(
    name="h:2:new",
    role="worker",
    host="h",
    pid=2,
    version="1",
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def test_a_process_that_starts_removes_what_was_killed_days_ago_and_nothing_newer(
    database: str,
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_KILLED, ["days ago", "3 days"])
        connection.execute(_KILLED, ["an hour ago", "1 hour"])
    engine = open_engine(database)

    register(engine, STARTED)

    workers = [process.worker for process in read_state(engine).workers]
    assert sorted(workers) == ["an hour ago", STARTED.name]
    engine.dispose()


def test_a_process_that_stops_in_an_orderly_way_takes_only_its_own_heartbeat_away(
    database: str,
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_KILLED, ["an hour ago", "1 hour"])
    engine = open_engine(database)
    register(engine, STARTED)

    remove_heartbeat(engine, STARTED)

    assert [process.worker for process in read_state(engine).workers] == ["an hour ago"]
    engine.dispose()


def test_a_canary_that_the_broker_did_not_take_is_sent_again_at_once(database: str) -> None:
    engine, away = open_engine(database), open_broker("redis://127.0.0.1:1/0", [])
    for _ in range(3):
        send_canaries(engine, away, every=timedelta(hours=1), queues=["post"])
    with psycopg.connect(database) as connection:
        numbers = connection.execute("SELECT number FROM canaries").fetchall()
    engine.dispose()

    assert numbers == [(3,)]


def test_a_queue_from_which_no_canary_ever_came_is_silent_since_the_first(
    database: str,
) -> None:
    engine, every = open_engine(database), timedelta(0)
    assert claim_canary(engine, "post", every=every, lost_after=every) == 1
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE canaries SET sent_at = sent_at - interval '5 minutes',"
            " passed_at = passed_at - interval '5 minutes'"
        )

    assert claim_canary(engine, "post", every=every, lost_after=every) == 2

    state = read_state(engine)
    ages = [s.value for s in state_samples(state) if s.name == "tieout_canary_age_seconds"]
    engine.dispose()
    assert state.canaries[0].passed_s is None
    assert ages == [pytest.approx(300, abs=60)]
