"""A complete Tieout on real engines, started by ``tieout up``, with the simulator as load."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import psycopg

from ops.engines.pid_file import read_pids
from ops.engines.servers import ensure_running
from ops.settings.loader import load
from tests.harness.servers.forked_commands import run_command
from tests.harness.servers.ports import free_port

TIEOUT = [sys.executable, "-m", "ops"]
#: Longest wait for anything, in seconds.
PATIENCE_S = 150.0
SETTINGS = """
mode = "test"
[workers]
sweep_after = "1s"
[[providers]]
slug = "aggregator"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:aggregator secret of the tests"]
[[providers]]
slug = "sportsbook"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:sportsbook secret of the tests"]
"""


class TieoutStack:
    """``tieout up`` in its own folder; ``stop`` ends it.

    Args:
        folder: holds the data directory, settings, log and journal.
        settings: the text of the settings file.
        env: additional environment variables of the processes.
    """

    def __init__(
        self, folder: Path, *, settings: str = SETTINGS, env: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._env = {"TIEOUT_CONSOLE__PORT": "0", **os.environ, **(env or {})}
        self.data = folder / "data"
        self.journal = folder / "journal.jsonl"
        self.port = free_port()
        (folder / "tieout.toml").write_text(settings)
        self._log = (folder / "up.log").open("w")
        self.up = self.start()
        self.database_url = ensure_running(
            self.data, load(folder / "tieout.toml", {})
        ).migration_url

    def start(self) -> "subprocess.Popen[str]":
        """Run ``tieout up``; returns when it is ready."""
        command = [*TIEOUT, "--data", str(self.data), "up", "--port", str(self.port)]
        up = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert up.stdout is not None
        assert up.stdout.readline().strip().startswith("ready"), self.log()
        return up

    def log(self) -> str:
        return (self.folder / "up.log").read_text()

    def stop(self) -> None:
        self.up.send_signal(signal.SIGTERM)
        try:
            self.up.wait(timeout=180)
        finally:
            self.up.kill()
            self.up.wait()
            assert self.up.stdout is not None
            self.up.stdout.close()
            self._log.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(
            ["--data", str(self.data), *arguments],
            cwd=self.folder,
            env=os.environ,
            timeout=PATIENCE_S,
        )

    def simulate(self, *, count: int, seed: int) -> "subprocess.Popen[str]":
        """Start the simulator in the background; it writes the answers to the journal."""
        arguments = [
            *("--data", str(self.data), "simulate", "--count", str(count)),
            *("--seed", str(seed), "--url", f"http://127.0.0.1:{self.port}"),
            *("--journal", str(self.journal), "--json"),
        ]
        return subprocess.Popen(
            [*TIEOUT, *arguments], cwd=self.folder, stdout=subprocess.PIPE, text=True
        )

    def kill(self, name: str) -> int:
        """SIGKILL the first process of that name; returns its pid."""
        pid = read_pids(self.data)[name][0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def execute(self, sql: str) -> None:
        """Execute a statement."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(sql.encode())

    def wait_until_zero(self, sql: str) -> None:
        """Return once the query's single value is 0; fail after ``PATIENCE_S``."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := self.query(sql)[0][0]) != 0:
            assert time.monotonic() < deadline, f"{left} left: {sql}"
            time.sleep(0.1)

    def wait_until_posted(self) -> None:
        self.wait_until_zero("SELECT count(*) FROM batches WHERE posted_at IS NULL")

    def journals(self) -> list[Path]:
        """The simulator's journals."""
        return [self.journal]

    def acknowledged(self) -> dict[tuple[str, str], set[Decimal]]:
        """Operations that were answered with success: (slug, key) to the amounts sent."""
        amounts: dict[tuple[str, str], set[Decimal]] = {}
        for line in (row for path in self.journals() for row in path.read_text().splitlines()):
            entry = json.loads(line)
            if entry["verdict_seen"] == "success":
                key = (entry["provider"], entry["op_key"])
                amounts.setdefault(key, set()).add(Decimal(entry["amount"]))
        return amounts

    def booked(self) -> dict[tuple[str, str], tuple[str, Decimal, Decimal]]:
        """Accepted operations: (slug, key) to kind, effect, and sum of their wallet entries.

        Entries of the receivable account count as wallet entries.
        """
        rows = self.query(
            """
            SELECT o.provider, o.op_key, o.kind::text, o.amount,
                   coalesce((SELECT sum(e.amount) FROM entries e
                              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
                                AND e.account IN ('player_wallet', 'player_receivable')), 0)
              FROM operations o
             WHERE o.decision = 'accepted' AND o.kind <> 'tombstone' AND o.provider <> 'tieout'
            """
        )
        return {
            (str(slug), str(key)): (str(kind), _units(amount), _units(entries))
            for slug, key, kind, amount, entries in rows
        }


def _units(minor: object) -> Decimal:
    return Decimal(str(minor)) / 100
