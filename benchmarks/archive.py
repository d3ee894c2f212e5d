"""Simulated months: accept, post, seal, export, let go; sizes, rates and proofs by month.

``python -m benchmarks.archive [--months N] [--seconds S]``. Each month is a load of all
dialects on one receiver, posted by one worker. Then its batches are dated into a month of the
past, its days are sealed, it is exported, and its bytes and entries are let go. The last line
compares the first month with the last one.

``hot_bytes`` is what the database grew by for each callback before its bytes went;
``left_bytes`` from the end of one month to the end of the next: a month fills the space that
the one before left. ``file_bytes`` is what a callback is in the archive. ``grown`` in the last
line is what a callback of all months after the first left, by table, for the largest ones.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import Engine

from benchmarks.bench import (
    BenchSetup,
    cpu_seconds,
    drained,
    load,
    running,
    staged,
    wait_until_answering,
    warm_up,
)
from benchmarks.load import SECRETS
from ledger.archive.export import export_month
from ledger.archive.months import month_bounds, month_end
from ledger.archive.release import let_entries_go, let_go
from ledger.checks.run import verify
from ledger.seal.seal import seal_day
from storage.archive.archives import (
    archive_name,
    decide_release,
    finish_release,
    get_archive,
    request_release,
    store_archive,
)
from storage.archive.files import ArchiveFolder
from storage.engine import open_engine
from storage.people import add_person
from vocabulary.clock import SystemClock
from vocabulary.people import Role

CONNECTIONS = 64
_PEOPLE = ("maria", "paul")
#: The days on which a month's batches are; the others are empty.
_DAYS = 28
_DATE = """
UPDATE batches b
   SET committed_at = %(since)s + ((b.batch_id - r.first) * %(days)s / (r.last + 1 - r.first))
                      * interval '1 day' + interval '12 hours'
  FROM (SELECT min(batch_id) AS first, max(batch_id) AS last FROM batches
         WHERE committed_at >= %(until)s AND committed_at >= now() - interval '1 day') r
 WHERE b.batch_id BETWEEN r.first AND r.last
"""
_SIZE = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
_TABLES_NAMED = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load in each month")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        running("ops", "receiver", stage=stage) as receiver,
        running("ops", "worker", "--processes", "1", stage=stage),
    ):
        wait_until_answering(stage.port)
        bench = _Bench(stage, receiver.pid, Path(folder) / "archive", chosen.seconds)
        bench.warm_up()
        first_month, *others = _months(chosen.months)
        months = [bench.month(first_month)]
        sizes = bench.sizes()
        months += [bench.month(month) for month in others]
        grown = _grown(sizes, bench.sizes(), sum(month["callbacks"] for month in months[1:]))
        bench.close()
    result = {"benchmark": "archive", "first": months[0], "last": months[-1], "grown": grown}
    print(json.dumps(result))


class _Bench:
    """The books of the benchmark, and whoever archives them."""

    def __init__(self, stage: BenchSetup, receiver: int, place: Path, seconds: float) -> None:
        self._stage = stage
        self._receiver = receiver
        self._place = str(place)
        self._seconds = seconds / len(SECRETS)
        self._turn = 0
        self._engine = open_engine(stage.database_url)
        with self._engine.begin() as connection:
            for name in _PEOPLE:
                add_person(connection, name, roles={Role.ADMIN}, by="benchmark")

    def warm_up(self) -> None:
        """Let the receiver see every player; a run below a second measures nothing anyway."""
        if self._seconds * len(SECRETS) >= 1:
            for dialect in SECRETS:
                warm_up(self._stage.port, dialect, turn=self._next_turn())
            drained(self._stage.database_url)

    def close(self) -> None:
        self._engine.dispose()

    def month(self, month: date) -> dict[str, Any]:
        """One month from its first callback to its digests."""
        before = self._size()
        loaded = self._load()
        drained(self._stage.database_url)
        hot = self._size() - before
        _date(self._stage.database_url, month)
        sealed_s = _seconds(lambda: _seal(self._engine, month))
        exported_s = _seconds(lambda: self._export(month))
        released_s = _seconds(lambda: self._release(month))
        with self._engine.connect() as connection:
            archive = get_archive(connection, archive_name(month))
        verify_s = _seconds(lambda: _verify(self._engine))
        size = self._size()
        figures = {
            "month": f"{month:%Y-%m}",
            "callbacks": loaded["callbacks"],
            "per_s": loaded["per_s"],
            "p99_ms": loaded["p99_ms"],
            "cpu_us": loaded["cpu_us"],
            "hot_bytes": round(hot / loaded["callbacks"]),
            "left_bytes": round((size - before) / loaded["callbacks"]),
            "file_bytes": round(archive.bytes / loaded["callbacks"]),
            "database_mb": round(size / 1e6, 1),
            "seal_s": sealed_s,
            "export_s": exported_s,
            "release_s": released_s,
            "verify_s": verify_s,
        }
        print("  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
        return figures

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

    def _export(self, month: date) -> None:
        exported = export_month(self._engine, month, self._place, progress=lambda _: None)
        with self._engine.begin() as connection:
            store_archive(
                connection,
                month=month,
                location=self._place,
                manifest_hash=exported.manifest_hash,
                rows=exported.manifest.rows,
                bytes_=exported.manifest.bytes,
                by=_PEOPLE[0],
            )

    def _release(self, month: date) -> None:
        name, now = archive_name(month), SystemClock().now()
        with self._engine.begin() as connection:
            archive = get_archive(connection, name)
            request_release(connection, archive, reason="old", by=_PEOPLE[0], now=now)
            archive = get_archive(connection, name)
            decide_release(connection, archive, "approved", by=_PEOPLE[1], now=now)
        folder = ArchiveFolder(self._place, name)
        manifest = folder.manifest()
        gone = let_go(self._engine, folder, manifest, progress=lambda _: None)
        entries = let_entries_go(self._engine, manifest, progress=lambda _: None)
        with self._engine.begin() as connection:
            finish_release(connection, archive, by=_PEOPLE[1], rows=gone, entries=entries)

    def sizes(self) -> dict[str, int]:
        """Bytes of each table with its indexes."""
        with psycopg.connect(self._stage.database_url) as connection:
            return dict(connection.execute(_SIZE).fetchall())

    def _size(self) -> int:
        return sum(self.sizes().values())

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn


def _grown(before: dict[str, int], after: dict[str, int], callbacks: int) -> dict[str, int]:
    """What the largest tables grew by, in bytes a callback."""
    grown = {
        table: round((size - before.get(table, 0)) / callbacks)
        for table, size in after.items()
        if callbacks
    }
    largest = sorted(grown, key=lambda table: -grown[table])[:_TABLES_NAMED]
    return {table: grown[table] for table in largest}


def _months(count: int) -> list[date]:
    """The last ``count`` months that are over, the oldest first."""
    months: list[date] = []
    month = SystemClock().now().date().replace(day=1)
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
        months.append(month)
    return months[::-1]


def _date(database_url: str, month: date) -> None:
    """Move what was committed today into the month."""
    since, until = month_bounds(month)
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_DATE, {"since": since, "until": until, "days": _DAYS})


def _seal(engine: Engine, month: date) -> None:
    day = month
    while day < month_end(month):
        seal_day(engine, day, progress=lambda _: None)
        day += timedelta(days=1)


def _verify(engine: Engine) -> None:
    wrong = [result.name for result in verify(engine) if result.wrong]
    assert not wrong, wrong


def _seconds(action: Callable[[], object]) -> float:
    started = monotonic()
    action()
    return round(monotonic() - started, 2)


if __name__ == "__main__":
    main()
