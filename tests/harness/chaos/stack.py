"""A running Tieout to be hurt: orders at steps, frozen processes, proxies; and the proof."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from ops.runtime import postgres_server, process, servers, valkey_server
from ops.runtime.data_directory import locked, open_data_directory
from ops.runtime.pid_file import read_pids
from tests.harness.chaos.load import Load
from tests.harness.chaos.proxy import Proxy
from tests.harness.servers.running import PATIENCE_S, SETTINGS, Running
from vocabulary.steps import Step

CHAOS_SETTINGS = SETTINGS + '[receiver]\ncommit_timeout = "2s"\n'
_BACKLOG = """
SELECT (SELECT count(*) FROM batches
         WHERE posted_at IS NULL AND parked_at IS NULL AND committed_at <= %(instant)s)
     + (SELECT count(*) FROM deliveries
         WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL
           AND received_at <= %(instant)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the books say after a fault, against what the providers were told.

    Attributes:
        acknowledged: operations that a provider was told stand.
        once: of those, booked exactly once, entries and amount included.
        lost: of those, not booked.
        doubled: booked otherwise than once as told, or without anybody having been told.
        wrong: answers that were not the expected ones, after all repeats.
        verify, replay: "clean", or what the command found.
    """

    acknowledged: int
    once: int
    lost: int
    doubled: int
    wrong: int
    parked: int
    verify: str
    replay: str

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled, wrong or unproven."""
        bad = (self.lost, self.doubled, self.wrong, self.parked)
        clean = {self.verify, self.replay} <= {"clean", "no such command"}
        return not any(bad) and clean and self.verify == "clean" and self.acknowledged > 0


class Stack(Running):
    """``tieout up`` that takes orders at steps."""

    def __init__(self, folder: Path, *, settings: str = CHAOS_SETTINGS) -> None:
        self._orders = folder / "orders"
        self.journal_folder = folder / "journals"
        for made in (self._orders, self.journal_folder):
            made.mkdir(parents=True)
        super().__init__(
            folder, settings=settings, env={"TIEOUT_TEST_SIGNALS": str(self._orders)}
        )
        self.home = open_data_directory(self.data)

    def load(self, *, seed: int) -> Load:
        """Start traffic."""
        url = f"http://127.0.0.1:{self.port}"
        load = Load(url, self.database_url, self.journal_folder, seed=seed)
        load.start()
        return load

    def journals(self) -> list[Path]:
        return sorted(self.journal_folder.glob("*.jsonl"))

    def order(self, step: Step, number: signal.Signals) -> int:
        """Have the next process at the step send itself a signal; the pid of who did."""
        draft = self._orders / f"{step}.draft"
        draft.write_text(number.name)
        draft.rename(self._orders / step)
        deadline = time.monotonic() + PATIENCE_S
        while not (taken := list(self._orders.glob(f"{step}.taken.*"))):
            assert time.monotonic() < deadline, f"nobody came to the step {step}"
            time.sleep(0.01)
        taken[0].unlink()
        return int(taken[0].suffix[1:])

    def pids(self, name: str) -> list[int]:
        """Every process of that name, children included; waits until there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self._processes(name)):
            assert time.monotonic() < deadline, f"no {name} runs"
            time.sleep(0.05)
        return found

    def _processes(self, name: str) -> list[int]:
        if name == "postgres":
            return process.running_in(self.home.postgres, program="postgres")
        if name == "valkey":
            return process.running_in(self.home.valkey, program="valkey-server")
        leaders = set(read_pids(self.data).get(name, []))
        return [pid for pid in _pids() if _group(pid) in leaders]

    def send(self, name: str, number: signal.Signals) -> None:
        """Signal every process of that name."""
        for pid in self.pids(name):
            process.send(pid, number)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Every process of that name stands still meanwhile."""
        held = self.pids(name)
        for pid in held:
            process.send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in held:
                process.send(pid, signal.SIGCONT)

    def postmaster(self) -> int:
        """The pid of the database server."""
        deadline = time.monotonic() + PATIENCE_S
        while (pid := postgres_server.running(self.home)) is None:
            assert time.monotonic() < deadline, "no postgres runs"
            time.sleep(0.05)
        return pid

    def until_worked_off(self) -> None:
        """Return once everything that was committed before now is posted and ingested."""
        deadline = time.monotonic() + PATIENCE_S
        instant: datetime | None = None
        left = 1
        while left:
            assert self.up.poll() is None, f"tieout up ended: {self.log()[-3000:]}"
            assert time.monotonic() < deadline, f"{left} left: {self.log()[-3000:]}"
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.database_url, connect_timeout=5) as connection,
            ):
                instant = instant or _one(connection, "SELECT clock_timestamp()", {})
                left = _one(connection, _BACKLOG, {"instant": instant})
            time.sleep(0.02)

    def prove(self, loads: Sequence[Load]) -> Proof:
        """Compare what was told with what is booked, and have the books verified."""
        self.until_posted()
        told, booked = self.acknowledged(), self.booked()
        once = sum(_is_once(told[key], booked[key]) for key in told.keys() & booked.keys())
        return Proof(
            acknowledged=len(told),
            once=once,
            lost=len(told.keys() - booked.keys()),
            doubled=len(booked) - once,
            wrong=sum(load.mismatched for load in loads),
            parked=int(str(self.query("SELECT count(*) FROM parked")[0][0])),
            verify=self._said("verify"),
            replay=self._said("replay"),
        )

    def _said(self, command: str) -> str:
        done = self.command("ledger", command, "--json")
        if "No such command" in done.stderr:
            return "no such command"
        return "clean" if done.returncode == 0 else f"{done.returncode}: {done.stdout[-300:]}"


class ProxiedStack(Stack):
    """The same with its engines outside, each behind a proxy."""

    def __init__(self, folder: Path) -> None:
        self._engines = open_data_directory(folder / "engines")
        with locked(self._engines):
            postgres_server.start(self._engines)
            valkey_server.start(self._engines)
        doors = folder / "doors"
        doors.mkdir(mode=0o700)
        self.database = Proxy(
            doors / postgres_server.SOCKET, self._engines.sockets / postgres_server.SOCKET
        )
        self.broker = Proxy(doors / "valkey.sock", self._engines.sockets / "valkey.sock")
        urls = (
            f'[database]\nurl = "postgresql://tieout@/tieout?host={doors}"\n'
            f'[broker]\nurl = "unix://{doors}/valkey.sock?db=0"\n'
        )
        super().__init__(folder, settings=CHAOS_SETTINGS + urls)
        # What the campaign itself asks goes past the proxies.
        self.database_url = postgres_server.url(self._engines)

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self.database.close()
            self.broker.close()
            servers.stop(self._engines.root)


class SmallDiskStack(Stack):
    """The same on a file system of its own that can be filled. Needs the right to mount."""

    SIZE_MB = 400

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE_MB}m,mode=0700", "tmpfs"]
        subprocess.run([*mount, str(folder / "data")], check=True, capture_output=True)
        super().__init__(folder)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No byte is left meanwhile."""
        filler = self.data / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        with filler.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 9))
        try:
            yield
        finally:
            filler.unlink()

    def complaints(self) -> int:
        """How often the database found no space."""
        return (self.home.logs / "postgres.log").read_text().count("No space left on device")

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            subprocess.run(["umount", "-l", str(self.data)], check=True)


def _is_once(told: set[Decimal], booked: tuple[str, Decimal, Decimal]) -> bool:
    kind, effect, entries = booked
    return entries == effect and (kind not in {"bet", "win"} or told == {abs(effect)})


def _one(connection: "psycopg.Connection[Any]", query: str, given: dict[str, Any]) -> Any:
    row = connection.execute(query.encode(), given).fetchone()
    assert row is not None
    return row[0]


def _pids() -> list[int]:
    return [int(entry.name) for entry in process.PROC.iterdir() if entry.name.isdigit()]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
