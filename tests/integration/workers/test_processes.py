"""Worker and scheduler processes with a real broker that may lose everything."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from storage.broker.redis import ingest_message, open_broker, post_message
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import LedgerDatabase, TieoutProcess, wait_until
from tests.harness.servers.systemd import Systemd

UNPOSTED = "SELECT count(*) FROM batches WHERE posted_at IS NULL"
UNINGESTED = (
    "SELECT count(*) FROM deliveries WHERE verdict = 'recorded' AND ingested_at IS NULL"
)
WRITTEN = (
    "SELECT (SELECT count(*) FROM entries), (SELECT sum(stake) FROM rounds),"
    " (SELECT count(*) FROM feed_versions), (SELECT max(posted_at) FROM batches)"
)


class WorkerProcesses:
    """A database with work, a broker, and processes that are always killed."""

    def __init__(self, database: str, broker: str, folder: Path) -> None:
        self.books = LedgerDatabase(database)
        self.providers = providers(folder)
        self.broker = broker
        self.folder = folder
        self.running: list[TieoutProcess] = []

    def start(self, *arguments: str, broker: str | None = None) -> TieoutProcess:
        url = broker or self.broker
        process = TieoutProcess(self.folder, self.books.url, url, *arguments)
        self.running.append(process)
        return process

    def worker(self) -> TieoutProcess:
        return self.start("worker", "--processes", "1", "--threads", "2")

    def accept_bets(self, *keys: str) -> list[int]:
        """Accept bets, each in its own batch."""
        sport = self.providers["sport"]
        return [
            batch
            for key in keys
            for batch in commit(self.books.url, sport, [bet("42", key)]).batches
        ]

    def push(self, record: str, payout: int, updated: str) -> None:
        callback = history(record, payout=payout, updated=updated)
        commit(self.books.url, self.providers["games"], [callback])

    def is_done(self) -> bool:
        return self.books.rows(UNPOSTED) == [(0,)] and self.books.rows(UNINGESTED) == [(0,)]

    def is_idle(self) -> bool:
        """Whether no message waits or is being processed."""
        client = redis.Redis.from_url(self.broker)
        queues = [client.hlen(f"dramatiq:{queue}.msgs") for queue in ("post", "ingest")]
        client.close()
        return queues == [0, 0]


@pytest.fixture
def env(database: str, broker_url: str, tmp_path: Path) -> Iterator[WorkerProcesses]:
    opened = WorkerProcesses(database, broker_url, tmp_path)
    opened.books.player("42")
    yield opened
    for process in opened.running:
        process.kill()
    opened.books.close()


def test_a_worker_posts_and_ingests_ignores_repeats_and_stops_cleanly(
    env: WorkerProcesses,
) -> None:
    batches = env.accept_bets("OP-1", "OP-2", "OP-3")
    env.push("r1", 30, "10:30:00")
    env.push("r1", 20, "09:30:00")
    broker = open_broker(env.broker, [])
    worker = env.worker()
    broker.enqueue(post_message(batches))
    broker.enqueue(ingest_message())
    assert wait_until(env.is_done), worker.log()
    written = env.books.rows(WRITTEN)

    for _ in range(50):
        broker.enqueue(post_message(batches))
        broker.enqueue(ingest_message())
    assert wait_until(env.is_idle), worker.log()
    code = worker.terminate()

    assert code == 0
    assert written[0][:3] == (8, 300, 2)
    assert env.books.rows(WRITTEN) == written
    assert env.books.rows("SELECT payout FROM feed_records") == [(3000,)]
    assert env.books.failed_checks() == []
    assert "Traceback" not in worker.log()


def test_a_message_for_an_unknown_actor_does_not_stop_others(env: WorkerProcesses) -> None:
    broker = open_broker(env.broker, [])
    worker = env.worker()
    broker.enqueue(post_message([]).copy(actor_name="post.v0"))
    broker.enqueue(post_message(env.accept_bets("OP-1")))

    assert wait_until(env.is_done), worker.log()
    assert worker.terminate() == 0


def test_a_flushed_broker_loses_no_work_and_systemd_is_told(
    env: WorkerProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.accept_bets("OP-1", "OP-2")
    env.push("r1", 30, "10:30:00")
    broker = open_broker(env.broker, [])
    broker.enqueue(post_message(env.accept_bets("OP-3")))
    client = redis.Redis.from_url(env.broker)
    client.flushall()
    client.close()

    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    manager = {name: Systemd(str(env.folder / name)) for name in ("worker", "scheduler")}
    monkeypatch.setenv("NOTIFY_SOCKET", str(env.folder / "worker"))
    worker = env.worker()
    monkeypatch.setenv("NOTIFY_SOCKET", str(env.folder / "scheduler"))
    scheduler = env.start("scheduler")

    assert wait_until(env.is_done), scheduler.log() + worker.log()
    # The scheduler sends messages; on a slow machine it also does some of the work itself.
    assert '"job_done"' in worker.log() or "sweep_posts" in scheduler.log()
    assert [scheduler.terminate(), worker.terminate()] == [0, 0]
    assert env.books.failed_checks() == []
    for name, process in {"worker": worker, "scheduler": scheduler}.items():
        lines = [json.loads(line) for line in process.log().splitlines()]
        assert {line["role"] for line in lines} == {name}
        assert all(line["source"] and line["process"] and line["host"] for line in lines)
        states = manager[name].states()
        assert states[0] == "READY=1"
        assert set(states[1:]) <= {"WATCHDOG=1"}
        manager[name].close()


def test_without_a_broker_the_scheduler_does_the_work_itself(
    env: WorkerProcesses,
) -> None:
    env.accept_bets("OP-1")
    env.push("r1", 30, "10:30:00")
    env.books.rewrite("UPDATE batches SET committed_at = committed_at - interval '4 s'")
    env.books.rewrite("UPDATE deliveries SET received_at = received_at - interval '4 s'")
    scheduler = env.start("scheduler", broker="unix:///nowhere/valkey.sock?db=0")

    assert wait_until(env.is_done), scheduler.log()
    assert "sweep_notify_failed" in scheduler.log()
    assert "sweep_posts" in scheduler.log()
    assert scheduler.terminate() == 0
    assert env.books.failed_checks() == []


def test_a_scheduler_without_a_database_waits_for_it(env: WorkerProcesses) -> None:
    nowhere = "postgresql://tieout@/tieout?host=/nowhere"
    scheduler = TieoutProcess(env.folder, nowhere, env.broker, "scheduler")
    env.running.append(scheduler)

    assert wait_until(lambda: scheduler.log().count("job_unavailable") >= 2), scheduler.log()
    assert scheduler.terminate() == 0
    assert "Traceback" not in scheduler.log()


def test_a_callback_accepted_by_a_receiver_is_posted_by_a_worker(
    env: WorkerProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = env.worker()
    systemd = Systemd(str(env.folder / "receiver"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(env.folder / "receiver"))
    process = harness.receivers(env.folder, env.books.url, env.broker)
    with process as (client, (receiver,)):
        bet_reply = client.post("sport", bet("42", "OP-1"))
        history_reply = client.post("games", history("r1", payout=30, updated="10:30:00"))
        is_done = wait_until(env.is_done)
        code = receiver.terminate()

    assert systemd.states() == ["READY=1"]
    systemd.close()
    assert (bet_reply.status, history_reply.status) == (200, 200)
    assert is_done, worker.log()
    assert code == 0
    assert env.books.rows("SELECT payout FROM feed_records") == [(3000,)]
