"""Receivers as processes: several at one port, told to stop, cut off from what they need."""

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
from tests.harness.servers.receiver import SECRET, SETTINGS, Books, Door, Reply, Tieout

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
def books(database: str) -> Iterator[Books]:
    found = Books(database)
    yield found
    found.close()


def transaction(player: str, key: str, action: str) -> Callback:
    document = {"transaction_id": key, "action": action, "user_id": player}
    body = json.dumps({**document, "currency": "USD", "amount": "1.00"}).encode()
    return sign_sportsbook("/transaction", body, SECRET)


class Sender:
    """A provider that sends transactions of one player over one HTTP session."""

    def __init__(self, door: Door, session: aiohttp.ClientSession, player: str) -> None:
        self._url = f"http://127.0.0.1:{door.port}/callbacks/sport/transaction"
        self._session = session
        self._player = player

    async def send(self, key: str, action: str = "bet") -> str | None:
        """The error that came back, None for a success."""
        came = transaction(self._player, key, action)
        post = self._session.post(self._url, data=came.body, headers=came.headers)
        async with post as response:
            assert response.status == 200
            error: str | None = (await response.json())["error"]
            return error

    async def insist(self, key: str, action: str = "bet") -> str | None:
        """Send until the answer is final, as the provider does."""
        for _ in range(ATTEMPTS_MAX):
            error = await self.send(key, action)
            if error != "INTERNAL_ERROR":
                return error
        raise AssertionError(f"{key} never got a final answer")


def connections(*, kept: bool) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, force_close=not kept)


def test_receivers_sharing_a_port_and_a_wallet_keep_exact_books(
    books: Books, broker_url: str, tmp_path: Path
) -> None:
    books.player("shared", balance="40.00")

    async def all_at_once(door: Door) -> list[str | None]:
        async with aiohttp.ClientSession(connector=connections(kept=False)) as session:
            sender = Sender(door, session, "shared")
            bets = [sender.insist(f"bet-{number}") for number in range(60)]
            copies = [sender.insist(f"bet-{number}") for number in range(0, 60, 3)]
            return await asyncio.gather(*bets, *copies)

    with harness.receivers(tmp_path, books.url, broker_url, processes=3) as (door, running):
        answers = asyncio.run(all_at_once(door))
        codes = [one.terminate() for one in running]

    assert answers[:60].count(None) == 40
    assert answers[:60].count("INSUFFICIENT_FUNDS") == 20
    assert answers[60:] == answers[0:60:3]
    assert books.balance("shared") == 0
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(60,)]
    assert books.wrong() == []
    assert codes == [0, 0, 0]


def test_a_receiver_told_to_stop_under_load_answers_what_it_committed_and_ends_well(
    books: Books, broker_url: str, tmp_path: Path
) -> None:
    books.player("busy", balance="100000.00")
    answered: set[str] = set()
    enough = asyncio.Event()

    async def client(sender: Sender, name: int) -> None:
        for number in range(10_000):
            key = f"{name}-{number}"
            try:
                error = await sender.send(key)
            except (aiohttp.ClientError, OSError):
                return  # the door is closed
            if error is None:
                answered.add(key)
            if len(answered) >= 100:
                enough.set()

    async def scene(door: Door, stop: Callable[[], int]) -> int:
        async with aiohttp.ClientSession(connector=connections(kept=True)) as session:
            sender = Sender(door, session, "busy")
            clients = [asyncio.create_task(client(sender, name)) for name in range(16)]
            await asyncio.wait_for(enough.wait(), harness.WAIT_S)
            code = await asyncio.to_thread(stop)
            await asyncio.wait_for(asyncio.gather(*clients), harness.WAIT_S)
            return code

    with harness.receivers(tmp_path, books.url, broker_url) as (door, (process,)):
        code = asyncio.run(scene(door, process.terminate))
        log = process.log()

    committed = {
        key for (key,) in books.rows("SELECT op_key FROM operations WHERE kind = 'bet'")
    }
    assert code == 0
    assert "receiver_stopped" in log
    assert committed == answered
    assert books.balance("busy") == 10_000_000 - 100 * len(answered)
    assert books.wrong() == []


def test_without_its_database_a_receiver_lives_says_so_and_asks_to_come_back(
    tmp_path: Path,
) -> None:
    with harness.receivers(tmp_path, NO_DATABASE, NOBODY) as (door, (process,)):
        alive = door.ask("GET", "/livez")
        ready = door.ask("GET", "/readyz")
        sport = door.post("sport", transaction("42", "OP-1", "bet"))
        games = door.post("games", SPEAKERS["aggregator"].sign("/bet", BET, SECRET))
        code = process.terminate()
        log = process.log()

    assert alive.status == 200
    assert ready.status == 503
    assert json.loads(ready.body)["status"] == "unavailable"
    assert sport == Reply(200, b'{"error":"INTERNAL_ERROR"}')
    assert games == Reply(500, b'{"error":"Internal error"}')
    assert code == 0
    assert "Traceback" not in log


def test_without_the_broker_bets_are_taken_and_the_batch_waits_for_the_sweeper(
    books: Books, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, NOBODY) as (door, (process,)):
        taken = door.post("sport", transaction("42", "OP-1", "bet"))
        noticed = harness.until(lambda: process.said("notify_failed"))
        code = process.terminate()

    assert json.loads(taken.body)["error"] is None
    assert noticed
    assert code == 0
    assert books.balance("42") == 9900
    waiting = books.rows("SELECT count(*) FROM batches WHERE posted_at IS NULL")
    assert waiting[0][0] >= 1


def test_metrics_on_a_port_of_their_own_are_not_told_to_the_providers(tmp_path: Path) -> None:
    side = Door(free_port())
    settings = SETTINGS.replace("[workers]", f"ops_port = {side.port}\n[workers]")
    with harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=settings) as (door, _):
        assert door.ask("GET", "/metrics").status == 404
        assert door.ask("GET", "/livez").status == 200
        assert side.ask("GET", "/livez").status == 200
        assert b"tieout_callbacks_pending" in side.ask("GET", "/metrics").body
        assert side.ask("POST", "/callbacks/sport/transaction").status == 404


def test_idle_connections_do_not_hold_a_stopping_receiver(tmp_path: Path) -> None:
    async def scene(door: Door, stop: Callable[[], int]) -> int:
        async with aiohttp.ClientSession(connector=connections(kept=True)) as session:
            for _ in range(3):
                async with session.get(f"http://127.0.0.1:{door.port}/livez") as response:
                    await response.read()
            stopping = asyncio.to_thread(stop)
            return await asyncio.wait_for(stopping, 60)  # well before the drain's end

    settings = SETTINGS.replace('drain_timeout = "5s"', 'drain_timeout = "600s"')
    running = harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=settings)
    with running as (door, (process,)):
        assert asyncio.run(scene(door, process.terminate)) == 0


def test_a_database_that_hangs_holds_a_stopping_receiver_no_longer_than_its_drain(
    books: Books, broker_url: str, tmp_path: Path
) -> None:
    books.player("42")
    came = transaction("42", "OP-1", "bet")
    settings = SETTINGS.replace('drain_timeout = "5s"', 'drain_timeout = "500ms"')
    running = harness.receivers(tmp_path, books.url, broker_url, settings=settings)
    with (
        running as (door, (process,)),
        ThreadPoolExecutor() as pool,
        psycopg.connect(books.url) as blocker,
    ):
        blocker.execute("LOCK TABLE operations IN ACCESS EXCLUSIVE MODE")
        hanging = pool.submit(door.post, "sport", came)
        assert harness.until(lambda: bool(books.rows(BLOCKED)[0][0]))
        code = process.terminate()
        heard = hanging.result(harness.WAIT_S)
    settled = harness.until(lambda: not books.rows(BUSY)[0][0])

    assert code == 0
    assert heard in (Reply(0, b""), Reply(200, b'{"error":"INTERNAL_ERROR"}'))
    assert settled
    assert books.wrong() == []


def test_connections_that_died_unnoticed_cost_no_callback(
    books: Books, broker_url: str, tmp_path: Path
) -> None:
    books.player("42")
    with harness.receivers(tmp_path, books.url, broker_url) as (door, (process,)):
        before = door.post("sport", transaction("42", "OP-1", "bet"))
        books.rows(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        after = door.post("sport", transaction("42", "OP-2", "bet"))
        log = process.log()

    assert json.loads(before.body)["error"] is None
    assert json.loads(after.body)["error"] is None
    assert books.balance("42") == 9800
    assert "Traceback" not in log


def test_a_port_that_somebody_else_holds_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = Tieout(tmp_path, NO_DATABASE, NOBODY, "receiver", "--port", port)
        code = refused.process.wait(harness.WAIT_S)

    assert code == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.log()
    assert "Traceback" not in refused.log()


def test_a_receiver_listens_on_ipv6_too(tmp_path: Path) -> None:
    port = free_port()
    words = ("receiver", "--host", "::1", "--port", str(port))
    process = Tieout(tmp_path, NO_DATABASE, NOBODY, *words)
    try:
        assert harness.until(lambda: process.said("receiver_started")), process.log()
        with socket.create_connection(("::1", port), timeout=harness.WAIT_S) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
    finally:
        process.end()
