"""Simulated months: accept, post, close, seal, export, let go; sizes, rates, proofs by month.

``python -m benchmarks.archive [--months N] [--seconds S] [--keep K] [--rows]``. Each month is a
load of all dialects on one receiver, posted by one worker. Then its rows are dated into a month
of the past, its last day is reconciled and closed for one provider, and its days are sealed.
The month K months before it is exported, and its bytes and entries are let go, with ``--rows``
its rows, too. A month before the first shows every player to the receiver and is let go at
once, without room for later rows. The last line compares the first month in which another left
with the last one.

``hot_bytes`` is what the database grew by for each callback before any bytes went;
``left_bytes`` from the end of one month to the end of the next: a month fills the space that
an earlier one left. ``file_bytes`` is what a callback is in the archive. ``close_cpu_s``,
``verify_cpu_s`` and ``later_cpu_s`` (``verify --from-month-end``) are processor time of this
process and the database, which other programs change little. ``grown`` in the last line is what
a callback of all months after the first that was let go left, by table, for the largest ones.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, text

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
from ledger.archive.release import let_entries_go, let_go, take_month_end
from ledger.archive.row_release import let_rows_go
from ledger.checks.check import WalletScope
from ledger.checks.run import newest_month_end, verify
from ledger.posting.posting import post_all
from ledger.seal.seal import seal_day
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from storage.archive.archives import (
    Archive,
    Leaving,
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
from vocabulary.window import day_window

CONNECTIONS = 64
_PEOPLE = ("maria", "paul")
#: The days on which a month's batches are; the others are empty.
_DAYS = 28
_DATE = """
WITH r AS (SELECT min(batch_id) AS first, max(batch_id) AS last FROM batches
            WHERE committed_at >= %(until)s AND committed_at >= now() - interval '1 day')
UPDATE batches b
   SET committed_at = %(since)s + ((b.batch_id - r.first) * %(days)s / (r.last + 1 - r.first))
                      * interval '1 day' + interval '12 hours'
  FROM r WHERE b.batch_id BETWEEN r.first AND r.last
"""
#: What follows from the dates of the batches: when operations and rounds came.
_DATE_ROWS = (
    """
UPDATE operations o SET received_at = b.committed_at FROM batches b
 WHERE b.batch_id = o.batch_id AND b.committed_at >= %(since)s AND b.committed_at < %(until)s
""",
    """
UPDATE deliveries d SET received_at = b.committed_at FROM batches b
 WHERE b.batch_id = d.batch_id AND b.committed_at >= %(since)s AND b.committed_at < %(until)s
""",
    """
UPDATE rounds r SET first_at = o.first_at, last_at = o.last_at
  FROM (SELECT o.match_key, o.provider, o.round_id, o.wallet_id,
               min(o.received_at) AS first_at, max(o.received_at) AS last_at
          FROM batches b JOIN operations o USING (batch_id)
         WHERE b.committed_at >= %(since)s AND b.committed_at < %(until)s
           AND o.decision = 'accepted'
         GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id) o
 WHERE (r.match_key, r.provider, r.round_id, r.wallet_id)
       = (o.match_key, o.provider, o.round_id, o.wallet_id)
""",
)
#: The provider whose day is closed; it reports each of its rounds as we have it.
_PROVIDER = "sportsbook"
_REPORT = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, declared_net, created_at, updated_at,
                          received_at, source)
SELECT r.provider, r.round_id, r.round_id, r.match_key, w.player, r.currency, r.stake, r.payout,
       r.status = 'rolled_back', r.payout - r.stake, r.first_at, r.last_at, r.last_at, 'push'
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = :provider AND r.first_at >= :start AND r.first_at < :end
"""
_SIGN = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, two_people,
                       close_no, figures)
SELECT provider, business_day, n, CASE n WHEN 1 THEN 'prepared' ELSE 'signed' END,
       CASE n WHEN 1 THEN :first ELSE :second END, '{}', true, 1, '{}'
  FROM day_closes CROSS JOIN generate_series(1, 2) AS n
 WHERE business_day = :day ORDER BY provider, n
"""
_POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer"
_SIZE = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
_TABLES_NAMED = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load in each month")
    parser.add_argument("--keep", type=int, default=2, help="months that are not let go")
    parser.add_argument("--rows", action="store_true", help="let rows go, too")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        running("ops", "receiver", stage=stage) as receiver,
        running("ops", "worker", "--processes", "1", stage=stage),
    ):
        wait_until_answering(stage.port)
        bench = _Bench(stage, receiver.pid, Path(folder) / "archive", chosen)
        before, *dated = _months(chosen.months + 1)
        bench.begin(before)
        months, sizes = [], bench.sizes()
        for number, month in enumerate(dated):
            old_month = dated[number - chosen.keep] if number >= chosen.keep else None
            months.append(bench.month(month, old_month))
            if number == chosen.keep:
                sizes = bench.sizes()
        later = months[chosen.keep + 1 :]
        grown = _grown(sizes, bench.sizes(), sum(month["callbacks"] for month in later))
        bench.close()
    first = months[min(chosen.keep, len(months) - 1)]
    result = {"benchmark": "archive", "first": first, "last": months[-1], "grown": grown}
    print(json.dumps(result))


class _Bench:
    """The books of the benchmark, and whoever archives them."""

    def __init__(
        self, stage: BenchSetup, receiver: int, place: Path, chosen: argparse.Namespace
    ) -> None:
        self._rows_go = chosen.rows
        self._stage = stage
        self._receiver = receiver
        self._place = str(place)
        self._seconds = chosen.seconds / len(SECRETS)
        self._turn = 0
        self._callbacks: dict[date, int] = {}
        self._engine = open_engine(stage.database_url)
        with self._engine.connect() as connection:
            self._postmaster = connection.execute(text(_POSTMASTER)).scalar_one()
        with self._engine.begin() as connection:
            for name in _PEOPLE:
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
        _date(self._stage.database_url, month)
        _seal(self._engine, month)
        self._export(month)
        self._release(month)
        if self._rows_go:
            self._release_rows(month)
        with psycopg.connect(self._stage.database_url, autocommit=True) as connection:
            connection.execute("VACUUM (FULL, ANALYZE)")

    def close(self) -> None:
        self._engine.dispose()

    def month(self, month: date, old_month: date | None) -> dict[str, Any]:
        """One month from its first callback to its seals; an older one leaves."""
        before = self._size()
        loaded = self._load()
        self._callbacks[month] = loaded["callbacks"]
        drained(self._stage.database_url)
        hot = self._size() - before
        _date(self._stage.database_url, month)
        figures: dict[str, Any] = {
            "month": f"{month:%Y-%m}",
            **loaded,
            "hot_bytes": round(hot / loaded["callbacks"]),
            "close_cpu_s": self._processor_s(lambda: self._close_day(month)),
            "seal_s": _seconds(lambda: _seal(self._engine, month)),
        }
        if old_month is not None:
            figures |= self._let_go(old_month)
        later = WalletScope(month_end=newest_month_end(self._engine))
        if not self._rows_go:
            figures["verify_cpu_s"] = self._processor_s(lambda: _verify(self._engine))
        figures["later_cpu_s"] = self._processor_s(lambda: _verify(self._engine, later))
        size = self._size()
        figures["left_bytes"] = round((size - before) / loaded["callbacks"])
        figures["database_mb"] = round(size / 1e6, 1)
        print("  ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
        return figures

    def _let_go(self, month: date) -> dict[str, Any]:
        """Export a month and let it go."""
        seconds = {
            "export_s": _seconds(lambda: self._export(month)),
            "release_s": _seconds(lambda: self._release(month)),
        }
        if self._rows_go:
            seconds["rows_s"] = _seconds(lambda: self._release_rows(month))
        with self._engine.connect() as connection:
            archive = get_archive(connection, archive_name(month))
        return {"file_bytes": round(archive.bytes / self._callbacks[month]), **seconds}

    def _close_day(self, month: date) -> None:
        """Reconcile the month's last day with callbacks, and close it."""
        day = month + timedelta(days=_DAYS - 1)
        window = day_window(day, ZoneInfo("UTC"))
        with self._engine.begin() as connection:
            bounds = {"provider": _PROVIDER, "start": window.start, "end": window.end}
            connection.execute(text(_REPORT), bounds)
        request = RunRequest(
            provider=_PROVIDER, window=window, maturity=timedelta(minutes=15), close=day
        )
        result = reconcile(self._stage.database_url, request, clock=SystemClock())
        assert not result.breaks, result.breaks[0]
        with self._engine.begin() as connection:
            first, second = _PEOPLE
            people = {"day": day, "first": first, "second": second}
            connection.execute(text(_SIGN), people)

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
        archive = self._approved(month, Leaving.BYTES)
        folder = ArchiveFolder(self._place, archive.archive_id)
        manifest = folder.manifest()
        gone = let_go(self._engine, folder, manifest, progress=lambda _: None)
        entries = let_entries_go(self._engine, manifest, progress=lambda _: None)
        ended = take_month_end(self._engine, by=_PEOPLE[1])
        assert ended == month, ended
        with self._engine.begin() as connection:
            finish_release(connection, archive, by=_PEOPLE[1], rows=gone, entries=entries)

    def _release_rows(self, month: date) -> None:
        archive = self._approved(month, Leaving.ROWS)
        gone = let_rows_go(self._engine, archive, progress=lambda _: None)
        with self._engine.begin() as connection:
            left = {"operations": gone.operations}
            finish_release(connection, archive, Leaving.ROWS, by=_PEOPLE[1], **left)

    def _approved(self, month: date, what: Leaving) -> Archive:
        """An archive whose release is requested by one person and approved by another."""
        name, now = archive_name(month), SystemClock().now()
        with self._engine.begin() as connection:
            archive = get_archive(connection, name)
            request_release(connection, archive, what, reason="old", by=_PEOPLE[0], now=now)
            archive = get_archive(connection, name)
            decide_release(connection, archive, "approved", what, by=_PEOPLE[1], now=now)
        return archive

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
        for statement in (_DATE, *_DATE_ROWS):
            connection.execute(statement, {"since": since, "until": until, "days": _DAYS})
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("batches", "operations", "deliveries", "rounds"):
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())


def _seal(engine: Engine, month: date) -> None:
    day = month
    while day < month_end(month):
        seal_day(engine, day, progress=lambda _: None)
        day += timedelta(days=1)


def _verify(engine: Engine, scope: WalletScope | None = None) -> None:
    wrong = [result.name for result in verify(engine, scope=scope) if result.wrong]
    assert not wrong, wrong


def _seconds(action: Callable[[], object]) -> float:
    started = monotonic()
    action()
    return round(monotonic() - started, 2)


if __name__ == "__main__":
    main()
