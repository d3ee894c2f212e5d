"""Operator stories: a poison batch, a broker outage, a paused queue, a killed broker."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from ops.commands.daemons.console import open_console
from tests.conftest import PostgresServer, stopped_with_this_process
from tests.harness.servers.console import PageClient, Reply, serving
from tests.harness.servers.receiver import wait_until
from tests.harness.servers.worker_stack import ORDER, RestartableBroker, WorkerStack

_WAITING_ACTIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
   AND query LIKE '%INSERT INTO audit%'
"""
_DONE = """
SELECT action, subject, count(*) FROM audit
 WHERE actor = 'jonas' AND action LIKE 'queue.%' GROUP BY 1, 2 ORDER BY 1, 2
"""
DAY = "/days/sport/2026-06-04"


class QueueStack:
    """One worker and one scheduler for all stories; each story leaves them healthy."""

    def __init__(self, env: WorkerStack, broker: RestartableBroker) -> None:
        self.env = env
        self.broker = broker
        self.worker = env.worker()
        self.scheduler = env.start("scheduler")


@pytest.fixture(scope="module")
def stack(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueueStack]:
    folder = tmp_path_factory.mktemp("story")
    postgres.clone("queue_story")
    with stopped_with_this_process(folder / "broker"):
        broker = RestartableBroker(folder / "broker")
        env = WorkerStack(postgres.url("queue_story"), broker.url, folder)
        env.books.player("42", "bad")
        running = QueueStack(env, broker)
        try:
            assert wait_until(env.is_healthy), running.worker.log() + running.scheduler.log()
            yield running
        finally:
            env.close()
    postgres.drop("queue_story")


def test_an_operator_finds_repairs_and_requeues_a_poison_batch(stack: QueueStack) -> None:
    env, worker, scheduler = stack.env, stack.worker, stack.scheduler

    # One batch violates an invariant; the batches around it are posted.
    env.block_entries("bad")
    poison, neighbour = env.bet("bad", "OP-1"), env.bet("42", "OP-2")
    env.notify_workers()
    assert wait_until(lambda: env.is_posted(neighbour)), worker.log()
    assert wait_until(lambda: env.books.rows("SELECT count(*) FROM parked") == [(1,)])

    # The operator sees the cause.
    code, status = env.status()
    (cause,) = status["parked"]
    assert (code, cause["job"], cause["cause"]) == (1, "post.v1", "nothing_for_them")
    assert any("nothing_for_them" in finding for finding in status["findings"])
    assert '"work_parked"' in worker.log() + scheduler.log()
    listing = env.queue("parked", "--cause", cause["fingerprint"], "--json")
    (item,) = json.loads(listing.stdout)
    assert listing.returncode == 1
    assert item["subject"] == f"batch {poison}"
    assert item["context"]["sqlstate"] == "23514"
    assert [o["op_key"] for o in item["context"]["operations"]] == ["OP-1"]
    assert item["context"].keys() >= {"batch", "constraint", "first_row", "version", "schema"}

    # Accepted money cannot be discarded, and every change needs a name and a reason.
    refused = env.queue("discard", *ORDER)
    assert refused.returncode == 1
    assert "must be booked" in refused.stderr
    unsigned = env.queue("requeue", "--by", "nora")
    assert unsigned.returncode == 2
    assert "--why" in unsigned.stderr
    dry_run = env.queue("requeue", "--dry-run", "--json")
    assert json.loads(dry_run.stdout)["subjects"] == [f"batch {poison}"]
    assert env.audit() == []

    # After the repair the requeued batch is posted and the stack is healthy.
    env.unblock_entries()
    requeued = env.queue("requeue", "--cause", cause["fingerprint"], *ORDER)
    assert (requeued.returncode, requeued.stdout.splitlines()[0]) == (0, "1 requeued")
    assert wait_until(lambda: env.is_posted(poison)), worker.log()
    assert wait_until(env.is_healthy), env.findings()
    assert env.audit() == [("nora", "queue.requeued", f"batch {poison}")]
    assert env.books.failed_checks() == []


def test_an_operator_sees_a_broker_outage_and_its_end(stack: QueueStack) -> None:
    env, broker = stack.env, stack.broker
    broker.stop()
    batch = env.bet("42", "OUT-1")
    code, status = env.status()

    assert code == 3
    assert status["down"] == ["the broker is out of reach: ConnectionError"]
    assert (status["queues"]["post"]["waiting"], status["parked"]) == (None, [])
    assert status["unposted"]["rows"] in {0, 1}  # the sweeper may already have posted it
    assert {worker["role"] for worker in status["workers"]} == {"worker", "scheduler"}
    passed = {queue: env.canary(queue) for queue in ("post", "ingest")}

    broker.start()
    assert wait_until(lambda: env.is_posted(batch)), stack.scheduler.log()
    for queue, number in passed.items():  # the real queues make progress
        assert wait_until(lambda q=queue, n=number: env.canary(q) > n), stack.worker.log()  # type: ignore[misc]
    assert wait_until(env.is_healthy), env.findings()
    assert env.books.failed_checks() == []


def test_pausing_and_resuming_a_queue_loses_nothing(stack: QueueStack) -> None:
    env, worker = stack.env, stack.worker
    audit_rows = len(env.audit())
    retried = worker.log().count("job_retried")
    paused = env.queue("pause", "post", *ORDER)
    assert paused.returncode == 0
    assert wait_until(lambda: worker.has_logged('"queue_paused"')), worker.log()
    batch = env.bet("42", "PAUSE-1")
    env.push("r1")
    env.notify_workers()
    assert wait_until(lambda: env.is_ingested("r1")), worker.log()  # the other queue continues
    code, status = env.status()
    assert code == 1
    assert status["findings"] == ["queue post is paused by nora: the tests said so"]
    assert status["queues"]["post"]["paused"]["by"] == "nora"
    assert status["queues"]["post"]["waiting"] >= 1
    assert status["unposted"]["rows"] == 1

    # A new worker applies the pause as well.
    assert worker.terminate() == 0
    second = env.worker()
    assert wait_until(lambda: second.has_logged('"queue_paused"')), second.log()
    env.push("r2")
    env.notify_workers()
    assert wait_until(lambda: env.is_ingested("r2")), second.log()
    assert not env.is_posted(batch)

    resumed = env.queue("resume", "post", *ORDER)
    assert resumed.returncode == 0
    assert wait_until(lambda: env.is_posted(batch)), second.log()
    assert wait_until(env.is_healthy), env.findings()
    assert (worker.log() + second.log()).count("job_retried") == retried
    assert [row[1] for row in env.audit()[audit_rows:]] == ["queue.paused", "queue.resumed"]
    assert env.books.failed_checks() == []


def test_the_console_acts_once_though_the_broker_is_killed_before_or_amid(
    stack: QueueStack,
) -> None:
    env, broker = stack.env, stack.broker
    parked = {name: env.park(name) for name in ("k1", "k2", "k3", "k4")}
    with serving(open_console(env.context())) as site:
        jonas = site.browser_of("jonas")

        # Before: the console needs no broker for what people decide.
        broker.kill()
        before = [
            form_of(jonas, "/ops/queues/post", "/ops/queues/post/pause"),
            decision(jonas, "requeue", parked["k1"]),
            decision(jonas, "discard", parked["k2"]),
            form_of(jonas, DAY, f"{DAY}/run"),
        ]
        sent = [send() for send in before]
        batch = env.bet("42", "KILL-1")
        shown = jonas.get("/ops").shown()
        assert wait_until(lambda: env.books.rows("SELECT state FROM jobs") == [("done",)])
        broker.start()

        amid = [
            form_of(jonas, "/ops/queues/post", "/ops/queues/post/resume"),
            decision(jonas, "requeue", parked["k3"]),
            decision(jonas, "discard", parked["k4"]),
        ]
        sent += sent_as_broker_dies(stack, amid)
        again = [send() for send in (*before[:3], *amid)]
        broker.start()

    assert [reply.status for reply in sent] == [303] * 7
    assert "Messages in the broker cannot be seen" in shown
    # The queue works again, so its pause of before is another decision; the rest is stale.
    assert [reply.status for reply in again] == [303, 409, 409, 303, 409, 409]
    assert wait_until(lambda: env.is_posted(batch)), stack.scheduler.log()
    assert wait_until(lambda: env.is_ingested("k1") and env.is_ingested("k3"))
    assert wait_until(env.is_healthy), env.findings()
    assert env.books.rows(_DONE) == [
        *(("queue.discarded", parked[name], 1) for name in ("k2", "k4")),
        ("queue.paused", "queue post", 2),
        *(("queue.requeued", parked[name], 1) for name in ("k1", "k3")),
        ("queue.resumed", "queue post", 2),
    ]
    assert env.books.rows("SELECT count(*) FROM jobs") == [(1,)]
    assert env.books.rows("SELECT count(*) FROM feed_records WHERE record_id ~ '^k'") == [(2,)]
    assert env.books.failed_checks() == []


def sent_as_broker_dies(
    stack: QueueStack, actions: Sequence[Callable[[], Reply]]
) -> list[Reply]:
    """The replies to actions that wait for their row of the audit trail as the broker dies."""
    rows = stack.env.books.rows
    with ThreadPoolExecutor(len(actions)) as pool:
        with psycopg.connect(stack.env.books.url) as lock:
            lock.execute("LOCK TABLE audit IN SHARE MODE")
            waiting = [pool.submit(send) for send in actions]
            assert wait_until(lambda: rows(_WAITING_ACTIONS) == [(len(actions),)])
            stack.broker.kill()
            lock.rollback()
        return [request.result() for request in waiting]


def form_of(client: PageClient, page: str, action: str, **fields: str) -> Callable[[], Reply]:
    """A form of a page as it is now, which may be sent again and again."""
    opened = client.get(page)
    names = ("form_token", "version", "seen", "request_key", "subject")
    hidden = {name: opened.field(name) for name in names if f'name="{name}"' in opened.text}
    return lambda: client.post(action, {**hidden, "reason": "a test", **fields})


def decision(client: PageClient, action: str, subject: str) -> Callable[[], Reply]:
    """The form that requeues or discards one piece of parked work."""
    address = f"/ops/parked/{action}"
    return form_of(client, f"{address}?subject={subject.replace(' ', '+')}", address)
