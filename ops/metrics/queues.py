"""Queues, parked work and heartbeats as metrics: for the server and ``queue status``."""

from collections.abc import Iterator, Mapping

from ops.metrics.catalogue import Sample, sample
from storage.broker.depth import QueueDepth
from storage.queue.state import QueueState

#: The figures of a queue that are served, where the broker reports them.
_STATES = ("waiting", "in_flight", "delayed", "dead_letters")


def depth_samples(depths: Mapping[str, QueueDepth]) -> Iterator[Sample]:
    """Messages by queue and state."""
    for queue, depth in depths.items():
        for state in _STATES:
            value = getattr(depth, state)
            if value is not None:
                yield sample("queue_messages", queue, state, value=value)


def state_samples(state: QueueState) -> Iterator[Sample]:
    """Work and processes, as PostgreSQL has them."""
    for name, waiting in (
        ("unposted", state.unposted),
        ("uningested", state.uningested),
        ("unrecalled", state.unrecalled),
    ):
        yield sample("work_waiting", name, value=waiting.rows)
        yield sample("work_oldest_seconds", name, value=waiting.oldest_s)
    for cause in state.parked:
        labels = (cause.job, cause.cause, cause.fingerprint)
        yield sample("parked", *labels, value=cause.count)
    for pause in state.paused:
        yield sample("queue_paused", pause.queue, value=1)
    for canary in state.canaries:
        # A canary that never passed is as old as its request.
        age_s = canary.asked_s if canary.passed_s is None else canary.passed_s
        yield sample("canary_age_seconds", canary.queue, value=age_s)
    for role in ("worker", "scheduler"):
        ages = [worker.seen_s for worker in state.workers if worker.role == role]
        yield sample("processes_seen", role, value=len(ages))
        if ages:
            yield sample("worker_progress_age_seconds", role, value=min(ages))
    jobs = [job for job, _, _ in state.overdue]
    for job in sorted(set(jobs)):
        yield sample("jobs_overdue", job, value=jobs.count(job))
