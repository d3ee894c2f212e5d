"""An operator's days: a poison batch, a broker outage, a paused queue."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import TEMPLATE, PostgresServer, leashed
from tests.harness.servers.queues import ORDER, Broker, Place
from tests.harness.servers.receiver import until


class Stack:
    """One worker and one scheduler for all the stories, with all well before each."""

    def __init__(self, place: Place, broker: Broker) -> None:
        self.place = place
        self.broker = broker
        self.worker = place.worker()
        self.scheduler = place.start("scheduler")


@pytest.fixture(scope="module")
def stack(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("story")
    postgres.execute(f"CREATE DATABASE queue_story TEMPLATE {TEMPLATE}")
    with leashed(folder / "broker"):
        broker = Broker(folder / "broker")
        place = Place(postgres.url("queue_story"), broker.url, folder)
        place.books.player("42", "bad")
        made = Stack(place, broker)
        try:
            assert until(place.is_well), made.worker.log() + made.scheduler.log()
            yield made
        finally:
            place.end()
    postgres.execute("DROP DATABASE queue_story WITH (FORCE)")


def test_an_operator_finds_repairs_and_requeues_a_poison_batch(stack: Stack) -> None:
    place, worker, scheduler = stack.place, stack.worker, stack.scheduler

    # It happens: one batch breaks an invariant, the ones around it are posted.
    place.forbid("bad")
    poison, neighbour = place.bet("bad", "OP-1"), place.bet("42", "OP-2")
    place.ask()
    assert until(lambda: place.is_posted(neighbour)), worker.log()
    assert until(lambda: place.books.rows("SELECT count(*) FROM parked") == [(1,)])

    # The operator sees it.
    code, seen = place.status()
    (cause,) = seen["parked"]
    assert (code, cause["job"], cause["cause"]) == (1, "post.v1", "nothing_for_them")
    assert any("nothing_for_them" in sentence for sentence in seen["findings"])
    assert '"work_parked"' in worker.log() + scheduler.log()
    looked = place.queue("parked", "--cause", cause["fingerprint"], "--json")
    (item,) = json.loads(looked.stdout)
    assert looked.returncode == 1
    assert item["subject"] == f"batch {poison}"
    assert item["context"]["sqlstate"] == "23514"
    assert [o["op_key"] for o in item["context"]["operations"]] == ["OP-1"]
    assert item["context"].keys() >= {"batch", "constraint", "first_row", "version", "schema"}

    # Money that was accepted cannot be discarded; nothing is done without a name and a reason.
    refused = place.queue("discard", *ORDER)
    assert refused.returncode == 1
    assert "must be booked" in refused.stderr
    unsigned = place.queue("requeue", "--by", "nora")
    assert unsigned.returncode == 2
    assert "--why" in unsigned.stderr
    tried = place.queue("requeue", "--dry-run", "--json")
    assert json.loads(tried.stdout)["subjects"] == [f"batch {poison}"]
    assert place.audit() == []

    # Repaired and requeued, it is booked, and all is well.
    place.allow()
    done = place.queue("requeue", "--cause", cause["fingerprint"], *ORDER)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 requeued")
    assert until(lambda: place.is_posted(poison)), worker.log()
    assert until(place.is_well), place.findings()
    assert place.audit() == [("nora", "queue.requeued", f"batch {poison}")]
    assert place.books.wrong() == []


def test_an_operator_sees_a_broker_outage_and_that_it_is_over(stack: Stack) -> None:
    place, broker = stack.place, stack.broker
    broker.stop()
    batch = place.bet("42", "OUT-1")
    code, seen = place.status()

    assert code == 3
    assert seen["down"] == ["the broker is out of reach: ConnectionError"]
    assert (seen["queues"]["post"]["waiting"], seen["parked"]) == (None, [])
    assert seen["unposted"]["rows"] in {0, 1}  # the sweeper may have been quick
    assert {worker["role"] for worker in seen["workers"]} == {"worker", "scheduler"}
    passed = {queue: place.canary(queue) for queue in ("post", "ingest")}

    broker.start()
    assert until(lambda: place.is_posted(batch)), stack.scheduler.log()
    for queue, number in passed.items():  # progress, through the real queues
        assert until(lambda q=queue, n=number: place.canary(q) > n), stack.worker.log()  # type: ignore[misc]
    assert until(place.is_well), place.findings()
    assert place.books.wrong() == []


def test_an_operator_pauses_a_queue_and_resumes_it_and_nothing_is_lost(stack: Stack) -> None:
    place, worker = stack.place, stack.worker
    audited = len(place.audit())
    retried = worker.log().count("job_retried")
    paused = place.queue("pause", "post", *ORDER)
    assert paused.returncode == 0
    assert until(lambda: worker.said('"queue_paused"')), worker.log()
    batch = place.bet("42", "PAUSE-1")
    place.pushed("r1")
    place.ask()
    assert until(lambda: place.is_ingested("r1")), worker.log()  # the other queue goes on
    code, seen = place.status()
    assert code == 1
    assert seen["findings"] == ["queue post is paused by nora: the tests said so"]
    assert seen["queues"]["post"]["paused"]["by"] == "nora"
    assert seen["queues"]["post"]["waiting"] >= 1
    assert seen["unposted"]["rows"] == 1

    # A new worker obeys as well.
    assert worker.terminate() == 0
    second = place.worker()
    assert until(lambda: second.said('"queue_paused"')), second.log()
    place.pushed("r2")
    place.ask()
    assert until(lambda: place.is_ingested("r2")), second.log()
    assert not place.is_posted(batch)

    resumed = place.queue("resume", "post", *ORDER)
    assert resumed.returncode == 0
    assert until(lambda: place.is_posted(batch)), second.log()
    assert until(place.is_well), place.findings()
    assert (worker.log() + second.log()).count("job_retried") == retried
    assert [row[1] for row in place.audit()[audited:]] == ["queue.paused", "queue.resumed"]
    assert place.books.wrong() == []
