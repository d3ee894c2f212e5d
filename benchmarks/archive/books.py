"""The books of the benchmark: month after month, from its first callback to its archive."""

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any

import psycopg
from sqlalchemy import Engine, text

from benchmarks.archive.dating import PEOPLE, close_day, date_rows, seal_month
from benchmarks.archive.history import report_month
from benchmarks.archive.letting_go import Archivists
from benchmarks.archive.sizes import table_sizes
from benchmarks.bench import BenchSetup, cpu_seconds, drained, load, warm_up
from benchmarks.loads.closed_loop import SECRETS
from ledger.checks.check import WalletScope
from ledger.checks.run import newest_month_end, verify
from ledger.posting.posting import post_all
from storage.archive.archives import archive_name, get_archive
from storage.engine import open_engine
from storage.people import add_person
from vocabulary.people import Role

CONNECTIONS = 64
_POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer"


class ArchiveBench:
    """The books of the benchmark, and whoever archives them."""

    def __init__(
        self, stage: BenchSetup, receiver: int, place: Path, chosen: argparse.Namespace
    ) -> None:
        self._rows_go = chosen.rows
        self._stage = stage
        self._receiver = receiver
        self._seconds = chosen.seconds / len(SECRETS)
        self._turn = 0
        self._callbacks: dict[date, int] = {}
        self._engine = open_engine(stage.database_url)
        self._archivists = Archivists(self._engine, str(place))
        with self._engine.connect() as connection:
            self._postmaster = connection.execute(text(_POSTMASTER)).scalar_one()
        with self._engine.begin() as connection:
            for name in PEOPLE:
                add_person(connection, name, roles={Role.ADMIN}, by="benchmark")

    def begin(self, month: date) -> None:
        """Let the receiver see every player, let that month go, and leave no room behind.

        The callbacks that show the players are many times those of a month; a run below a
        second measures nothing anyway.
        """
        if self._seconds * len(SECRETS) >= 1:
            for dialect in SECRETS:
                warm_up(self._stage.port, dialect, turn=self._next_turn())
            drained(self._stage.database_url)
        post_all(self._engine)  # the opening balances, of which no worker was told
        date_rows(self._stage.database_url, month)
        seal_month(self._engine, month)
        self._archivists.export(month)
        self._archivists.let_bytes_go(month)
        if self._rows_go:
            self._archivists.let_rows_go(month)
        with psycopg.connect(self._stage.database_url, autocommit=True) as connection:
            connection.execute("VACUUM (FULL, ANALYZE)")

    def close(self) -> None:
        self._engine.dispose()

    def month(self, month: date, old_month: date | None) -> dict[str, Any]:
        """One month from its first callback to its seals; an older one leaves."""
        before = sum(self.sizes().values())
        loaded = self._load()
        self._callbacks[month] = loaded["callbacks"]
        drained(self._stage.database_url)
        hot = sum(self.sizes().values()) - before
        date_rows(self._stage.database_url, month)
        figures: dict[str, Any] = {
            "month": f"{month:%Y-%m}",
            **loaded,
            "records": report_month(self._engine, month),
            "hot_bytes": round(hot / loaded["callbacks"]),
            "close_cpu_s": self._processor_s(
                lambda: close_day(self._engine, self._stage.database_url, month)
            ),
            "seal_s": _seconds(lambda: seal_month(self._engine, month)),
        }
        if old_month is not None:
            figures |= self._let_go(old_month)
        later = WalletScope(month_end=newest_month_end(self._engine))
        if not self._rows_go:
            figures["verify_cpu_s"] = self._processor_s(lambda: _verify(self._engine))
        figures["later_cpu_s"] = self._processor_s(lambda: _verify(self._engine, later))
        size = sum(self.sizes().values())
        figures["left_bytes"] = round((size - before) / loaded["callbacks"])
        figures["database_mb"] = round(size / 1e6, 1)
        print("  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
        return figures

    def _let_go(self, month: date) -> dict[str, Any]:
        """Export a month and let it go."""
        seconds = {
            "export_s": _seconds(lambda: self._archivists.export(month)),
            "release_s": _seconds(lambda: self._archivists.let_bytes_go(month)),
        }
        if self._rows_go:
            seconds["rows_s"] = _seconds(lambda: self._archivists.let_rows_go(month))
        with self._engine.connect() as connection:
            archive = get_archive(connection, archive_name(month))
        return {"file_bytes": round(archive.bytes / self._callbacks[month]), **seconds}

    def _processor_s(self, action: Callable[[], object]) -> float:
        """The processor time of an action, in this process and in database processes."""
        started = self._spent()
        action()
        return round(self._spent() - started, 2)

    def _spent(self) -> float:
        """Seconds of this process and of all database processes that ended: ours do first."""
        self._engine.dispose()
        sleep(0.5)  # until the server has noticed that its processes ended
        fields = Path(f"/proc/{self._postmaster}/stat").read_text().rpartition(")")[2].split()
        ended = int(fields[13]) + int(fields[14])  # cutime, cstime
        return process_time() + ended / os.sysconf("SC_CLK_TCK")

    def _load(self) -> dict[str, Any]:
        started = cpu_seconds(self._receiver)
        runs = [
            load(
                self._stage.port,
                dialect,
                connections=CONNECTIONS,
                seconds=self._seconds,
                turn=self._next_turn(),
            )
            for dialect in SECRETS
        ]
        spent = cpu_seconds(self._receiver) - started
        callbacks = round(sum(run["answers"] for run in runs))
        return {
            "callbacks": callbacks,
            "per_s": round(sum(run["rate"] for run in runs) / len(runs)),
            "p99_ms": round(max(run["p99_ms"] for run in runs), 1),
            "cpu_us": round(spent / callbacks * 1e6, 1),
        }

    def sizes(self) -> dict[str, int]:
        """Bytes of each table with its indexes."""
        return table_sizes(self._stage.database_url)

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn


def _verify(engine: Engine, scope: WalletScope | None = None) -> None:
    wrong = [result.name for result in verify(engine, scope=scope) if result.wrong]
    assert not wrong, wrong


def _seconds(action: Callable[[], object]) -> float:
    started = monotonic()
    action()
    return round(monotonic() - started, 2)
