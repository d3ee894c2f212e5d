"""A running Tieout for faults: signals at steps, frozen processes, proxies, and the proof."""

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

from ops.engines import postgres_server, server_process, servers, valkey_server
from ops.engines.data_directory import locked, open_data_directory
from ops.engines.pid_file import read_pids
from tests.harness.chaos.load import Load
from tests.harness.chaos.proxy import Proxy
from tests.harness.servers.tieout_stack import PATIENCE_S, SETTINGS, TieoutStack
from vocabulary.fault_points import Step

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
    """The ledger after a fault, compared with the answers that providers received.

    Attributes:
        acknowledged: operations that were answered with success.
        once: of those, booked exactly once, with entries and amount.
        lost: of those, not booked.
        doubled: booked differently from the answer, or without one.
        wrong: final answers that differ from the expected ones.
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


class Stack(TieoutStack):
    """``tieout up`` whose processes can be signalled at named steps."""

    def __init__(self, folder: Path, *, settings: str = CHAOS_SETTINGS) -> None:
        self._orders = folder / "orders"
        self.journal_folder = folder / "journals"
        for directory in (self._orders, self.journal_folder):
            directory.mkdir(parents=True)
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

    def signal_at(self, step: Step, signal_number: signal.Signals) -> int:
        """Make the next process at the step signal itself; returns its pid."""
        draft = self._orders / f"{step}.draft"
        draft.write_text(signal_number.name)
        draft.rename(self._orders / step)
        deadline = time.monotonic() + PATIENCE_S
        while not (claimed := list(self._orders.glob(f"{step}.taken.*"))):
            assert time.monotonic() < deadline, f"no process reached the step {step}"
            time.sleep(0.01)
        claimed[0].unlink()
        return int(claimed[0].suffix[1:])

    def pids(self, name: str) -> list[int]:
        """The processes of that name, children included; waits until there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while not (pids := self._processes(name)):
            assert time.monotonic() < deadline, f"no {name} runs"
            time.sleep(0.05)
        return pids

    def _processes(self, name: str) -> list[int]:
        if name == "postgres":
            return server_process.running_in(self.home.postgres, program="postgres")
        if name == "valkey":
            return server_process.running_in(self.home.valkey, program="valkey-server")
        leaders = set(read_pids(self.data).get(name, []))
        return [pid for pid in _pids() if _group(pid) in leaders]

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Freeze every process of that name until the block ends."""
        pids = self.pids(name)
        for pid in pids:
            server_process.send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                server_process.send(pid, signal.SIGCONT)

    def postmaster(self) -> int:
        """The pid of the database server."""
        deadline = time.monotonic() + PATIENCE_S
        while (pid := postgres_server.running(self.home)) is None:
            assert time.monotonic() < deadline, "no postgres runs"
            time.sleep(0.05)
        return pid

    def wait_until_worked_off(self) -> None:
        """Return once everything committed before now is posted and ingested."""
        deadline = time.monotonic() + PATIENCE_S
        instant: datetime | None = None
        remaining = 1
        while remaining:
            assert self.up.poll() is None, f"tieout up ended: {self.log()[-3000:]}"
            assert time.monotonic() < deadline, f"{remaining} left: {self.log()[-3000:]}"
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.database_url, connect_timeout=5) as connection,
            ):
                instant = instant or _scalar(connection, "SELECT clock_timestamp()", {})
                remaining = _scalar(connection, _BACKLOG, {"instant": instant})
            time.sleep(0.02)

    def prove(self, loads: Sequence[Load]) -> Proof:
        """Compare the answers with the ledger, and verify the ledger."""
        self.wait_until_posted()
        answers, booked = self.acknowledged(), self.booked()
        both = answers.keys() & booked.keys()
        once = sum(_is_once(answers[key], booked[key]) for key in both)
        return Proof(
            acknowledged=len(answers),
            once=once,
            lost=len(answers.keys() - booked.keys()),
            doubled=len(booked) - once,
            wrong=sum(load.mismatched for load in loads),
            parked=int(str(self.query("SELECT count(*) FROM parked")[0][0])),
            verify=self._check("verify"),
            replay=self._check("replay"),
        )

    def _check(self, command: str) -> str:
        result = self.command("ledger", command, "--json")
        if "No such command" in result.stderr:
            return "no such command"
        is_clean = result.returncode == 0
        return "clean" if is_clean else f"{result.returncode}: {result.stdout[-300:]}"


class ProxiedStack(Stack):
    """A stack whose engines run outside it, each behind a proxy."""

    def __init__(self, folder: Path) -> None:
        self._engines = open_data_directory(folder / "engines")
        with locked(self._engines):
            postgres_server.start(self._engines)
            valkey_server.start(self._engines)
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o700)
        self.database = Proxy(
            sockets / postgres_server.SOCKET, self._engines.sockets / postgres_server.SOCKET
        )
        self.broker = Proxy(sockets / "valkey.sock", self._engines.sockets / "valkey.sock")
        urls = (
            f'[database]\nurl = "postgresql://tieout@/tieout?host={sockets}"\n'
            f'[broker]\nurl = "unix://{sockets}/valkey.sock?db=0"\n'
        )
        super().__init__(folder, settings=CHAOS_SETTINGS + urls)
        # The campaign's own queries bypass the proxies.
        self.database_url = postgres_server.url(self._engines)

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self.database.close()
            self.broker.close()
            servers.stop(self._engines.root)


class SmallDiskStack(Stack):
    """A stack on a small file system of its own. Needs the right to mount."""

    SIZE_MB = 400

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE_MB}m,mode=0700", "tmpfs"]
        subprocess.run([*mount, str(folder / "data")], check=True, capture_output=True)
        super().__init__(folder)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Keep the file system full until the block ends."""
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

    def disk_full_errors(self) -> int:
        """How often the database reported a full disk."""
        return (self.home.logs / "postgres.log").read_text().count("No space left on device")

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            subprocess.run(["umount", "-l", str(self.data)], check=True)


def _is_once(amounts: set[Decimal], booked: tuple[str, Decimal, Decimal]) -> bool:
    kind, effect, entries = booked
    return entries == effect and (kind not in {"bet", "win"} or amounts == {abs(effect)})


def _scalar(
    connection: "psycopg.Connection[Any]", query: str, parameters: dict[str, Any]
) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def _pids() -> list[int]:
    return [int(entry.name) for entry in server_process.PROC.iterdir() if entry.name.isdigit()]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
