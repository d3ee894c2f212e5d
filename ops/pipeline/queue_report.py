"""The state of the queues against limits: findings, a JSON document and metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ops.metrics.catalogue import PARTS, QUEUE_FINDINGS, UP, exposition, sample
from ops.metrics.queues import depth_samples, state_samples
from storage.broker.depth import QueueDepth
from storage.queue.state import Canary, QueueState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """The ages that are still fine, in seconds.

    Attributes:
        oldest_s: age of waiting work.
        canary_s: time since a canary came out of a queue.
        worker_s: time since a worker or scheduler showed progress.
    """

    oldest_s: float
    canary_s: float
    worker_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """The state that could be read.

    Attributes:
        state, depths: None if PostgreSQL or the broker is out of reach.
        down: why each service is out of reach.
    """

    state: QueueState | None
    depths: Mapping[str, QueueDepth] | None
    down: tuple[str, ...]
    queues: tuple[str, ...]
    read_at: datetime

    def oldest_s(self, queue: str) -> float | None:
        """Age of the oldest message that waits in a queue; None if unknown or none waits."""
        depth = self.depths.get(queue) if self.depths is not None else None
        if depth is None or depth.oldest_at is None:
            return None
        return max((self.read_at - depth.oldest_at).total_seconds(), 0.0)


def findings(snapshot: QueueSnapshot, limits: QueueLimits) -> list[str]:
    """Sentences about everything that an operator has to look at; empty when all is well."""
    sentences = list(snapshot.down)
    if snapshot.state is not None:
        sentences += _of_work(snapshot.state, limits)
        sentences += _of_queues(snapshot, snapshot.state, limits)
        sentences += _of_processes(snapshot.state, limits)
    for queue, depth in (snapshot.depths or {}).items():
        if depth.dead_letters:
            sentences.append(f"queue {queue} holds {depth.dead_letters} dead letters")
    return sentences


def document(snapshot: QueueSnapshot, limits: QueueLimits) -> dict[str, object]:
    """The snapshot and its findings for ``--json``."""
    sentences = findings(snapshot, limits)
    state = snapshot.state
    return {
        "ok": not sentences,
        "findings": sentences,
        "down": snapshot.down,
        "queues": {queue: _queue(snapshot, queue) for queue in snapshot.queues},
        "unposted": state.unposted if state else None,
        "uningested": state.uningested if state else None,
        "unrecalled": state.unrecalled if state else None,
        "parked": state.parked if state else None,
        "workers": state.workers if state else None,
        "overdue_jobs": state.overdue if state else None,
    }


def metrics(snapshot: QueueSnapshot, limits: QueueLimits) -> str:
    """The snapshot in Prometheus' text format, without what is out of reach."""
    metrics_ = [*UP, *QUEUE_FINDINGS]
    samples = [
        sample("up", "database", value=int(snapshot.state is not None)),
        sample("up", "broker", value=int(snapshot.depths is not None)),
        sample("queue_findings", value=len(findings(snapshot, limits))),
    ]
    if snapshot.state is not None:
        metrics_ += PARTS["database"]
        samples += state_samples(snapshot.state)
    if snapshot.depths is not None:
        metrics_ += PARTS["broker"]
        samples += depth_samples(snapshot.depths)
    return exposition(metrics_, samples)


def _of_work(state: QueueState, limits: QueueLimits) -> Iterator[str]:
    for item, done, waiting in (
        ("batch", "posted", state.unposted),
        ("history record", "taken in", state.uningested),
        ("demand for archived rows", "met", state.unrecalled),
    ):
        if waiting.oldest_s > limits.oldest_s:
            yield f"the oldest {item} that is not {done} is {waiting.oldest_s:.0f} s old"
    for cause in state.parked:
        yield (
            f"{cause.count} parked by {cause.job} for {cause.cause} "
            f"({cause.fingerprint}, first: {cause.example})"
        )
    for job, slot, attempts in state.overdue:
        yield f"job {job} was begun for slot {slot} and not completed (attempt {attempts})"


def _of_queues(
    snapshot: QueueSnapshot, state: QueueState, limits: QueueLimits
) -> Iterator[str]:
    paused = {pause.queue for pause in state.paused}
    for pause in state.paused:
        yield f"queue {pause.queue} is paused by {pause.paused_by}: {pause.why}"
    canaries = {canary.queue: canary for canary in state.canaries}
    for queue in snapshot.queues:
        if queue in paused:
            continue
        age = _canary_age(canaries.get(queue))
        if age is None:
            yield f"no canary has come out of queue {queue} yet"
        elif age > limits.canary_s:
            yield f"the last canary came out of queue {queue} {age:.0f} s ago"


def _of_processes(state: QueueState, limits: QueueLimits) -> Iterator[str]:
    for role in ("worker", "scheduler"):
        ages = [worker.seen_s for worker in state.workers if worker.role == role]
        if not ages:
            yield f"no {role} has been seen"
        elif min(ages) > limits.worker_s:
            yield f"no {role} has shown progress for {min(ages):.0f} s"
    for worker in state.workers:
        if worker.seen_s > limits.worker_s:
            name = f"{worker.role} {worker.worker}"
            yield f"{name} has shown no progress for {worker.seen_s:.0f} s"


def _canary_age(canary: Canary | None) -> float | None:
    return None if canary is None else canary.passed_s


def _queue(snapshot: QueueSnapshot, queue: str) -> dict[str, object]:
    depth = snapshot.depths.get(queue) if snapshot.depths is not None else None
    document: dict[str, object] = {
        "waiting": depth.waiting if depth else None,
        "in_flight": depth.in_flight if depth else None,
        "delayed": depth.delayed if depth else None,
        "dead_letters": depth.dead_letters if depth else None,
        "oldest_s": snapshot.oldest_s(queue),
        "paused": None,
        "canary": None,
    }
    if snapshot.state is not None:
        for pause in snapshot.state.paused:
            if pause.queue == queue:
                document["paused"] = {
                    "by": pause.paused_by,
                    "why": pause.why,
                    "at": pause.paused_at,
                }
        for canary in snapshot.state.canaries:
            if canary.queue == queue:
                document["canary"] = canary
    return document
