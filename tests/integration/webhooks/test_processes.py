"""Receiver processes: several on one port, shutdown, and outages of their services."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import psycopg
import pytest

from providers.contract import Callback
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.servers import receiver as harness
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import (
    SECRET,
    SETTINGS,
    LedgerDatabase,
    ReceiverClient,
    Reply,
    TieoutProcess,
)

ATTEMPTS_MAX = 50
BET = SPEAKERS["aggregator"].valid["/bet"]
NOBODY = "unix:///nowhere/valkey.sock?db=0"
NO_DATABASE = "postgresql://tieout@/tieout?host=/nowhere"

BUSY = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
"""
BLOCKED = BUSY + " AND wait_event_type = 'Lock'"


@pytest.fixture
def books(database: str) -> Iterator[LedgerDatabase]:
    opened = LedgerDatabase(database)
    yield opened
    opened.close()


def transaction(player: str, key: str, action: str) -> Callback:
    document = {"transaction_id": key, "action": action, "user_id": player}
    body = json.dumps({**document, "currency": "USD", "amount": "1.00"}).encode()
    return sign_sportsbook("/transaction", body, SECRET)


class Sender:
    """A provider that sends transactions of one player over one HTTP session."""

    def __init__(
        self, client: ReceiverClient, session: aiohttp.ClientSession, player: str
    ) -> None:
        self._url = f"http://127.0.0.1:{client.port}/callbacks/sport/transaction"
        self._session = session
        self._player = player

    async def send(self, key: str, action: str = "bet") -> str | None:
        """Send one transaction; returns its error, or None for a success."""
        callback = transaction(self._player, key, action)
        post = self._session.post(self._url, data=callback.body, headers=callback.headers)
        async with post as response:
            assert response.status == 200
            error: str | None = (await response.json())["error"]
            return error

    async def send_until_final(self, key: str, action: str = "bet") -> str | None:
        """Repeat until the answer is final, as the provider does."""
        for _ in range(ATTEMPTS_MAX):
            error = await self.send(key, action)
            if error != "INTERNAL_ERROR":
                return error
        raise AssertionError(f"{key} never got a final answer")


def connector(*, keep_alive: bool) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, force_close=not keep_alive)


def test_receivers_that_share_a_port_and_a_wallet_keep_exact_books(
    books: LedgerDatabase, broker_url: str, tmp_path: Path
) -> None:
    books.player("shared", balance="40.00")

    async def all_at_once(client: ReceiverClient) -> list[str | None]:
        async with aiohttp.ClientSession(connector=connector(keep_alive=False)) as session:
            sender = Sender(client, session, "shared")
            bets = [sender.send_until_final(f"bet-{number}") for number in range(60)]
            copies = [sender.send_until_final(f"bet-{number}") for number in range(0, 60, 3)]
            return await asyncio.gather(*bets, *copies)

    with harness.receivers(tmp_path, books.url, broker_url, processes=3) as (client, running):
        answers = asyncio.run(all_at_once(client))
        codes = [process.terminate() for process in running]

    assert answers[:60].count(None) == 40
    assert answers[:60].count("INSUFFICIENT_FUNDS") == 20
    assert answers[60:] == answers[0:60:3]
    assert books.balance("shared") == 0
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(60,)]
    assert books.failed_checks() == []
    assert codes == [0, 0, 0]


def test_a_receiver_stopped_under_load_answers_everything_it_committed(
    books: LedgerDatabase, broker_url: str, tmp_path: Path
) -> None:
    books.player("busy", balance="100000.00")
    answered: set[str] = set()
    enough = asyncio.Event()

    async def send_bets(sender: Sender, name: int) -> None:
        for number in range(10_000):
            key = f"{name}-{number}"
            try:
                error = await sender.send(key)
            except (aiohttp.ClientError, OSError):
                return  # the receiver has stopped
            if error is None:
                answered.add(key)
            if len(answered) >= 100:
                enough.set()

    async def scene(client: ReceiverClient, stop: Callable[[], int]) -> int:
        async with aiohttp.ClientSession(connector=connector(keep_alive=True)) as session:
            sender = Sender(client, session, "busy")
            tasks = [asyncio.create_task(send_bets(sender, name)) for name in range(16)]
            await asyncio.wait_for(enough.wait(), harness.WAIT_S)
            code = await asyncio.to_thread(stop)
            await asyncio.wait_for(asyncio.gather(*tasks), harness.WAIT_S)
            return code

    with harness.receivers(tmp_path, books.url, broker_url) as (client, (process,)):
        code = asyncio.run(scene(client, process.terminate))
        log = process.log()

    committed = {
        key for (key,) in books.rows("SELECT op_key FROM operations WHERE kind = 'bet'")
    }
    assert code == 0
    assert "receiver_stopped" in log
    assert committed == answered
    assert books.balance("busy") == 10_000_000 - 100 * len(answered)
    assert books.failed_checks() == []


def test_a_receiver_without_its_database_is_alive_not_ready_and_answers_retry_later(
    tmp_path: Path,
) -> None:
    with harness.receivers(tmp_path, NO_DATABASE, NOBODY) as (client, (process,)):
        alive = client.request("GET", "/livez")
        ready = client.request("GET", "/readyz")
        sport = client.post("sport", transaction("42", "OP-1", "bet"))
        games = client.post("games", SPEAKERS["aggregator"].sign("/bet", BET, SECRET))
        code = process.terminate()
        log = process.log()

    assert alive.status == 200
    assert ready.status == 503
    assert json.loads(ready.body)["status"] == "unavailable"
    assert sport == Reply(200, b'{"error":"INTERNAL_ERROR"}')
    assert games == Reply(500, b'{"error":"Internal error"}')
    assert code == 0
    assert "Traceback" not in log


def test_without_the_broker_bets_are_accepted_and_batches_wait_for_the_sweeper(
    books: LedgerDatabase, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, NOBODY) as (client, (process,)):
        reply = client.post("sport", transaction("42", "OP-1", "bet"))
        is_logged = harness.wait_until(lambda: process.has_logged("notify_failed"))
        code = process.terminate()

    assert json.loads(reply.body)["error"] is None
    assert is_logged
    assert code == 0
    assert books.balance("42") == 9900
    waiting = books.rows("SELECT count(*) FROM batches WHERE posted_at IS NULL")
    assert waiting[0][0] >= 1


def test_metrics_on_their_own_port_are_hidden_from_providers(tmp_path: Path) -> None:
    ops_client = ReceiverClient(free_port())
    settings = SETTINGS.replace("[workers]", f"ops_port = {ops_client.port}\n[workers]")
    with harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=settings) as (client, _):
        assert client.request("GET", "/metrics").status == 404
        assert client.request("GET", "/livez").status == 200
        assert ops_client.request("GET", "/livez").status == 200
        assert b"tieout_callbacks_pending" in ops_client.request("GET", "/metrics").body
        assert ops_client.request("POST", "/callbacks/sport/transaction").status == 404


def test_idle_connections_do_not_delay_a_shutdown(tmp_path: Path) -> None:
    async def scene(client: ReceiverClient, stop: Callable[[], int]) -> int:
        async with aiohttp.ClientSession(connector=connector(keep_alive=True)) as session:
            for _ in range(3):
                async with session.get(f"http://127.0.0.1:{client.port}/livez") as response:
                    await response.read()
            stopping = asyncio.to_thread(stop)
            return await asyncio.wait_for(stopping, 60)  # well before the drain timeout

    settings = SETTINGS.replace('drain_timeout = "5s"', 'drain_timeout = "600s"')
    running = harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=settings)
    with running as (client, (process,)):
        assert asyncio.run(scene(client, process.terminate)) == 0


def test_a_hanging_database_delays_a_shutdown_no_longer_than_the_drain_timeout(
    books: LedgerDatabase, broker_url: str, tmp_path: Path
) -> None:
    books.player("42")
    callback = transaction("42", "OP-1", "bet")
    settings = SETTINGS.replace('drain_timeout = "5s"', 'drain_timeout = "500ms"')
    running = harness.receivers(tmp_path, books.url, broker_url, settings=settings)
    with (
        running as (client, (process,)),
        ThreadPoolExecutor() as pool,
        psycopg.connect(books.url) as blocker,
    ):
        blocker.execute("LOCK TABLE operations IN ACCESS EXCLUSIVE MODE")
        hanging = pool.submit(client.post, "sport", callback)
        assert harness.wait_until(lambda: bool(books.rows(BLOCKED)[0][0]))
        code = process.terminate()
        reply = hanging.result(harness.WAIT_S)
    is_idle = harness.wait_until(lambda: not books.rows(BUSY)[0][0])

    assert code == 0
    assert reply in (Reply(0, b""), Reply(200, b'{"error":"INTERNAL_ERROR"}'))
    assert is_idle
    assert books.failed_checks() == []


def test_a_database_connection_that_died_unnoticed_costs_no_callback(
    books: LedgerDatabase, broker_url: str, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, broker_url) as (client, (process,)):
        before = client.post("sport", transaction("42", "OP-1", "bet"))
        books.rows(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        after = client.post("sport", transaction("42", "OP-2", "bet"))
        log = process.log()

    assert json.loads(before.body)["error"] is None
    assert json.loads(after.body)["error"] is None
    assert books.balance("42") == 9800
    assert "Traceback" not in log


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = TieoutProcess(tmp_path, NO_DATABASE, NOBODY, "receiver", "--port", port)
        code = process.process.wait(harness.WAIT_S)

    assert code == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in process.log()
    assert "Traceback" not in process.log()


def test_a_receiver_listens_on_ipv6_too(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("receiver", "--host", "::1", "--port", str(port))
    process = TieoutProcess(tmp_path, NO_DATABASE, NOBODY, *arguments)
    try:
        assert harness.wait_until(lambda: process.has_logged("receiver_started")), process.log()
        with socket.create_connection(("::1", port), timeout=harness.WAIT_S) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
    finally:
        process.kill()
