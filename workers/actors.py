"""The actors, one per message kind. Idempotent: any message may come twice, or never."""

from collections.abc import Callable

import dramatiq

from ledger.posting import BATCHES_PER_POSTING, post
from storage.broker import INGEST_ACTOR, INGEST_QUEUE, POST_ACTOR, POST_QUEUE
from workers.ingest import ingest
from workers.jobs import Desk
from workers.outcomes import Done, Outcome, Parked, settle

#: Most postings by one message; a backlog larger than this is worked off by the next one.
POSTINGS_PER_MESSAGE = 50


def declare(broker: dramatiq.Broker, desk: Desk) -> None:
    """Declare every actor on the broker, working at this desk."""
    _actor(broker, POST_ACTOR, POST_QUEUE, lambda: post_some(desk))
    _actor(broker, INGEST_ACTOR, INGEST_QUEUE, lambda: ingest(desk))


def post_some(desk: Desk) -> Outcome:
    """Post whatever is unposted, bounded; the ids in the message are a hint, not a limit.

    Raises:
        Unavailable: the database is out of reach.
    """
    batches = parked = 0
    for _ in range(POSTINGS_PER_MESSAGE):
        posted = post(desk.engine)
        batches, parked = batches + posted.batches, parked + posted.parked
        if posted.batches < BATCHES_PER_POSTING:
            break
    return Parked(parked) if parked else Done(batches)


def _actor(broker: dramatiq.Broker, name: str, queue: str, work: Callable[[], Outcome]) -> None:
    @dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)
    def run(**_hints: object) -> None:
        settle(name, work)
