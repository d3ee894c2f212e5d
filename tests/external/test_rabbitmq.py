"""RabbitMQ as the broker: a whole story, what becomes of its messages, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest

from ops.engines.server_checks import check_broker
from storage.broker.depth import QueueDepth, depths_of
from storage.broker.rabbitmq import AmqpBroker
from storage.broker.redis import POST_QUEUE, post_message
from tests.external.servers import HOST, PATIENCE_S, RabbitMQ, until
from tests.external.stories import play
from tests.harness.servers.ports import free_port
from vocabulary.errors import SettingsInvalid, Unavailable

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> Iterator[dramatiq.Broker]:
    """A patient sender over TLS, its queues empty."""
    opened = AmqpBroker(rabbitmq.tls_url(), [], timeout_s=PATIENCE_S)
    opened.declare_queue(POST_QUEUE)
    opened.flush_all()
    yield opened
    opened.flush_all()
    opened.close()


def depth(broker: dramatiq.Broker) -> QueueDepth:
    return depths_of(broker, [POST_QUEUE])[POST_QUEUE]


def taken(broker: dramatiq.Broker, queue: str, *, keep: bool) -> list[int]:
    """The batches of the next message, acknowledged; or given up where it is not kept."""
    consumer = broker.consume(queue, prefetch=1, timeout=100)
    try:
        waiting = (next(consumer) for _ in range(600))
        message = next(found for found in waiting if found is not None)
        (consumer.ack if keep else consumer.nack)(message)
    finally:
        consumer.close()
    batches: list[int] = message.kwargs["batches"]
    return batches


def test_a_rabbitmq_killed_under_load_loses_and_doubles_nothing(
    books_url: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    play(tmp_path, books_url, rabbitmq.tls_url(), rabbitmq)


def test_messages_are_counted_where_they_wait(broker: dramatiq.Broker) -> None:
    for batch in (1, 2, 3):
        broker.enqueue(post_message([batch]))
    broker.enqueue(post_message([4]), delay=3_600_000)

    assert taken(broker, POST_QUEUE, keep=True) == [1]
    assert taken(broker, POST_QUEUE, keep=False) == [2]

    expected = QueueDepth(waiting=1, in_flight=None, delayed=1, dead_letters=1, oldest_at=None)
    assert until(lambda: depth(broker) == expected), depth(broker)
    assert taken(broker, f"{POST_QUEUE}.DQ", keep=True) == [4]


def test_a_sender_whose_connection_was_closed_while_it_was_idle_loses_no_message(
    broker: dramatiq.Broker, rabbitmq: RabbitMQ
) -> None:
    broker.enqueue(post_message([1]))

    rabbitmq.control("close_all_connections", "the server's own reason")
    broker.enqueue(post_message([2]))

    assert depth(broker).waiting >= 2  # or more: one unconfirmed is sent again


def test_a_sender_that_rested_too_long_comes_over_a_new_connection(
    broker: dramatiq.Broker, rabbitmq: RabbitMQ
) -> None:
    sender = AmqpBroker(rabbitmq.url(), [], timeout_s=PATIENCE_S, rest_s=0)
    used = []
    for batch in (1, 2):
        sender.enqueue(post_message([batch]))
        used.append(sender.connection)
    sender.close()

    assert used[0] is not used[1]
    assert used[0].is_closed
    assert depth(broker).waiting == 2


def test_a_queue_that_was_deleted_is_declared_again(
    broker: dramatiq.Broker, rabbitmq: RabbitMQ
) -> None:
    broker.enqueue(post_message([1]))

    rabbitmq.control("delete_queue", "--vhost", "books", POST_QUEUE)
    broker.enqueue(post_message([2]))

    assert taken(broker, POST_QUEUE, keep=True) == [2]


def test_what_rabbitmq_refuses_is_said_without_the_password(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    rabbitmq.control("add_user", "guest-of-books", "canary")
    rabbitmq.control("set_permissions", "-p", "books", "guest-of-books", "^x$", "^x$", "^x$")
    limited = rabbitmq.url(user="guest-of-books", password="canary")
    refusals = {
        rabbitmq.url(password="canary"): "ACCESS_REFUSED - Login was refused",
        rabbitmq.url(vhost="canary-vhost"): "vhost canary-vhost not found",
        limited: "access to queue 'post' in vhost 'books' refused for user 'guest-of-books'",
        f"amqp://u:canary@{HOST}:{free_port()}/": "Connection refused",
        rabbitmq.tls_url().split("?")[0]: "certificate verify failed",
    }
    for url, reason in refusals.items():
        with pytest.raises(Unavailable, match=r"^broker\.url \(amqps?://") as refused:
            check_broker(url)
        assert reason in str(refused.value)
        assert ":canary@" not in str(refused.value)

    nowhere = f"{rabbitmq.tls_url().split('?')[0]}?cacertfile={tmp_path}/none.pem"
    with pytest.raises(SettingsInvalid, match="No such file"):
        check_broker(nowhere)
    check_broker(rabbitmq.url())
