"""URLs of servers of one's own: what they may say, and what is never repeated."""

import pytest

from ops.settings.redaction import without_password
from ops.settings.urls import checked_broker, checked_database
from storage.broker.rabbitmq import connection_parameters

DATABASES = [
    "postgresql://u:p@db.example.com:5432/books?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    "postgresql://u@one.example.com:5432,two.example.com:5433/books",
    "postgresql://tieout@/tieout?host=/run/postgresql",
]
BROKERS = [
    "redis://:p@broker.example.com:6379/2",
    "rediss://u:p@broker.example.com:6380/0?ssl_ca_certs=/etc/ca.pem",
    "unix:///run/valkey.sock?db=0",
    "amqp://u:p@broker.example.com/books",
    "amqps://u:p@broker.example.com:5671/%2Fbooks?cacertfile=/etc/ca.pem",
]


@pytest.mark.parametrize("url", DATABASES)
def test_a_database_url_passes_unchanged(url: str) -> None:
    assert checked_database(url) == url


@pytest.mark.parametrize("url", BROKERS)
def test_a_broker_url_passes_unchanged(url: str) -> None:
    assert checked_broker(url) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://u:canary@h/d", '"embedded" or a URL such as postgresql:'),
        ("postgresql://u:canary@h:port/d", '"embedded" or a URL such as postgresql:'),
        ("postgresql://u:canary@h:0/d", '"embedded" or a URL such as postgresql:'),
        ("postgresql://u:canary@h/d?channel_binding=require", "parameter channel_binding: "),
        ("postgresql://u:1?canary@h/d", "whose password has %2F, %3F, %23 and %40"),
        ("postgresql://u:canary@h/d?sslmod=", "parameter sslmod: known are .*sslmode"),
    ],
)
def test_a_wrong_database_url_is_refused_without_being_repeated(
    url: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        checked_database(url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:canary@h/", "amqp://user:password@host/vhost"),
        ("amqp://u:canary@h:port/", "amqp://user:password@host/vhost"),
        ("amqp://u:canary@h/a/b", "slashes are written %2F"),
        ("amqp://u:1?canary@h/", "whose password has %2F, %3F, %23 and %40"),
        ("amqp://u:canary@h/?cacertfile=/x", "parameter cacertfile: there are none"),
        ("amqps://u:canary@h/?cafile=/x", "parameter cafile: known are cacertfile,"),
    ],
)
def test_a_wrong_broker_url_is_refused_without_being_repeated(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        checked_broker(url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["amqp://u:canary@h/v", "amqps://u:can@ary@h/?certfile=/x"])
def test_an_amqp_password_is_struck_out_where_the_url_is_shown(url: str) -> None:
    assert "can" not in without_password(url)
    assert without_password(url).startswith(url.split("//", maxsplit=1)[0] + "//u:***@h/")


@pytest.mark.parametrize(
    ("url", "host", "port", "vhost", "user"),
    [
        ("amqp://u:p%40%2F@h/books", "h", 5672, "books", "u"),
        ("amqp://u:p%40%2F@h:7", "h", 7, "/", "u"),
        ("amqps://u%3A:p%40%2F@h/%2Fbooks", "h", 5671, "/books", "u:"),
    ],
)
def test_an_amqp_url_is_read_as_rabbitmq_writes_them(
    url: str, host: str, port: int, vhost: str, user: str
) -> None:
    read = connection_parameters(url, timeout_s=1, heartbeat_s=1)

    assert (read.host, read.port, read.virtual_host) == (host, port, vhost)
    assert (read.credentials.username, read.credentials.password) == (user, "p@/")
    assert (read.ssl_options is not None) == url.startswith("amqps:")
