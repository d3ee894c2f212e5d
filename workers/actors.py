"""The actors, one per kind of message. Idempotent: a message may arrive twice or never."""

from collections.abc import Callable
from typing import Any

import dramatiq

from ledger.posting.posting import BATCHES_PER_POSTING, post
from storage.broker.redis import (
    FETCH_ACTOR,
    FETCH_QUEUE,
    INGEST_ACTOR,
    INGEST_QUEUE,
    POST_ACTOR,
    POST_QUEUE,
)
from storage.queue.parking import park
from storage.transactions import transaction
from workers.ask_provider import AskProvider, InquiryTerms, ask_providers
from workers.canary import CANARY_ACTOR, record_canary
from workers.context import WorkerContext
from workers.ingest import ingest
from workers.outcomes import BUSY_FOR, Done, JobOutcome, JobRunner, Parked, Requeued

#: Most postings per message; the next message continues with a larger backlog.
POSTINGS_PER_MESSAGE = 50


def declare_actors(
    broker: dramatiq.Broker,
    context: WorkerContext,
    runner: JobRunner,
    ask: AskProvider,
    terms: InquiryTerms,
) -> None:
    """Declare every actor on the broker.

    Args:
        broker: where the messages come from.
        context: what the jobs work on.
        runner: runs the jobs and reports their outcome to Dramatiq.
        ask: asks a provider about one bet.
        terms: how providers may be asked.
    """

    def canary(queue: str, number: int) -> JobOutcome:
        pause_reason = context.pause_reason(queue)
        if pause_reason:
            return Requeued(pause_reason)
        return record_canary(context.engine, queue, number, by=context.worker)

    _actor(broker, runner, POST_ACTOR, POST_QUEUE, lambda **_hints: post_unposted(context))
    _actor(broker, runner, INGEST_ACTOR, INGEST_QUEUE, lambda **_hints: ingest(context))
    _actor(
        broker,
        runner,
        FETCH_ACTOR,
        FETCH_QUEUE,
        lambda **_hints: ask_providers(context, ask, terms),
    )
    _actor(broker, runner, CANARY_ACTOR, POST_QUEUE, canary)


def post_unposted(context: WorkerContext) -> JobOutcome:
    """Post unposted batches, bounded; the message's ids are only a hint.

    Posting continues behind a parked batch.

    Raises:
        Unavailable: the database is unreachable.
    """
    batches = parked = 0
    deadline = context.clock.now() + BUSY_FOR
    for _ in range(POSTINGS_PER_MESSAGE):
        if context.clock.now() >= deadline:
            break
        pause_reason = context.pause_reason(POST_QUEUE)
        if pause_reason:
            return Requeued(pause_reason)
        posted = post(context.engine)
        batches, parked = batches + posted.batches, parked + posted.parked
        if not posted.parked and posted.batches < BATCHES_PER_POSTING:
            return Parked(parked) if parked else Done(batches)
    return Requeued("the backlog exceeds one message")


def park_failed_job(context: WorkerContext, job: str, error: Exception) -> None:
    """Park a job that failed because of a bug; its input stays as it is.

    Raises:
        Unavailable: the database is unreachable.
    """
    with transaction(context.engine, job) as connection:
        park(connection, job=job, subject=f"job {job}", error=error)


def _actor(
    broker: dramatiq.Broker,
    runner: JobRunner,
    name: str,
    queue: str,
    work: Callable[..., JobOutcome],
) -> None:
    @dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)
    def run(**arguments: Any) -> None:
        runner.run(name, lambda: work(**arguments))
