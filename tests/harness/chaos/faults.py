"""The faults: each hurts a running stack once and says when the hurting ended."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import redis

from ops.runtime import process, servers
from ops.settings.loader import load as load_settings
from tests.harness.chaos.stack import ProxiedStack, SmallDiskStack, Stack
from tests.harness.servers.running import PATIENCE_S, TIEOUT
from vocabulary.steps import Step

#: How long something stands still or is out of reach, in seconds.
OUTAGE_S = float(os.environ.get("OUTAGE_S", "10"))
#: How long a disk stays full, in seconds: less than the supervisor's patience with its engines.
FULL_S = min(OUTAGE_S, 10.0)
_BLOCKED_PIDS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""
#: What a later version might add.
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
    """One thing that happens.

    Attributes:
        happen: hurts the stack; returns when it was over. It is over at once for a kill.
        stack: what it needs to be done to.
        once: it cannot happen twice to the same stack.
    """

    name: str
    happen: Callable[[Stack], None]
    stack: type[Stack] = Stack
    once: bool = False


def killed_at(step: Step) -> Fault:
    """SIGKILL of whoever comes to the step next."""
    return Fault(
        name=f"killed at step: {step}",
        happen=lambda stack: _settled(stack.order(step, signal.SIGKILL)),
    )


def killed_sweeping_at(step: Step) -> Fault:
    """The same in the scheduler, which has work only while the workers stand still."""

    def happen(stack: Stack) -> None:
        with stack.frozen("worker"):
            _settled(stack.order(step, signal.SIGKILL))

    return Fault(name=f"killed at step: {step}", happen=happen)


def frozen_at(step: Step) -> Fault:
    """SIGSTOP of whoever comes to the step next, then SIGCONT."""

    def happen(stack: Stack) -> None:
        pid = stack.order(step, signal.SIGSTOP)
        time.sleep(OUTAGE_S / 2)
        process.send(pid, signal.SIGCONT)

    return Fault(name=f"frozen at step: {step}", happen=happen)


def killed(name: str) -> Fault:
    """SIGKILL at whatever instant."""

    def happen(stack: Stack) -> None:
        pid = stack.postmaster() if name == "postgres" else stack.pids(name)[0]
        process.send(pid, signal.SIGKILL)
        _settled(pid)

    return Fault(name=f"{name} killed", happen=happen)


def stopped(name: str) -> Fault:
    """SIGTERM: an orderly end under load."""

    def happen(stack: Stack) -> None:
        pid = stack.pids(name)[0]
        process.send(pid, signal.SIGTERM)
        _settled(pid)

    return Fault(name=f"{name} told to stop", happen=happen)


def frozen(name: str) -> Fault:
    """Every process of it stands still for a while."""

    def happen(stack: Stack) -> None:
        with stack.frozen(name):
            time.sleep(OUTAGE_S / 2)

    return Fault(name=f"{name} frozen", happen=happen)


def postgres_in_a_transaction(number: signal.Signals, how: str) -> Fault:
    """The server ends while a callback's statement is in the middle of its work."""

    def happen(stack: Stack) -> None:
        pid = stack.postmaster()
        while not _blocked(stack, lambda: process.send(pid, number)):
            pass  # it was the holder that lost a dead-lock
        _settled(pid)

    return Fault(name=f"postgres {how} mid-transaction", happen=happen)


def receivers_backend_killed() -> Fault:
    """SIGKILL of the one server process that writes callbacks: all of the server restarts."""

    def happen(stack: Stack) -> None:
        pids: list[int] = []

        def note_and_kill() -> None:
            with psycopg.connect(stack.database_url) as connection:
                pids.extend(row[0] for row in connection.execute(_BLOCKED_PIDS))
            process.send(pids[0], signal.SIGKILL)

        while not _blocked(stack, note_and_kill):
            pass
        _settled(pids[0])

    return Fault(name="postgres backend killed mid-statement", happen=happen)


def broker_flushed(stack: Stack) -> None:
    """Every message is gone."""
    url = servers.ensure(stack.data, load_settings(stack.folder / "tieout.toml", {})).broker_url
    client = redis.Redis.from_url(url)
    client.flushall()
    client.close()


def broker_out_of_reach(stack: Stack) -> None:
    """Nobody gets through to the broker for long."""
    assert isinstance(stack, ProxiedStack)
    with stack.broker.refusing():
        time.sleep(OUTAGE_S)


def broker_silent(stack: Stack) -> None:
    """The broker hears and does not answer."""
    assert isinstance(stack, ProxiedStack)
    with stack.broker.deaf():
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
    """Nobody gets through to the database."""
    assert isinstance(stack, ProxiedStack)
    with stack.database.refusing():
        time.sleep(OUTAGE_S / 2)


def database_answers_lost(stack: Stack) -> None:
    """Statements arrive and commit; no answer comes back, then everything breaks."""
    assert isinstance(stack, ProxiedStack)
    with stack.database.deaf():
        time.sleep(OUTAGE_S / 2)


def disk_full(stack: Stack) -> None:
    """No byte is left where database, queue and logs live."""
    assert isinstance(stack, SmallDiskStack)
    before = stack.complaints()
    with stack.full_disk():
        deadline = time.monotonic() + PATIENCE_S
        while stack.complaints() == before:
            assert time.monotonic() < deadline, "the database never ran out of space"
            time.sleep(0.05)
        time.sleep(FULL_S)


def disk_full_for_the_log(stack: Stack) -> None:
    """Not even the write-ahead log can go on: the server goes down, and cannot come up."""
    assert isinstance(stack, SmallDiskStack)
    before = stack.complaints()
    with stack.full_disk():
        deadline = time.monotonic() + PATIENCE_S
        while stack.complaints() == before:
            assert time.monotonic() < deadline, "the database never ran out of space"
            with contextlib.suppress(psycopg.Error):  # segments made in advance are used first
                stack.query("SELECT pg_switch_wal()")
            time.sleep(0.05)
        time.sleep(FULL_S / 2)


def two_schedulers(stack: Stack) -> None:
    """A second scheduler works beside the first while messages are lost; one of them dies."""
    words = [*TIEOUT, "--data", str(stack.data), "scheduler"]
    with subprocess.Popen(words, cwd=stack.folder, stderr=subprocess.DEVNULL) as second:
        for _ in range(5):
            broker_flushed(stack)
            time.sleep(OUTAGE_S / 10)
        process.send(stack.pids("scheduler")[0], signal.SIGKILL)
        broker_flushed(stack)
        second.terminate()


def later_schema(stack: Stack) -> None:
    """A later version migrates under this one's feet; then this one's processes start anew."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(_LATER_SCHEMA.encode())
    for name in ("receiver", "worker", "scheduler"):
        process.send(stack.pids(name)[0], signal.SIGKILL)


def supervisor_killed(stack: Stack) -> None:
    """``tieout up`` itself is killed, and started again."""
    stack.up.kill()
    stack.up.wait()
    assert stack.up.stdout is not None
    stack.up.stdout.close()
    stack.up = stack.start()


_SWEEPING = (Step.BACKLOG_FOUND, Step.BACKLOG_SENT)
FAULTS = (
    *(killed_at(step) for step in Step if step not in _SWEEPING),
    *(killed_sweeping_at(step) for step in _SWEEPING),
    *(frozen_at(step) for step in (Step.DECIDED, Step.COMMITTED, Step.LOCKED, Step.MARKED)),
    *(killed(name) for name in ("receiver", "worker", "scheduler", "valkey", "postgres")),
    *(stopped(name) for name in ("receiver", "worker")),
    Fault(name="tieout up killed, started again", happen=supervisor_killed),
    postgres_in_a_transaction(signal.SIGQUIT, "stopped at once"),
    postgres_in_a_transaction(signal.SIGKILL, "killed"),
    receivers_backend_killed(),
    *(frozen(name) for name in ("receiver", "worker", "valkey", "postgres")),
    Fault(name="broker flushed", happen=broker_flushed),
    Fault(name="broker connections cut", happen=broker_cut, stack=ProxiedStack),
    Fault(name="broker out of reach", happen=broker_out_of_reach, stack=ProxiedStack),
    Fault(name="broker silent", happen=broker_silent, stack=ProxiedStack),
    Fault(name="database connections cut", happen=database_cut, stack=ProxiedStack),
    Fault(name="database out of reach", happen=database_out_of_reach, stack=ProxiedStack),
    Fault(name="database's answers lost", happen=database_answers_lost, stack=ProxiedStack),
    Fault(name="disk full", happen=disk_full, stack=SmallDiskStack),
    Fault(name="disk full for the log", happen=disk_full_for_the_log, stack=SmallDiskStack),
    Fault(name="two schedulers, messages lost", happen=two_schedulers),
    Fault(name="later schema under this code", happen=later_schema, once=True),
)


def _blocked(stack: Stack, strike: Callable[[], None]) -> bool:
    """Hold every wallet until a statement waits, then strike; False: we lost a dead-lock."""
    with contextlib.closing(psycopg.connect(stack.database_url)) as holder:
        try:
            holder.execute("SELECT FROM wallets ORDER BY wallet_id FOR UPDATE")
        except psycopg.errors.DeadlockDetected:
            return False
        deadline = time.monotonic() + PATIENCE_S
        with psycopg.connect(stack.database_url, autocommit=True) as watcher:
            while not watcher.execute(_BLOCKED_PIDS).fetchall():
                assert time.monotonic() < deadline, "no statement came to wait"
        strike()
    return True


def _settled(pid: int) -> None:
    assert process.wait_gone(pid, timeout_s=PATIENCE_S), f"{pid} still runs"
