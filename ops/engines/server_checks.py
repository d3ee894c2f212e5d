"""Checks of external servers before anything starts.

Messages repeat a server's answer but never its URL's password.
"""

import psycopg
import redis
from dramatiq.errors import BrokerConnectionError

from ops.engines.database_checks import refuse_lent_sessions
from ops.settings.redaction import without_password
from storage.broker.rabbitmq import OUTAGES, AmqpBroker, reason_of
from storage.broker.redis import INGEST_QUEUE, POST_QUEUE
from vocabulary.errors import SettingsInvalid, Unavailable

#: The oldest PostgreSQL whose SQL is ours, and the oldest Redis that Dramatiq's scripts run on.
POSTGRES_MIN = 15
REDIS_MIN = (6, 2)
#: Longest wait for a server at every step, in seconds.
TIMEOUT_S = 10


def check_database(url: str, *, setting: str = "database.url") -> None:
    """Check that PostgreSQL answers, is new enough, lets us in and keeps our session.

    Args:
        url: of the server and its database.
        setting: which named it, for the message.

    Raises:
        Unavailable: one of these fails; the message says which.
    """
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_S) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        raise Unavailable(f"{_named(setting, url)}: {_first_line(error)}") from error
    if complaint := too_old("PostgreSQL", (version,), (POSTGRES_MIN,)):
        raise Unavailable(f"{_named(setting, url)}: {complaint}")
    refuse_lent_sessions(url)


def check_broker(url: str) -> None:
    """Check that the broker answers, lets us in and lets us use our queues.

    Raises:
        Unavailable: it does not; the message says why.
        SettingsInvalid: the URL names files of TLS that cannot be read.
    """
    try:
        if url.startswith(("amqp://", "amqps://")):
            _try_amqp(url)
        else:
            _try_redis(url)
    except ValueError as error:
        raise SettingsInvalid([f"broker.url: {error}"]) from error


def too_old(server: str, version: tuple[int, ...], minimum: tuple[int, ...]) -> str | None:
    """What is wrong with the server's version, or None."""
    if version >= minimum:
        return None
    actual, needed = (".".join(map(str, version)) for version in (version, minimum))
    return f"{server} {actual} is too old, at least {needed} is needed"


def _try_amqp(url: str) -> None:
    broker = AmqpBroker(url, [], timeout_s=TIMEOUT_S)
    try:
        for queue in (POST_QUEUE, INGEST_QUEUE):
            broker.declare_queue(queue, ensure=True)
    except (BrokerConnectionError, *OUTAGES) as error:
        raise Unavailable(f"{_named('broker.url', url)}: {reason_of(error)}") from error
    finally:
        broker.close()


def _try_redis(url: str) -> None:
    client = redis.Redis.from_url(
        url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S
    )
    try:
        version = str(client.info("server")["redis_version"])
        client.eval("return redis.call('LLEN', KEYS[1])", 1, "dramatiq:post")
    except (redis.RedisError, OSError) as error:
        raise Unavailable(f"{_named('broker.url', url)}: {_first_line(error)}") from error
    finally:
        client.close()
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if complaint := too_old("Redis", numbers, REDIS_MIN):
        raise Unavailable(f"{_named('broker.url', url)}: {complaint}")


def _named(setting: str, url: str) -> str:
    return f"{setting} ({without_password(url)})"


def _first_line(error: BaseException) -> str:
    words = str(error).strip().split("\n", 1)[0]
    # Redis answers our HELLO with this when it expects a password first.
    return "it asks for a password" if words.startswith("HELLO must be called") else words
