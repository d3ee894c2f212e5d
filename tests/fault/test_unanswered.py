"""What a receiver booked and could not answer is found, whatever became of the receiver."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.runtime.fault_signals import VARIABLE
from providers.contract import Callback
from tests.conftest import PostgresServer
from tests.fault.test_hanging import (
    NOBODY,
    SHORT_COMMIT_TIMEOUT,
    bet,
    bet_until_final,
    frozen,
)
from tests.harness.books.unanswered import AGE
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, LedgerDatabase, ReceiverClient
from vocabulary.fault_points import Step

ATTEMPTS_MAX = 40
UNANSWERED = "SELECT op_key, cause FROM unanswered_operations ORDER BY op_key"
#: The current session, if its last batch is confirmed.
CONFIRMED = """
SELECT 1 FROM receiver_sessions s
 WHERE ended_at IS NULL AND answered_through = (SELECT max(batch_id) FROM batches b
                                                 WHERE b.session_id = s.session_id)
"""
ENDED = "SELECT 1 FROM receiver_sessions WHERE ended_at IS NOT NULL"


@pytest.fixture
def books(database: str) -> Iterator[LedgerDatabase]:
    opened = LedgerDatabase(database)
    opened.player("42")
    yield opened
    opened.close()


def book_during_a_freeze(
    server: PostgresServer, client: ReceiverClient, books: LedgerDatabase
) -> str:
    """Freeze the server until a bet is answered "retry later" and booked; returns its key.

    Frozen before it has read the statement, the server may also cancel it when it recovers.
    """
    for number in range(ATTEMPTS_MAX):
        bet_until_final(client, f"before-{number}")
        with frozen(server):
            assert bet(client, f"frozen-{number}") == "INTERNAL_ERROR"
        bet_until_final(client, f"after-{number}")
        if books.rows(f"SELECT 1 FROM operations WHERE op_key = 'frozen-{number}'"):
            return f"frozen-{number}"
    raise AssertionError("no bet was booked after its answer")


def test_a_bet_that_a_frozen_database_booked_is_unanswered_until_it_is_repeated(
    postgres: PostgresServer, books: LedgerDatabase, tmp_path: Path
) -> None:
    running = harness.receivers(tmp_path, books.url, NOBODY, settings=SHORT_COMMIT_TIMEOUT)
    with running as (client, (receiver,)):
        key = book_during_a_freeze(postgres, client, books)
        assert harness.wait_until(lambda: books.rows(ENDED) != [])
        assert harness.wait_until(lambda: books.rows(CONFIRMED) != [])
        books.run(AGE)
        assert books.rows(UNANSWERED) == [(key, "commit_unknown")]
        status = json.loads(receiver.command("feed", "status", "--json").stdout)
        counts = {entry["provider"]: entry["unanswered"] for entry in status}
        assert (counts["sport"], counts["games"]) == (1, 0)
        assert "1 operation is booked and was not answered" in (
            receiver.command("feed", "status").stdout
        )

        bet_until_final(client, key)
        assert books.rows(UNANSWERED) == []
        assert receiver.terminate() == 0
    books.run(AGE)
    assert books.rows(UNANSWERED) == []
    assert books.failed_checks() == []


def test_a_receiver_killed_between_commit_and_answer_leaves_the_bet_unanswered(
    books: LedgerDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = tmp_path / "signals"
    orders.mkdir()
    monkeypatch.setenv(VARIABLE, str(orders))
    with harness.receivers(tmp_path, books.url, NOBODY) as (client, (receiver,)):
        bet_until_final(client, "answered")
        assert harness.wait_until(lambda: books.rows(CONFIRMED) != [])
        (orders / Step.COMMITTED).write_text(signal.SIGKILL.name)
        assert client.post("sport", signed_bet("killed")).status == 0
        assert receiver.process.wait(harness.WAIT_S) == -signal.SIGKILL

    books.run(AGE)
    assert books.rows(UNANSWERED) == [("killed", "receiver_stopped")]


def test_a_receiver_that_is_stopped_in_order_leaves_nothing_unanswered(
    books: LedgerDatabase, tmp_path: Path
) -> None:
    with harness.receivers(tmp_path, books.url, NOBODY) as (client, (receiver,)):
        bet_until_final(client, "answered")
        assert receiver.terminate() == 0

    books.run(AGE)
    assert books.rows(UNANSWERED) == []


def test_a_provider_that_closes_its_connection_before_the_answer_leaves_the_bet_unanswered(
    postgres: PostgresServer, books: LedgerDatabase, tmp_path: Path
) -> None:
    with harness.receivers(tmp_path, books.url, NOBODY) as (client, _):
        bet_until_final(client, "answered")
        with frozen(postgres):
            with socket.create_connection(("127.0.0.1", client.port)) as impatient:
                impatient.sendall(raw_bet("given up"))
                time.sleep(1.5)
            time.sleep(0.1)
        assert harness.wait_until(lambda: books.rows("SELECT 1 FROM lost_answers") != [])
        assert books.rows(UNANSWERED) == [("given up", "connection_closed")]

        bet_until_final(client, "given up")
        assert books.rows(UNANSWERED) == []


def test_a_client_that_ends_its_sending_side_with_its_request_gets_its_answer(
    books: LedgerDatabase, tmp_path: Path
) -> None:
    with harness.receivers(tmp_path, books.url, NOBODY) as (client, _):
        assert client.send(raw_bet("half"), then_close=True).status == 200
        assert harness.wait_until(lambda: books.rows(CONFIRMED) != [])

    assert books.rows("SELECT * FROM lost_answers") == []


def signed_bet(key: str) -> Callback:
    document = {"transaction_id": key, "action": "bet", "user_id": "42", "currency": "USD"}
    body = json.dumps({**document, "amount": "1.00"}).encode()
    return sign_sportsbook("/transaction", body, SECRET)


def raw_bet(key: str) -> bytes:
    callback = signed_bet(key)
    lines = {"host": "localhost", "content-length": str(len(callback.body))}
    lines |= callback.headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    start = f"POST /callbacks/sport{callback.route} HTTP/1.1\r\n{head}\r\n"
    return start.encode() + callback.body
