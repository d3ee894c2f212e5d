"""Nobody waits for ever: no provider for a hanging database, nor we for a hanging client."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.engines import server_process
from tests.conftest import PostgresServer
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, SETTINGS, LedgerDatabase, ReceiverClient

NOBODY = "unix:///nowhere/valkey.sock?db=0"
NO_DATABASE = "postgresql://tieout@/tieout?host=/nowhere"
ATTEMPTS_MAX = 400
SHORT_COMMIT_TIMEOUT = SETTINGS.replace('commit_timeout = "60s"', 'commit_timeout = "300ms"')
SHORT_IDLE_TIMEOUT = SETTINGS.replace("[receiver]", '[receiver]\nidle_timeout = "300ms"')


@pytest.fixture
def books(database: str) -> Iterator[LedgerDatabase]:
    opened = LedgerDatabase(database)
    yield opened
    opened.close()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Freeze every process of the server until the block ends."""
    pids = server_process.running_in(server.home.postgres, program="postgres")
    for pid in pids:
        server_process.send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            server_process.send(pid, signal.SIGCONT)


def bet(client: ReceiverClient, key: str) -> str | None:
    """Send a bet of 1.00; returns its error, or None for a success."""
    document = {"transaction_id": key, "action": "bet", "user_id": "42", "currency": "USD"}
    body = json.dumps({**document, "amount": "1.00"}).encode()
    reply = client.post("sport", sign_sportsbook("/transaction", body, SECRET))
    error: str | None = json.loads(reply.body)["error"]
    return error


def bet_until_final(client: ReceiverClient, key: str) -> None:
    """Repeat the bet until its answer is final, as the provider does."""
    for _ in range(ATTEMPTS_MAX):
        if (error := bet(client, key)) != "INTERNAL_ERROR":
            assert error is None
            return
    raise AssertionError(f"{key} never got a final answer")


def test_a_hanging_database_answers_retry_later_and_the_repeat_gets_the_outcome(
    postgres: PostgresServer, books: LedgerDatabase, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, NOBODY, settings=SHORT_COMMIT_TIMEOUT) as (
        client,
        (receiver,),
    ):
        bet_until_final(client, "before")
        with frozen(postgres):
            # The server has the first bet's statement and may still commit it.
            assert bet(client, "first") == "INTERNAL_ERROR"
            assert bet(client, "second") == "INTERNAL_ERROR"
            assert receiver.has_logged("commit_given_up")
        bet_until_final(client, "first")
        bet_until_final(client, "second")
        bet_until_final(client, "first")

    assert books.balance("42") == 10_000 - 3 * 100
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(3,)]
    assert books.failed_checks() == []


@pytest.mark.parametrize("head", [b"", b"POST /callbacks/sport/transaction HTTP/1.1\r\nhost:"])
def test_a_connection_that_never_sends_a_complete_head_is_closed(
    tmp_path: Path, head: bytes
) -> None:
    running = harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=SHORT_IDLE_TIMEOUT)
    with (
        running as (client, _),
        socket.create_connection(("127.0.0.1", client.port), timeout=harness.WAIT_S) as slow,
    ):
        slow.sendall(head)
        assert slow.recv(1) == b""
        assert harness.wait_until(lambda: client.request("GET", "/livez").status == 200)
