"""Nobody waits for ever: no caller for a hanging database, nor we for a hanging caller."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.runtime import process
from tests.conftest import PostgresServer
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, SETTINGS, Books, Door

NOBODY = "unix:///nowhere/valkey.sock?db=0"
NO_DATABASE = "postgresql://tieout@/tieout?host=/nowhere"
ATTEMPTS_MAX = 400
HASTY = SETTINGS.replace('commit_timeout = "60s"', 'commit_timeout = "300ms"')
IMPATIENT = SETTINGS.replace("[receiver]", '[receiver]\nidle_timeout = "300ms"')


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    found = Books(database)
    yield found
    found.close()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Every process of the server stands still meanwhile."""
    held = process.running_in(server.home.postgres, program="postgres")
    for pid in held:
        process.send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            process.send(pid, signal.SIGCONT)


def bet(door: Door, key: str) -> str | None:
    """The error that a bet of 1.00 is answered with, None for a success."""
    document = {"transaction_id": key, "action": "bet", "user_id": "42", "currency": "USD"}
    body = json.dumps({**document, "amount": "1.00"}).encode()
    reply = door.post("sport", sign_sportsbook("/transaction", body, SECRET))
    error: str | None = json.loads(reply.body)["error"]
    return error


def insist(door: Door, key: str) -> None:
    """Send the bet until it is answered for good, as its provider does."""
    for _ in range(ATTEMPTS_MAX):
        if (error := bet(door, key)) != "INTERNAL_ERROR":
            assert error is None
            return
    raise AssertionError(f"{key} never got a final answer")


def test_a_hanging_database_makes_callers_come_back_and_the_repeat_tells_the_outcome(
    postgres: PostgresServer, books: Books, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, NOBODY, settings=HASTY) as (door, (receiver,)):
        insist(door, "before")
        with frozen(postgres):
            # The statement of the first is with the server, which may yet commit it.
            assert bet(door, "first") == "INTERNAL_ERROR"
            assert bet(door, "second") == "INTERNAL_ERROR"
            assert receiver.said("commit_given_up")
        insist(door, "first")
        insist(door, "second")
        insist(door, "first")

    assert books.balance("42") == 10_000 - 3 * 100
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(3,)]
    assert books.wrong() == []


@pytest.mark.parametrize("head", [b"", b"POST /callbacks/sport/transaction HTTP/1.1\r\nhost:"])
def test_a_connection_that_never_sends_a_whole_head_is_ended(
    tmp_path: Path, head: bytes
) -> None:
    running = harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=IMPATIENT)
    with (
        running as (door, _),
        socket.create_connection(("127.0.0.1", door.port), timeout=harness.WAIT_S) as slow,
    ):
        slow.sendall(head)
        assert slow.recv(1) == b""
        assert harness.until(lambda: door.ask("GET", "/livez").status == 200)
