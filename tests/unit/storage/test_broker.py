"""What goes over the broker: ids only, under names that workers declare."""

from collections.abc import Iterator

import dramatiq
import fakeredis
import pytest
from dramatiq.brokers.redis import RedisBroker

from storage.broker.redis import INGEST_QUEUE, POST_QUEUE, ingest_message, post_message


@pytest.fixture
def broker() -> Iterator[RedisBroker]:
    client = fakeredis.FakeRedis()
    made = RedisBroker(client=client, middleware=[])  # type: ignore[no-untyped-call]
    made.declare_queue(POST_QUEUE)
    made.declare_queue(INGEST_QUEUE)
    yield made
    made.close()
    client.close()


def taken(broker: RedisBroker, queue: str) -> dramatiq.MessageProxy:
    consumer = broker.consume(queue, prefetch=1, timeout=100)
    try:
        message = next(consumer)
        assert message is not None
        consumer.ack(message)
        return message
    finally:
        consumer.close()


def test_a_posting_message_carries_batch_ids_and_nothing_else(broker: RedisBroker) -> None:
    broker.enqueue(post_message([7, 8]))

    message = taken(broker, POST_QUEUE)

    assert (message.actor_name, message.args, message.kwargs) == (
        "post.v1",
        (),
        {"batches": [7, 8]},
    )


def test_an_ingest_message_goes_to_its_own_queue(broker: RedisBroker) -> None:
    broker.enqueue(ingest_message())

    message = taken(broker, INGEST_QUEUE)

    assert (message.actor_name, message.kwargs) == ("ingest.v1", {})
