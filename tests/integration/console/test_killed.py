"""Console or database killed amid an action: it is done once, or not at all.

The broker of these books never answers, so every action is also one without a broker. A broker
that is killed before and amid actions is in ``tests/integration/workers/test_queue_story.py``.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.conftest import PostgresServer
from tests.harness.books.console import ConsoleBooks
from tests.harness.chaos.proxy import Proxy
from tests.harness.servers.api import ApiClient, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, Reply
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import wait_until

SOCKET = ".s.PGSQL.5432"
#: A day without rounds, so that work on breaks does not change its figures.
DAY = "/days/lottery/2026-06-03"
_WAITING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_WRITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state IN ('active', 'idle in transaction')
   AND pid <> pg_backend_pid()
"""
#: How often each action of ``Actions`` was done.
_DONE = """
SELECT (SELECT count(*) FROM audit WHERE action = 'break.assigned' AND subject = '{r4}'),
       (SELECT count(*) FROM break_notes WHERE break_id = '{r5}'),
       (SELECT count(*) FROM adjustments WHERE state = 'approved' AND decided_by = 'jonas'),
       (SELECT count(*) FROM day_steps WHERE action = 'signed'),
       (SELECT count(*) FROM break_notes WHERE break_id = '{r7}')
"""

Send = Callable[[int], Reply]


class Actions:
    """Five requests, made once and sent to any console: the same forms, the same key."""

    def __init__(self, site: ConsoleSite, books: ConsoleBooks) -> None:
        self.maria, self.jonas = site.browser_of("maria"), site.browser_of("jonas")
        self.token = token_for(site, "maria")
        self.break_ids = {name: books.break_of(name) for name in ("r4", "r5", "r6", "r7")}
        pages = {name: f"/breaks/{break_id}" for name, break_id in self.break_ids.items()}
        self.maria.submit(pages["r6"], f"{pages['r6']}/propose", reason="their record is right")
        books.run(
            *("day", "close", DAY[-10:], "--provider", "lottery", "--reason", "none"),
            by="maria",
        )
        self.maria.submit(DAY, f"{DAY}/prepare", reason="none")
        self.all: tuple[Send, ...] = (
            form_of(self.maria, pages["r4"], "assign", to="erin"),
            form_of(self.maria, pages["r5"], "comment", text="asked them"),
            form_of(self.jonas, pages["r6"], "approve"),
            form_of(self.jonas, DAY, "sign"),
            lambda port: ApiClient(port, self.token).act(
                f"/breaks/{self.break_ids['r7']}/comment",
                {"text": "by a program"},
                headers={"Idempotency-Key": "killed"},
            ),
        )

    def done(self, books: ConsoleBooks) -> tuple[object, ...]:
        """How often each was done."""
        return books.rows(_DONE.format(**self.break_ids))[0]


def form_of(client: PageClient, page: str, action: str, **fields: str) -> Send:
    """A form of a page as it is now, sent to any console in the session of the browser."""
    sent = {**hidden_fields(client.get(page)), **fields}
    return lambda port: PageClient(port, dict(client.cookies)).post(f"{page}/{action}", sent)


def hidden_fields(page: Reply) -> Mapping[str, str]:
    names = ("form_token", "version", "seen", "seen_note")
    return {name: page.field(name) for name in names if f'name="{name}"' in page.text}


@pytest.fixture(scope="module")
def actions(site: ConsoleSite, console_books: ConsoleBooks) -> Actions:
    return Actions(site, console_books)


@contextmanager
def held_actions(books: ConsoleBooks) -> Iterator[Connection]:
    """Every action waits before its row of the audit trail, until the lock is rolled back."""
    with books.books.engine.connect() as connection:
        connection.execute(text("LOCK TABLE audit IN SHARE MODE"))
        yield connection


def waiting_pids(books: ConsoleBooks) -> list[int]:
    return [int(str(pid)) for (pid,) in books.rows(_WAITING)]


@contextmanager
def console_process(
    books: ConsoleBooks, sockets: Path
) -> Iterator[tuple[int, Callable[[], None]]]:
    """``tieout console`` that writes through a socket of its own; its port, and its SIGKILL."""
    port, url = free_port(), books.books.url
    writer = f"{url.partition('?')[0]}?host={sockets}".replace("tieout@", "tieout_console@")
    command = [sys.executable, "-m", "ops", "--config", str(books.config), "console"]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, "TIEOUT_CONSOLE__WRITE_URL": writer},
        stderr=subprocess.DEVNULL,
    ) as process:

        def kill() -> None:
            process.send_signal(signal.SIGKILL)
            process.wait()

        try:
            assert wait_until(lambda: process.poll() is not None or is_ready(port))
            yield port, kill
        finally:
            process.kill()


def is_ready(port: int) -> bool:
    try:
        return PageClient(port).get("/readyz").status == 200
    except OSError:
        return False


def test_a_killed_console_has_done_each_action_once_or_not_at_all(
    site: ConsoleSite,
    console_books: ConsoleBooks,
    actions: Actions,
    postgres: PostgresServer,
    tmp_path: Path,
) -> None:
    count = len(actions.all)
    with ThreadPoolExecutor(count) as pool:
        with held_actions(console_books) as lock:
            with console_process(console_books, postgres.home.sockets) as (port, kill):
                sent = [pool.submit(send, port) for send in actions.all]
                assert wait_until(lambda: len(waiting_pids(console_books)) == count)
                kill()
            lock.rollback()
        assert all(lost(request) for request in sent)
        assert wait_until(lambda: console_books.rows(_WRITING) == [(0,)])
        assert actions.done(console_books) == (0, 0, 0, 0, 0)

        console_books.execute(
            "UPDATE api_requests SET started_at = started_at - interval '5 minutes'"
        )
        proxy = Proxy(tmp_path / SOCKET, postgres.home.sockets / SOCKET)
        with (
            held_actions(console_books) as lock,
            console_process(console_books, tmp_path) as (port, kill),
        ):
            sent = [pool.submit(send, port) for send in actions.all]
            assert wait_until(lambda: len(waiting_pids(console_books)) == count)
            with proxy.losing_replies_to(b"COMMIT"):
                lock.rollback()
                assert wait_until(lambda: actions.done(console_books) == (1, 1, 1, 1, 1))
                kill()
        proxy.close()
        assert all(lost(request) for request in sent)

    repeated = [send(site.port) for send in actions.all]

    assert [reply.status for reply in repeated] == [409, 303, 409, 409, 200]
    assert repeated[-1].headers["Idempotency-Replayed"] == "true"
    assert actions.done(console_books) == (1, 1, 1, 1, 1)


def lost(request: Future[Reply]) -> bool:
    """Whether the connection ended without a reply."""
    return isinstance(request.exception(), OSError)


def test_files_and_comments_sent_twice_from_one_form_are_stored_once(
    actions: Actions, console_books: ConsoleBooks
) -> None:
    first, other = (console_books.break_of(name) for name in ("r0", "r1"))
    page, maria = f"/breaks/{first}", actions.maria
    form = hidden_fields(maria.get(page))
    fields = {name: form[name] for name in ("form_token", "seen_note")}
    bulk = maria.get(f"/breaks/bulk?scope=picked&pick-{first}=1&pick-{other}=1")
    many = {name: bulk.field(name) for name in ("form_token", "versions", "seen_note")}
    many |= {"action": "comment", "reason": "both of them"}

    file = ("file", "a.txt", b"1")
    sent = [maria.send_files(f"{page}/attach", fields, file) for _ in range(2)]
    commented = [maria.post("/breaks/bulk", many) for _ in range(2)]
    maria.submit(page, f"{page}/comment", text="both of them", seen_note="0")
    anew = hidden_fields(maria.get(page))
    maria.post(f"{page}/comment", {**anew, "text": "both of them"})

    assert [reply.status for reply in (*sent, *commented)] == [303, 303, 200, 200]
    assert console_books.rows(
        "SELECT kind, body FROM break_notes"
        f" WHERE break_id IN ('{first}', '{other}') ORDER BY note_id"
    ) == [
        ("file", "a.txt"),
        ("comment", "both of them"),
        ("comment", "both of them"),
        ("comment", "both of them"),
    ]


def test_a_killed_database_has_done_each_action_once_or_not_at_all(
    site: ConsoleSite, actions: Actions, console_books: ConsoleBooks
) -> None:
    ids = [console_books.break_of(name) for name in ("r8", "r9")]
    forms = [
        form_of(actions.maria, f"/breaks/{ids[0]}", "assign", to="erin"),
        form_of(actions.maria, f"/breaks/{ids[1]}", "comment", text="once"),
    ]
    done = (
        f"SELECT (SELECT state FROM break_workflows WHERE break_id = '{ids[0]}'),"
        f" (SELECT count(*) FROM break_notes WHERE break_id = '{ids[1]}')"
    )
    lock = psycopg.connect(console_books.books.url)
    lock.execute("LOCK TABLE audit IN SHARE MODE")
    with ThreadPoolExecutor(len(forms)) as pool:
        sent = [pool.submit(send, site.port) for send in forms]
        assert wait_until(lambda: len(waiting_pids(console_books)) == len(forms))
        os.kill(waiting_pids(console_books)[0], signal.SIGKILL)  # the server restarts itself
        refused = [request.result() for request in sent]
    lock.close()
    assert wait_until(lambda: is_ready(site.port))
    console_books.books.engine.dispose()
    before = console_books.rows(done)
    repeated = [send(site.port) for send in forms]

    assert [reply.status for reply in refused] == [503, 503]
    assert all("done whole or not at all" in reply.shown() for reply in refused)
    assert before == [("open", 0)]
    assert [reply.status for reply in repeated] == [303, 303]
    assert console_books.rows(done) == [("assigned", 1)]
