"""A database, a broker of its own, workers and a scheduler, and an operator's hands."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from ops.commands.queue.probe import look
from ops.commands.queue.report import QueueLimits, findings
from ops.context import Context
from ops.runtime import valkey_server
from ops.runtime.data_directory import DataDirectory, locked, open_data_directory
from ops.settings.loader import load
from storage.broker.redis import ingest_message, open_broker, post_message
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.servers.receiver import Books, Tieout

#: Limits so wide that only a real finding is one, however slow the machine.
WIDE = ("--oldest", "1h", "--canary", "1h", "--progress", "1h")
ORDER = ("--by", "nora", "--why", "the tests said so")
PATIENCE_S = 90


class Broker:
    """A Valkey that may be stopped and started again."""

    def __init__(self, data_dir: Path) -> None:
        self._home: DataDirectory = open_data_directory(data_dir)
        self.start()
        self.url = valkey_server.url(self._home)

    def start(self) -> None:
        with locked(self._home):
            valkey_server.start(self._home)

    def stop(self) -> None:
        with locked(self._home):
            valkey_server.stop(self._home)


class Place:
    """Where an operator works; ``end`` leaves no process behind."""

    def __init__(self, database: str, broker_url: str, folder: Path) -> None:
        self.books = Books(database)
        self.known = providers(folder)
        settings = folder / "tieout.toml"
        quick = '[workers]\ncanary_every = "200ms"'
        settings.write_text(settings.read_text().replace("[workers]", quick))
        self.broker_url = broker_url
        self.folder = folder
        self.running: list[Tieout] = []

    def start(self, *words: str) -> Tieout:
        started = Tieout(self.folder, self.books.url, self.broker_url, *words)
        self.running.append(started)
        return started

    def worker(self) -> Tieout:
        return self.start("worker", "--processes", "1", "--threads", "2")

    def end(self) -> None:
        for process in self.running:
            process.end()
        self.books.close()

    def bet(self, player: str, key: str) -> int:
        """A bet in a batch of its own; nobody is told."""
        (batch,) = commit(self.books.url, self.known["sport"], [bet(player, key)]).batches
        return batch

    def pushed(self, record: str) -> None:
        """A history record; nobody is told."""
        came = history(record, payout=20, updated="10:30:00")
        commit(self.books.url, self.known["games"], [came])

    def ask(self) -> None:
        """Tell the workers, as a receiver would."""
        broker = open_broker(self.broker_url, [])
        broker.enqueue(post_message([]))
        broker.enqueue(ingest_message())
        broker.close()

    def queue(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``tieout queue …``."""
        return subprocess.run(
            [sys.executable, "-m", "ops", "queue", *words],
            cwd=self.folder,
            env={
                **os.environ,
                "TIEOUT_DATABASE__URL": self.books.url,
                "TIEOUT_BROKER__URL": self.broker_url,
                "TIEOUT_DATA": str(self.folder / "data"),
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def status(self) -> tuple[int, dict[str, Any]]:
        """``tieout queue status``: exit code and document."""
        ran = self.queue("status", "--json", *WIDE)
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    def findings(self) -> list[str]:
        """What the command would find, without starting it."""
        where = {
            "TIEOUT_DATABASE__URL": self.books.url,
            "TIEOUT_BROKER__URL": self.broker_url,
        }
        settings = load(self.folder / "tieout.toml", where)
        context = Context(config=None, data_dir=self.folder / "data", settings=settings)
        hour = 3600.0
        limits = QueueLimits(oldest_s=hour, canary_s=hour, worker_s=hour)
        return findings(look(context), limits)

    def is_well(self) -> bool:
        return self.findings() == []

    def is_posted(self, batch: int) -> bool:
        posted = f"SELECT posted_at IS NOT NULL FROM batches WHERE batch_id = {batch}"
        return self.books.rows(posted) == [(True,)]

    def is_ingested(self, record: str) -> bool:
        found = f"SELECT count(*) FROM feed_records WHERE record_id = '{record}'"
        return self.books.rows(found) == [(1,)]

    def canary(self, queue: str) -> int:
        """The number of the last canary that came out."""
        rows = self.books.rows(f"SELECT passed FROM canaries WHERE queue = '{queue}'")
        return int(rows[0][0]) if rows else 0

    def audit(self) -> list[tuple[Any, ...]]:
        return self.books.rows("SELECT actor, action, subject FROM audit ORDER BY audit_id")

    def forbid(self, player: str) -> None:
        """A constraint that no entry of the player can meet: a wrong migration, say."""
        own = f"SELECT wallet_id FROM wallets WHERE player = '{player}'"
        ((wallet,),) = self.books.rows(own)
        self.books.run(
            "ALTER TABLE entries ADD CONSTRAINT nothing_for_them"
            f" CHECK (wallet_id <> {wallet}) NOT VALID"
        )

    def allow(self) -> None:
        """Repair it."""
        self.books.run("ALTER TABLE entries DROP CONSTRAINT nothing_for_them")


def locked_entries(database: str) -> "psycopg.Connection[Any]":
    """Hold up every posting in the middle of its transaction, until this is closed."""
    holder = psycopg.connect(database)
    holder.execute("LOCK TABLE entries IN EXCLUSIVE MODE")
    return holder
