"""What ``tieout queue status`` says: read from Postgres and the broker, judged by limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ops.metrics.catalogue import ALWAYS, PARTS, QUEUE_FINDINGS, exposition, sample
from ops.metrics.queues import depth_samples, state_samples
from storage.broker.depth import QueueDepth
from storage.queue.state import Canary, QueueState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """What is still fine, in seconds.

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
    """What could be read: None where a service is out of reach, with its words in ``down``."""

    state: QueueState | None
    depths: Mapping[str, QueueDepth] | None
    down: tuple[str, ...]
    queues: tuple[str, ...]
    at: datetime


def findings(seen: QueueSnapshot, limits: QueueLimits) -> list[str]:
    """Everything an operator has to look at, in sentences; empty when all is well."""
    found = list(seen.down)
    if seen.state is not None:
        found += _of_work(seen.state, limits)
        found += _of_queues(seen, seen.state, limits)
        found += _of_processes(seen.state, limits)
    for queue, depth in (seen.depths or {}).items():
        if depth.dead_letters:
            found.append(f"queue {queue} holds {depth.dead_letters} dead letters")
    return found


def document(seen: QueueSnapshot, limits: QueueLimits) -> dict[str, object]:
    """The same for programs."""
    found = findings(seen, limits)
    state = seen.state
    return {
        "ok": not found,
        "findings": found,
        "down": seen.down,
        "queues": {queue: _queue(seen, queue) for queue in seen.queues},
        "unposted": state.unposted if state else None,
        "uningested": state.uningested if state else None,
        "parked": state.parked if state else None,
        "workers": state.workers if state else None,
        "overdue_jobs": state.overdue if state else None,
    }


def metrics(seen: QueueSnapshot, limits: QueueLimits) -> str:
    """The same for Prometheus, in its text format; what is out of reach is left out."""
    told = [*ALWAYS[:1], *QUEUE_FINDINGS]
    samples = [
        sample("up", "database", value=int(seen.state is not None)),
        sample("up", "broker", value=int(seen.depths is not None)),
        sample("queue_findings", value=len(findings(seen, limits))),
    ]
    if seen.state is not None:
        told += PARTS["database"]
        samples += state_samples(seen.state)
    if seen.depths is not None:
        told += PARTS["broker"]
        samples += depth_samples(seen.depths)
    return exposition(told, samples)


def _of_work(state: QueueState, limits: QueueLimits) -> Iterator[str]:
    for what, waiting in (("batch", state.unposted), ("history record", state.uningested)):
        if waiting.oldest_s > limits.oldest_s:
            done = "posted" if what == "batch" else "taken in"
            yield f"the oldest {what} that is not {done} is {waiting.oldest_s:.0f} s old"
    for cause in state.parked:
        yield (
            f"{cause.count} parked by {cause.job} for {cause.cause} "
            f"({cause.fingerprint}, first: {cause.example})"
        )
    for job, slot, attempts in state.overdue:
        yield f"job {job} was begun for slot {slot} and not completed (attempt {attempts})"


def _of_queues(seen: QueueSnapshot, state: QueueState, limits: QueueLimits) -> Iterator[str]:
    paused = {pause.queue for pause in state.paused}
    for pause in state.paused:
        yield f"queue {pause.queue} is paused by {pause.paused_by}: {pause.why}"
    canaries = {canary.queue: canary for canary in state.canaries}
    for queue in seen.queues:
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
            who = f"{worker.role} {worker.worker}"
            yield f"{who} has shown no progress for {worker.seen_s:.0f} s"


def _canary_age(canary: Canary | None) -> float | None:
    return None if canary is None else canary.passed_s


def _queue(seen: QueueSnapshot, queue: str) -> dict[str, object]:
    depth = seen.depths.get(queue) if seen.depths is not None else None
    oldest = depth.oldest_at if depth else None
    told: dict[str, object] = {
        "waiting": depth.waiting if depth else None,
        "in_flight": depth.in_flight if depth else None,
        "delayed": depth.delayed if depth else None,
        "dead_letters": depth.dead_letters if depth else None,
        "oldest_s": max((seen.at - oldest).total_seconds(), 0.0) if oldest else None,
        "paused": None,
        "canary": None,
    }
    if seen.state is not None:
        for pause in seen.state.paused:
            if pause.queue == queue:
                told["paused"] = {
                    "by": pause.paused_by,
                    "why": pause.why,
                    "at": pause.paused_at,
                }
        for canary in seen.state.canaries:
            if canary.queue == queue:
                told["canary"] = canary
    return told
