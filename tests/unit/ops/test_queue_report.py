"""What an operator is told about the queues: every finding a sentence, nothing invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.pipeline.queue_report import QueueLimits, QueueSnapshot, document, findings, metrics
from storage.broker.depth import QueueDepth
from storage.queue.state import Canary, ParkedCause, Pause, QueueState, WaitingWork
from storage.queue.state import ProcessState as SeenWorker

NOW = datetime(2026, 6, 4, 9, tzinfo=UTC)
LIMITS = QueueLimits(oldest_s=60, canary_s=60, worker_s=60)
NOTHING = WaitingWork(rows=0, items=0, oldest_s=0.0)
IDLE = QueueDepth(waiting=0, in_flight=0, delayed=0, dead_letters=0, oldest_at=None)


def canary(queue: str, passed_s: float | None = 1.0) -> Canary:
    return Canary(queue=queue, missing=0, passed_s=passed_s, asked_s=1.0, passed_by="w")


def process(role: str, seen_s: float = 1.0) -> SeenWorker:
    return SeenWorker(
        worker=f"{role}-1", role=role, host="h", pid=7, version="1", seen_s=seen_s
    )


WELL = QueueState(
    unposted=NOTHING,
    uningested=NOTHING,
    unrecalled=NOTHING,
    parked=(),
    paused=(),
    canaries=(canary("post"), canary("ingest")),
    workers=(process("worker"), process("scheduler")),
    overdue=(),
)
OLD = WaitingWork(rows=2, items=9, oldest_s=61.0)
PARKED = ParkedCause(
    fingerprint="f00", job="post.v1", cause="entries_pkey", count=2, times=3, oldest_s=5.0,
    example="batch 7",
)  # fmt: skip
PAUSED = Pause(queue="post", paused_at=NOW, paused_by="nora", why="a repair")


def snapshot(state: QueueState | None = WELL, **depths: QueueDepth) -> QueueSnapshot:
    by_queue = {"post": IDLE, "ingest": IDLE} | depths
    return QueueSnapshot(
        state=state, depths=by_queue, down=(), queues=("post", "ingest"), read_at=NOW
    )


def test_a_healthy_snapshot_has_no_findings() -> None:
    report = document(snapshot(), LIMITS)

    assert findings(snapshot(), LIMITS) == []
    assert (report["ok"], report["findings"]) == (True, [])


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (replace(WELL, unposted=OLD), "the oldest batch that is not posted is 61 s old"),
        (
            replace(WELL, uningested=OLD),
            "the oldest history record that is not taken in is 61 s old",
        ),
        (
            replace(WELL, unrecalled=OLD),
            "the oldest demand for archived rows that is not met is 61 s old",
        ),
        (
            replace(WELL, parked=(PARKED,)),
            "2 parked by post.v1 for entries_pkey (f00, first: batch 7)",
        ),
        (replace(WELL, paused=(PAUSED,)), "queue post is paused by nora: a repair"),
        (
            replace(WELL, canaries=(canary("post", 61), canary("ingest"))),
            "the last canary came out of queue post 61 s ago",
        ),
        (
            replace(WELL, canaries=(canary("post", None), canary("ingest"))),
            "no canary has come out of queue post yet",
        ),
        (
            replace(WELL, canaries=(canary("post"),)),
            "no canary has come out of queue ingest yet",
        ),
        (replace(WELL, workers=(process("scheduler"),)), "no worker has been seen"),
        (replace(WELL, workers=(process("worker"),)), "no scheduler has been seen"),
        (
            replace(WELL, workers=(*WELL.workers, process("worker", 61))),
            "worker worker-1 has shown no progress for 61 s",
        ),
        (
            replace(WELL, overdue=(("daily", "7", 2),)),
            "job daily was begun for slot 7 and not completed (attempt 2)",
        ),
    ],
)
def test_each_problem_is_one_sentence(state: QueueState, sentence: str) -> None:
    assert findings(snapshot(state), LIMITS) == [sentence]


def test_a_paused_queue_is_not_blamed_for_its_canary() -> None:
    silent = (canary("post", 999), canary("ingest"))

    sentences = findings(snapshot(replace(WELL, paused=(PAUSED,), canaries=silent)), LIMITS)

    assert sentences == ["queue post is paused by nora: a repair"]


def test_dead_letters_and_the_age_of_what_waits_come_from_the_broker() -> None:
    old = replace(IDLE, waiting=3, dead_letters=2, oldest_at=NOW - timedelta(seconds=30))
    observed = snapshot(post=old)
    queues = document(observed, LIMITS)["queues"]

    assert findings(observed, LIMITS) == ["queue post holds 2 dead letters"]
    assert isinstance(queues, dict)
    assert (queues["post"]["waiting"], queues["post"]["oldest_s"]) == (3, 30.0)


def test_a_service_that_is_down_does_not_hide_the_other() -> None:
    observed = replace(
        snapshot(replace(WELL, unposted=OLD)), depths=None, down=("the broker …",)
    )
    report = document(observed, LIMITS)
    lines = metrics(observed, LIMITS).splitlines()

    assert findings(observed, LIMITS)[0] == "the broker …"
    assert len(findings(observed, LIMITS)) == 2
    assert report["unposted"] == WaitingWork(rows=2, items=9, oldest_s=61.0)
    assert 'tieout_up{service="broker"} 0.0' in lines
    assert 'tieout_up{service="database"} 1.0' in lines
    assert 'tieout_work_oldest_seconds{what="unposted"} 61.0' in lines
