"""How a reconciliation grows: seconds and peak memory by rows, in parts of bounded size.

    python -m benchmarks.reconcile_scale [--rows N ...] [--workers K] [--part-rows N]

For every size a database of its own is filled on an embedded server, indexes are built after
the rows, and one run is made in a process of its own: from the database to stored breaks and
proof. Memory is the largest sum of resident sizes over that process and all it starts, looked
at ten times a second; pages shared between processes count once for each. The servers' memory
is not in it. Some hundred differences are planted, and all of them must be found.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from benchmarks.bench import embedded_server, measured, new_database
from benchmarks.reconcile import EACH, PROVIDER, START, WINDOW
from ops.engines.data_directory import DataDirectory
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from vocabulary.clock import SystemClock
from vocabulary.executors import executor_of

PLAYERS = 100_000
#: Rows filled by one statement.
CHUNK = 1_000_000

_PLAYERS = """
INSERT INTO players (player) SELECT 'player-' || n FROM generate_series(1, {players}) n;
INSERT INTO handles (provider, handle, player)
SELECT 'aggregator', 'handle-' || n, 'player-' || n FROM generate_series(1, {players}) n;
INSERT INTO wallets (player, currency, balance, seq)
SELECT 'player-' || n, (ARRAY['USD', 'EUR', 'JPY'])[1 + n % 3], 0, 0
  FROM generate_series(1, {players}) n;
"""
_PLAN = """
SELECT n, (1000000000000000000 + n * 7919)::text AS round_id,
       hashtextextended('aggregator' || n, 0) AS match_key, 1 + n % {players} AS wallet_id,
       (ARRAY['USD', 'EUR', 'JPY'])[1 + (1 + n % {players}) % 3] AS currency,
       100 + n % 997 AS stake, CASE WHEN n % 3 = 0 THEN (n * 31) % 2500 ELSE 0 END AS payout,
       timestamptz '{start}' + n * (interval '1 day' / {rows}) AS at
  FROM generate_series({first}::bigint, {last}) n
"""
_ROUNDS = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT match_key, 'aggregator', round_id, wallet_id, currency, stake, payout, 1, 1, 0, true,
       at, at
  FROM ({plan}) AS plan
 WHERE n % {step} <> 0
"""
_RECORDS = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, declared_net, game, created_at, updated_at,
                          received_at, source)
SELECT 'aggregator', round_id, round_id, match_key, 'handle-' || wallet_id, currency, stake,
       payout + CASE WHEN n % {step} = 2 THEN 11 ELSE 0 END, false,
       payout + CASE WHEN n % {step} = 2 THEN 11 ELSE 0 END - stake, 'game-' || n % 40,
       at, at, at, 'push'
  FROM ({plan}) AS plan
 WHERE n % {step} <> 1
"""
_INDEXES = """
SELECT c.conname, i.relname AS index, pg_get_indexdef(i.oid) AS made, t.relname AS of,
       pg_get_constraintdef(c.oid) AS kept
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
  LEFT JOIN pg_constraint c ON c.conindid = i.oid
 WHERE t.relname IN ('rounds', 'feed_records')
"""
KINDS = ("missing_at_provider", "missing_in_ledger", "payout_mismatch")


def fill(url: str, rows: int, *, each: int = EACH) -> None:
    """Both sides alike but for so many differences of each kind."""
    parameters = {
        "players": PLAYERS,
        "rows": rows,
        "step": rows // each,
        "start": START.isoformat(),
    }
    with psycopg.connect(url, autocommit=True) as connection:
        # Only of this database: nothing here is worth a log, and no trigger has work to do.
        connection.execute("SET session_replication_role = replica")
        for table in ("rounds", "feed_records"):
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())
        connection.execute(_PLAYERS.format(**parameters).encode())
        with _without_indexes(connection):
            for first in range(1, rows + 1, CHUNK):
                last = min(first + CHUNK - 1, rows)
                plan = _PLAN.format(**parameters, first=first, last=last)
                for statement in (_ROUNDS, _RECORDS):
                    connection.execute(statement.format(**parameters, plan=plan).encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    indexes = connection.execute(_INDEXES.encode()).fetchall()
    for constraint, index, _, table, _ in indexes:
        drop = f"DROP INDEX {index}"
        if constraint:
            drop = f"ALTER TABLE {table} DROP CONSTRAINT {constraint}"
        connection.execute(drop.encode())
    yield
    connection.execute("SET maintenance_work_mem = '512MB'")
    for constraint, _, index_definition, table, constraint_definition in indexes:
        create = (
            f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {constraint_definition}"
            if constraint
            else index_definition
        )
        connection.execute(create.encode())


def run_once(url: str, workers: int, part_rows: int | None) -> None:
    """One run in this process; prints what it came to."""
    started = time.perf_counter()
    options = RunOptions(
        rows_per_part=part_rows, executor=executor_of(workers=workers, scheduler=None)
    )
    result = reconcile(
        url,
        RunRequest(
            provider=PROVIDER,
            window=WINDOW,
            maturity=timedelta(minutes=15),
        ),
        clock=SystemClock(),
        options=options,
    )
    counts = Counter(str(break_.kind) for break_ in result.breaks)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "found": counts}))


def main() -> int:
    parser = argparse.ArgumentParser(description="How a reconciliation grows.")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--part-rows", type=int)
    parser.add_argument("--data", type=Path, help="where the server lives; else temporary")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.url:
        run_once(arguments.url, arguments.workers, arguments.part_rows)
        return 0
    with embedded_server(arguments.data) as home:
        sizes = [_size(home, rows, arguments) for rows in arguments.rows]
    report = {"benchmark": "reconcile_scale", "workers": arguments.workers, "runs": sizes}
    print(json.dumps(report))
    return 0 if all(size["exact"] for size in sizes) else 1


def _size(home: DataDirectory, rows: int, arguments: argparse.Namespace) -> dict[str, object]:
    url = new_database(home, f"scale_{rows}")
    started = time.perf_counter()
    fill(url, rows)
    print(f"{rows} rows filled in {time.perf_counter() - started:.0f} s", flush=True)
    command = [sys.executable, "-m", "benchmarks.reconcile_scale", "--url", url]
    command += ["--workers", str(arguments.workers)]
    if arguments.part_rows:
        command += ["--part-rows", str(arguments.part_rows)]
    run = measured(command)
    per_row = 1e6 * float(str(run["seconds"])) / rows
    exact = run["found"] == dict.fromkeys(KINDS, EACH)
    print(
        f"{rows} x {rows}: {run['seconds']:.2f} s, {per_row:.2f} us a row,"
        f" peak {run['peak_mib']} MiB, exact: {'yes' if exact else 'NO'}",
        flush=True,
    )
    return {**run, "rows": rows, "us_per_row": per_row, "exact": exact}


if __name__ == "__main__":
    sys.exit(main())
