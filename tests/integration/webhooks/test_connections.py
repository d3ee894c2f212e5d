"""Connections around a callback: slow bodies, half-closing clients, plain refusals."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ops.engines import valkey_server
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import WAIT_S, LedgerDatabase
from tests.integration.webhooks.test_hostile import (
    BOTH,
    INCOMPLETE,
    MALFORMED,
    PATH,
    RunningReceiver,
    post,
    signed,
    valid,
)

#: The setting ``read_timeout`` of the harness, and what a busy machine may add to it.
LIMIT_S, SLACK_S = 0.3, 1.5


@pytest.fixture(scope="module")
def receiver(
    postgres: Any, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningReceiver]:
    postgres.clone("of_connections")
    books = LedgerDatabase(postgres.url("of_connections"))
    broker = valkey_server.url(valkey, 14)
    try:
        with harness.receivers(tmp_path_factory.mktemp("connections"), books.url, broker) as (
            client,
            (process,),
        ):
            yield RunningReceiver(client, books)
            assert "Traceback" not in process.log()
    finally:
        books.close()
        postgres.drop("of_connections")


@BOTH
def test_a_body_that_never_arrives_holds_its_connection_no_longer_than_the_limit(
    receiver: RunningReceiver, slug: str
) -> None:
    head = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
    for line in ("", "connection: close\r\n"):  # the fast path, and the server behind it
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", receiver.client.port)) as connection:
            connection.settimeout(WAIT_S)
            connection.sendall(f"{head}{line}\r\n".encode() + b"a few bytes")
            reply = b"".join(iter(lambda: connection.recv(65_536), b""))

        assert reply.endswith(INCOMPLETE[slug].body)
        assert time.monotonic() - started < LIMIT_S + SLACK_S


@BOTH
@pytest.mark.parametrize(
    "line", ["x-plain: 1", "connection: close", "proxy-connection: close"], ids=str
)
def test_a_client_that_half_closes_gets_its_answer(
    receiver: RunningReceiver, slug: str, line: str
) -> None:
    callback = signed(slug, b'{"is":"not an operation"}')
    headers = "".join(f"{name}: {value}\r\n" for name, value in callback.headers.items())
    length = len(callback.body)
    start = f"POST {PATH[slug]} HTTP/1.1\r\nhost: x\r\n{line}\r\n"
    head = f"{start}{headers}content-length: {length}\r\n\r\n"
    reply = receiver.client.send(head.encode() + callback.body, then_close=True)

    assert reply == MALFORMED[slug]


@BOTH
def test_an_old_websocket_handshake_is_refused_as_by_the_http_server(
    receiver: RunningReceiver, slug: str
) -> None:
    callback = signed(slug, valid(slug))
    reply, deliveries = post(receiver, slug, callback, sec_websocket_key1="x")

    assert (reply.status, deliveries) == (400, 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"POST /callbacks/games/bet HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ],
)
def test_no_reply_names_the_server_or_echoes_the_request(
    receiver: RunningReceiver, raw: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", receiver.client.port)) as connection:
        connection.settimeout(WAIT_S)
        connection.sendall(raw)
        reply = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert reply.startswith(b"HTTP/1.")
    assert b"\r\nserver:" not in reply.lower()
    assert b"garbage" not in reply.lower()
