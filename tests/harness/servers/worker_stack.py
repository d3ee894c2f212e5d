"""A database and a broker with workers, a scheduler and an operator's commands."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from ops.commands.queue.probe import read_snapshot
from ops.context import Context
from ops.engines import server_process, valkey_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from ops.pipeline.queue_report import QueueLimits, findings
from ops.settings.loader import load
from storage.broker.redis import ingest_message, open_broker, post_message
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.people import signed_in
from tests.harness.servers.forked_commands import run_command
from tests.harness.servers.receiver import LedgerDatabase, TieoutProcess

#: Limits so high that a slow machine causes no finding.
WIDE_LIMITS = ("--oldest", "1h", "--canary", "1h", "--progress", "1h")
ORDER = ("--by", "nora", "--why", "the tests said so")
PATIENCE_S = 90


class RestartableBroker:
    """A Valkey that can be stopped and restarted."""

    def __init__(self, data_dir: Path) -> None:
        self._data_directory: DataDirectory = open_data_directory(data_dir)
        self.start()
        self.url = valkey_server.url(self._data_directory)

    def start(self) -> None:
        with locked(self._data_directory):
            valkey_server.start(self._data_directory)

    def stop(self) -> None:
        with locked(self._data_directory):
            valkey_server.stop(self._data_directory)

    def kill(self) -> None:
        """End it with SIGKILL; its messages are lost."""
        pid = valkey_server.running(self._data_directory)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert server_process.wait_gone(pid, timeout_s=PATIENCE_S)


class WorkerStack:
    """A database with its processes; ``close`` kills them all."""

    def __init__(self, database: str, broker_url: str, folder: Path) -> None:
        self.books = LedgerDatabase(database)
        self.providers = providers(folder)
        settings = folder / "tieout.toml"
        workers = '[workers]\ncanary_every = "200ms"'
        settings.write_text(settings.read_text().replace("[workers]", workers))
        self.broker_url = broker_url
        self.folder = folder
        self.running: list[TieoutProcess] = []

    def start(self, *arguments: str) -> TieoutProcess:
        process = TieoutProcess(self.folder, self.books.url, self.broker_url, *arguments)
        self.running.append(process)
        return process

    def worker(self) -> TieoutProcess:
        return self.start("worker", "--processes", "1", "--threads", "2")

    def close(self) -> None:
        for process in self.running:
            process.kill()
        self.books.close()

    def bet(self, player: str, key: str) -> int:
        """Accept a bet in its own batch without sending a message."""
        (batch,) = commit(self.books.url, self.providers["sport"], [bet(player, key)]).batches
        return batch

    def push(self, record: str) -> None:
        """Accept a history record without sending a message."""
        callback = history(record, payout=20, updated="10:30:00")
        commit(self.books.url, self.providers["games"], [callback])

    def park(self, record: str) -> str:
        """Accept a history record and set it aside; returns what parked work calls it."""
        self.push(record)
        ((number,),) = self.books.rows(
            "UPDATE deliveries SET parked_at = clock_timestamp()"
            " WHERE delivery_id = (SELECT max(delivery_id) FROM deliveries)"
            " RETURNING delivery_id"
        )
        subject = f"delivery {number}"
        self.books.run(
            "INSERT INTO parked (job, subject, cause, detail, fingerprint, context)"
            f" VALUES ('ingest.v1', '{subject}', 'a test', 'a test', '{number:012}', '{{}}')"
        )
        return subject

    def notify_workers(self) -> None:
        """Send the messages that a receiver would send."""
        broker = open_broker(self.broker_url, [])
        broker.enqueue(post_message([]))
        broker.enqueue(ingest_message())
        broker.close()

    def queue(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``tieout queue …``."""
        return run_command(
            ["queue", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "TIEOUT_DATABASE__URL": self.books.url,
                "TIEOUT_BROKER__URL": self.broker_url,
                "TIEOUT_DATA": str(self.folder / "data"),
                **signed_in(arguments),
            },
            timeout=PATIENCE_S,
        )

    def status(self) -> tuple[int, dict[str, Any]]:
        """Exit code and JSON of ``tieout queue status``."""
        result = self.queue("status", "--json", *WIDE_LIMITS)
        assert result.stdout, result.stderr
        return result.returncode, json.loads(result.stdout)

    def context(self) -> Context:
        """What commands in this process work with."""
        environment = {
            "TIEOUT_DATABASE__URL": self.books.url,
            "TIEOUT_BROKER__URL": self.broker_url,
        }
        settings = load(self.folder / "tieout.toml", environment)
        return Context(config=None, data_dir=self.folder / "data", settings=settings)

    def findings(self) -> list[str]:
        """The findings of ``tieout queue status``, computed in this process."""
        hour = 3600.0
        limits = QueueLimits(oldest_s=hour, canary_s=hour, worker_s=hour)
        return findings(read_snapshot(self.context()), limits)

    def is_healthy(self) -> bool:
        return self.findings() == []

    def is_posted(self, batch: int) -> bool:
        query = f"SELECT posted_at IS NOT NULL FROM batches WHERE batch_id = {batch}"
        return self.books.rows(query) == [(True,)]

    def is_ingested(self, record: str) -> bool:
        query = f"SELECT count(*) FROM feed_records WHERE record_id = '{record}'"
        return self.books.rows(query) == [(1,)]

    def canary(self, queue: str) -> int:
        """The number of the last recorded canary."""
        rows = self.books.rows(f"SELECT passed FROM canaries WHERE queue = '{queue}'")
        return int(rows[0][0]) if rows else 0

    def audit(self) -> list[tuple[Any, ...]]:
        return self.books.rows(
            "SELECT actor, action, subject FROM audit"
            " WHERE action <> 'players.imported' ORDER BY audit_id"
        )

    def block_entries(self, player: str) -> None:
        """Add a constraint that every entry of the player violates."""
        query = f"SELECT wallet_id FROM wallets WHERE player = '{player}'"
        ((wallet,),) = self.books.rows(query)
        self.books.run(
            "ALTER TABLE entries ADD CONSTRAINT nothing_for_them"
            f" CHECK (wallet_id <> {wallet}) NOT VALID"
        )

    def unblock_entries(self) -> None:
        """Drop that constraint."""
        self.books.run("ALTER TABLE entries DROP CONSTRAINT nothing_for_them")


def block_postings(database: str) -> "psycopg.Connection[Any]":
    """Block every posting inside its transaction until the connection is closed."""
    holder = psycopg.connect(database)
    holder.execute("LOCK TABLE entries IN EXCLUSIVE MODE")
    return holder
