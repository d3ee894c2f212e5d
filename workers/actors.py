"""The actors, one per message kind. Idempotent: any message may come twice, or never."""

from collections.abc import Callable
from typing import Any

import dramatiq
from sqlalchemy.exc import OperationalError

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
from vocabulary.errors import Unavailable
from workers.ask_provider import AskProvider, InquiryTerms, ask_providers
from workers.canary import CANARY_ACTOR, record_canary
from workers.context import WorkerContext
from workers.ingest import ingest
from workers.outcomes import Done, JobOutcome, JobRunner, Parked, Requeued

#: Most postings by one message; a backlog larger than this is worked off by the next one.
POSTINGS_PER_MESSAGE = 50


def declare_actors(
    broker: dramatiq.Broker,
    desk: WorkerContext,
    settler: JobRunner,
    ask: AskProvider,
    terms: InquiryTerms,
) -> None:
    """Declare every actor on the broker, working at this desk; ``ask`` reaches providers."""

    def canary(queue: str, number: int) -> JobOutcome:
        held = desk.hold(queue)
        if held:
            return Requeued(held)
        return record_canary(desk.engine, queue, number, by=desk.worker)

    _actor(broker, settler, POST_ACTOR, POST_QUEUE, lambda **_hints: post_unposted(desk))
    _actor(broker, settler, INGEST_ACTOR, INGEST_QUEUE, lambda **_hints: ingest(desk))
    _actor(
        broker,
        settler,
        FETCH_ACTOR,
        FETCH_QUEUE,
        lambda **_hints: ask_providers(desk, ask, terms),
    )
    _actor(broker, settler, CANARY_ACTOR, POST_QUEUE, canary)


def post_unposted(desk: WorkerContext) -> JobOutcome:
    """Post whatever is unposted, bounded; the ids in the message are a hint, not a limit.

    A batch that is parked holds nobody up: the posting goes on behind it at once.

    Raises:
        Unavailable: the database is out of reach.
    """
    batches = parked = 0
    for _ in range(POSTINGS_PER_MESSAGE):
        held = desk.hold(POST_QUEUE)
        if held:
            return Requeued(held)
        posted = post(desk.engine)
        batches, parked = batches + posted.batches, parked + posted.parked
        if not posted.parked and posted.batches < BATCHES_PER_POSTING:
            return Parked(parked) if parked else Done(batches)
    return Requeued("there is more than one message's worth")


def park_failed_job(desk: WorkerContext, job: str, error: Exception) -> None:
    """Park a job that fails in a way nobody foresaw; what it works on stays where it is.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with desk.engine.begin() as connection:
            park(connection, job=job, subject=f"job {job}", error=error)
    except OperationalError as down:
        raise Unavailable(f"{job}: the database is out of reach") from down


def _actor(
    broker: dramatiq.Broker,
    settler: JobRunner,
    name: str,
    queue: str,
    work: Callable[..., JobOutcome],
) -> None:
    @dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)
    def run(**given: Any) -> None:
        settler.settle(name, lambda: work(**given))
