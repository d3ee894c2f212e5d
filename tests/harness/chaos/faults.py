"""The faults of the campaign: each is injected into a running stack and returns at its end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import redis

from ops.engines import server_process, servers
from ops.settings.loader import load as load_settings
from tests.harness.chaos.stack import ProxiedStack, SmallDiskStack, Stack
from tests.harness.servers.tieout_stack import PATIENCE_S, TIEOUT
from vocabulary.fault_points import Step

#: How long an outage lasts, in seconds.
OUTAGE_S = float(os.environ.get("OUTAGE_S", "10"))
#: How long a disk stays full, in seconds; less than the supervisor waits for its engines.
FULL_S = min(OUTAGE_S, 10.0)
_BLOCKED_PIDS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""
#: Changes that a later version might make.
_LATER_SCHEMA = """
ALTER TABLE operations ADD COLUMN later_note text;
ALTER TABLE batches ADD COLUMN later_count integer NOT NULL DEFAULT 0;
ALTER TABLE wallets ADD COLUMN later_limit bigint;
ALTER TABLE deliveries ADD COLUMN later_kind text NOT NULL DEFAULT 'none';
ALTER TABLE rounds ADD COLUMN later_bonus bigint NOT NULL DEFAULT 0;
CREATE TABLE later_things (thing_id bigint PRIMARY KEY);
UPDATE alembic_version SET version_num = '9999';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        inject: injects it and returns at its end; for a kill, at once.
        stack: the kind of stack that it needs.
        is_once: whether one stack can suffer it only once.
    """

    name: str
    inject: Callable[[Stack], None]
    stack: type[Stack] = Stack
    is_once: bool = False


def kill_at(step: Step) -> Fault:
    """SIGKILL for the next process that reaches the step."""
    return Fault(
        name=f"killed at step: {step}",
        inject=lambda stack: _wait_gone(stack.signal_at(step, signal.SIGKILL)),
    )


def kill_sweeper_at(step: Step) -> Fault:
    """The same in the scheduler, which has work only while the workers are frozen."""

    def inject(stack: Stack) -> None:
        with stack.frozen("worker"):
            _wait_gone(stack.signal_at(step, signal.SIGKILL))

    return Fault(name=f"killed at step: {step}", inject=inject)


def freeze_at(step: Step) -> Fault:
    """SIGSTOP, later SIGCONT, for the next process that reaches the step."""

    def inject(stack: Stack) -> None:
        pid = stack.signal_at(step, signal.SIGSTOP)
        time.sleep(OUTAGE_S / 2)
        server_process.send(pid, signal.SIGCONT)

    return Fault(name=f"frozen at step: {step}", inject=inject)


def kill(name: str) -> Fault:
    """SIGKILL at any instant."""

    def inject(stack: Stack) -> None:
        pid = stack.postmaster() if name == "postgres" else stack.pids(name)[0]
        server_process.send(pid, signal.SIGKILL)
        _wait_gone(pid)

    return Fault(name=f"{name} killed", inject=inject)


def terminate(name: str) -> Fault:
    """SIGTERM: an orderly shutdown under load."""

    def inject(stack: Stack) -> None:
        pid = stack.pids(name)[0]
        server_process.send(pid, signal.SIGTERM)
        _wait_gone(pid)

    return Fault(name=f"{name} terminated", inject=inject)


def freeze(name: str) -> Fault:
    """Freeze all its processes for a while."""

    def inject(stack: Stack) -> None:
        with stack.frozen(name):
            time.sleep(OUTAGE_S / 2)

    return Fault(name=f"{name} frozen", inject=inject)


def postgres_in_a_transaction(signal_number: signal.Signals, manner: str) -> Fault:
    """The server ends while a callback's statement is running."""

    def inject(stack: Stack) -> None:
        pid = stack.postmaster()
        while not _blocked(stack, lambda: server_process.send(pid, signal_number)):
            pass  # the test's own transaction lost a dead-lock
        _wait_gone(pid)

    return Fault(name=f"postgres {manner} mid-transaction", inject=inject)


def receiver_backend_killed() -> Fault:
    """SIGKILL for the server process that writes callbacks: the whole server restarts."""

    def inject(stack: Stack) -> None:
        pids: list[int] = []

        def find_and_kill() -> None:
            with psycopg.connect(stack.database_url) as connection:
                pids.extend(row[0] for row in connection.execute(_BLOCKED_PIDS))
            server_process.send(pids[0], signal.SIGKILL)

        while not _blocked(stack, find_and_kill):
            pass
        _wait_gone(pids[0])

    return Fault(name="postgres backend killed mid-statement", inject=inject)


def broker_flushed(stack: Stack) -> None:
    """All messages are lost."""
    url = servers.ensure_running(
        stack.data, load_settings(stack.folder / "tieout.toml", {})
    ).broker_url
    client = redis.Redis.from_url(url)
    client.flushall()
    client.close()


def broker_out_of_reach(stack: Stack) -> None:
    """The broker refuses connections for long."""
    assert isinstance(stack, ProxiedStack)
    with stack.broker.refusing():
        time.sleep(OUTAGE_S)


def broker_silent(stack: Stack) -> None:
    """The broker receives and does not answer."""
    assert isinstance(stack, ProxiedStack)
    with stack.broker.losing_replies():
        time.sleep(OUTAGE_S)


def broker_cut(stack: Stack) -> None:
    """Every connection to the broker breaks."""
    assert isinstance(stack, ProxiedStack)
    stack.broker.cut()


def database_cut(stack: Stack) -> None:
    """Every connection to the database breaks."""
    assert isinstance(stack, ProxiedStack)
    stack.database.cut()


def database_out_of_reach(stack: Stack) -> None:
    """The database refuses connections."""
    assert isinstance(stack, ProxiedStack)
    with stack.database.refusing():
        time.sleep(OUTAGE_S / 2)


def database_answers_lost(stack: Stack) -> None:
    """Statements commit but their answers are lost; then every connection breaks."""
    assert isinstance(stack, ProxiedStack)
    with stack.database.losing_replies():
        time.sleep(OUTAGE_S / 2)


def disk_full(stack: Stack) -> None:
    """The disk of database, queue and logs is full."""
    assert isinstance(stack, SmallDiskStack)
    before = stack.disk_full_errors()
    with stack.full_disk():
        deadline = time.monotonic() + PATIENCE_S
        while stack.disk_full_errors() == before:
            assert time.monotonic() < deadline, "the database never ran out of space"
            time.sleep(0.05)
        time.sleep(FULL_S)


def disk_full_for_the_log(stack: Stack) -> None:
    """Even the write-ahead log cannot grow: the server stops and cannot restart."""
    assert isinstance(stack, SmallDiskStack)
    before = stack.disk_full_errors()
    with stack.full_disk():
        deadline = time.monotonic() + PATIENCE_S
        while stack.disk_full_errors() == before:
            assert time.monotonic() < deadline, "the database never ran out of space"
            with contextlib.suppress(psycopg.Error):  # preallocated segments are used first
                stack.query("SELECT pg_switch_wal()")
            time.sleep(0.05)
        time.sleep(FULL_S / 2)


def two_schedulers(stack: Stack) -> None:
    """A second scheduler runs while messages are lost; the first one is killed."""
    command = [*TIEOUT, "--data", str(stack.data), "scheduler"]
    with subprocess.Popen(command, cwd=stack.folder, stderr=subprocess.DEVNULL) as second:
        for _ in range(5):
            broker_flushed(stack)
            time.sleep(OUTAGE_S / 10)
        server_process.send(stack.pids("scheduler")[0], signal.SIGKILL)
        broker_flushed(stack)
        second.terminate()


def later_schema(stack: Stack) -> None:
    """A later version migrates the database; then this version's processes restart."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(_LATER_SCHEMA.encode())
    for name in ("receiver", "worker", "scheduler"):
        server_process.send(stack.pids(name)[0], signal.SIGKILL)


def supervisor_killed(stack: Stack) -> None:
    """``tieout up`` itself is killed and restarted."""
    stack.up.kill()
    stack.up.wait()
    assert stack.up.stdout is not None
    stack.up.stdout.close()
    stack.up = stack.start()


_SWEEPER_STEPS = (Step.BACKLOG_FOUND, Step.BACKLOG_SENT)
FAULTS = (
    *(kill_at(step) for step in Step if step not in _SWEEPER_STEPS),
    *(kill_sweeper_at(step) for step in _SWEEPER_STEPS),
    *(freeze_at(step) for step in (Step.DECIDED, Step.COMMITTED, Step.LOCKED, Step.MARKED)),
    *(kill(name) for name in ("receiver", "worker", "scheduler", "valkey", "postgres")),
    *(terminate(name) for name in ("receiver", "worker")),
    Fault(name="tieout up killed, started again", inject=supervisor_killed),
    postgres_in_a_transaction(signal.SIGQUIT, "stopped at once"),
    postgres_in_a_transaction(signal.SIGKILL, "killed"),
    receiver_backend_killed(),
    *(freeze(name) for name in ("receiver", "worker", "valkey", "postgres")),
    Fault(name="broker flushed", inject=broker_flushed),
    Fault(name="broker connections cut", inject=broker_cut, stack=ProxiedStack),
    Fault(name="broker out of reach", inject=broker_out_of_reach, stack=ProxiedStack),
    Fault(name="broker silent", inject=broker_silent, stack=ProxiedStack),
    Fault(name="database connections cut", inject=database_cut, stack=ProxiedStack),
    Fault(name="database out of reach", inject=database_out_of_reach, stack=ProxiedStack),
    Fault(name="database's answers lost", inject=database_answers_lost, stack=ProxiedStack),
    Fault(name="disk full", inject=disk_full, stack=SmallDiskStack),
    Fault(name="disk full for the log", inject=disk_full_for_the_log, stack=SmallDiskStack),
    Fault(name="two schedulers, messages lost", inject=two_schedulers),
    Fault(name="later schema under this code", inject=later_schema, is_once=True),
)


def _blocked(stack: Stack, strike: Callable[[], None]) -> bool:
    """Lock all wallets, wait for a blocked statement, then strike; False after a dead-lock."""
    with contextlib.closing(psycopg.connect(stack.database_url)) as holder:
        try:
            holder.execute("SELECT FROM wallets ORDER BY wallet_id FOR UPDATE")
        except psycopg.errors.DeadlockDetected:
            return False
        deadline = time.monotonic() + PATIENCE_S
        with psycopg.connect(stack.database_url, autocommit=True) as watcher:
            while not watcher.execute(_BLOCKED_PIDS).fetchall():
                assert time.monotonic() < deadline, "no statement is blocked"
        strike()
    return True


def _wait_gone(pid: int) -> None:
    assert server_process.wait_gone(pid, timeout_s=PATIENCE_S), f"{pid} still runs"
