"""What waits in the broker, asked of the broker itself."""

from collections.abc import Iterator

import dramatiq
import fakeredis
import pytest
from dramatiq.brokers.redis import RedisBroker

from storage.broker.depth import depths_of
from storage.broker.redis import open_broker, post_message
from vocabulary.errors import Unavailable


@pytest.fixture
def broker() -> Iterator[RedisBroker]:
    client = fakeredis.FakeRedis()
    made = RedisBroker(client=client, middleware=[])  # type: ignore[no-untyped-call]
    made.declare_queue("post")
    yield made
    made.close()
    client.close()


def test_an_empty_queue_holds_nothing(broker: RedisBroker) -> None:
    depth = depths_of(broker, ["post"])["post"]

    counts = (depth.waiting, depth.in_flight, depth.delayed, depth.dead_letters)
    assert (counts, depth.oldest_at) == ((0, 0, 0, 0), None)


def test_messages_are_counted_by_where_they_are(broker: RedisBroker) -> None:
    first = broker.enqueue(post_message([1]))
    for batch in range(4):
        broker.enqueue(post_message([batch]))
    broker.enqueue(post_message([9]), delay=60_000)
    consumer = broker.consume("post", prefetch=2, timeout=100)
    taken, also_taken = next(consumer), next(consumer)
    assert taken is not None
    assert also_taken is not None
    consumer.nack(taken)

    depth = depths_of(broker, ["post"])["post"]
    other = next(iter(depths_of(broker, ["ingest"]).values()))

    assert taken.message_id == first.message_id
    counts = (depth.waiting, depth.in_flight, depth.delayed, depth.dead_letters)
    assert counts == (3, 1, 1, 1)
    assert depth.oldest_at is not None
    assert depth.oldest_at.timestamp() * 1000 >= first.message_timestamp
    assert other.waiting == 0


def test_what_is_no_message_is_counted_and_has_no_age(broker: RedisBroker) -> None:
    broker.client.rpush("dramatiq:post", "stranger")
    broker.client.hset("dramatiq:post.msgs", "stranger", b"\x00 not JSON")

    depth = depths_of(broker, ["post"])["post"]

    assert (depth.waiting, depth.oldest_at) == (1, None)


def test_a_broker_out_of_reach_is_unavailable() -> None:
    broker: dramatiq.Broker = open_broker("unix:///nowhere/valkey.sock?db=0", [])

    with pytest.raises(Unavailable, match="the broker is out of reach"):
        depths_of(broker, ["post"])
