"""Reconcile 1 M rounds with 1 M records, against raw COPY of both sides and against DataComPy.

    python -m benchmarks.reconcile [--rows N] [--repeat K] [--data DIR]

Everything runs on one machine in one go: a fresh embedded database is filled, some hundred
differences are planted, and each contender runs in a process of its own, taking turns; the
median of the repeats counts. The raw ``COPY`` sends the columns a comparison needs, binary,
and throws them away. DataComPy gets the same rows through ``pandas.read_sql``, and ends as our
own run does, with its report made and the differences stored. Either must have found every
planted difference, and nothing else.
DuckDB gets the frames that our exact pass gets, loaded by our own loader, and counts what a
full outer join of them tells; the time of the join alone is told as ``join_ms``.
"""

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from ops.engines import postgres_server
from ops.engines.data_directory import locked, open_data_directory
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.rules import MatchContext
from storage.engine import open_engine
from storage.migrate import migrate
from vocabulary.clock import SystemClock
from vocabulary.window import Window

PROVIDER = "aggregator"
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(start=START, end=START + timedelta(days=2))
PLAYERS = 10_000
#: Of each kind of difference, this many are planted.
EACH = 100

_FILL = """
INSERT INTO players (player) SELECT 'player-' || n FROM generate_series(1, %(players)s) n;
INSERT INTO handles (provider, handle, player)
SELECT 'aggregator', 'handle-' || n, 'player-' || n FROM generate_series(1, %(players)s) n;
INSERT INTO wallets (player, currency, balance, seq)
SELECT 'player-' || n, (ARRAY['USD', 'EUR', 'JPY'])[1 + n %% 3], 0, 0
  FROM generate_series(1, %(players)s) n;
CREATE TEMP TABLE plan AS
SELECT n, (1000000000000000000 + n * 7919)::text AS round_id,
       hashtextextended('aggregator' || n, 0) AS match_key, 1 + n %% %(players)s AS wallet_id,
       100 + n %% 997 AS stake, CASE WHEN n %% 3 = 0 THEN (n * 31) %% 2500 ELSE 0 END AS payout,
       %(start)s + n * (interval '1 day' / %(rows)s) AS at
  FROM generate_series(1::bigint, %(rows)s) n;
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT match_key, 'aggregator', round_id, wallet_id,
       (SELECT currency FROM wallets w WHERE w.wallet_id = plan.wallet_id), stake, payout,
       1, 1, 0, true, at, at
  FROM plan;
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, declared_net, game, created_at, updated_at,
                          received_at, source)
SELECT 'aggregator', round_id, round_id, match_key, 'handle-' || wallet_id,
       (SELECT currency FROM wallets w WHERE w.wallet_id = plan.wallet_id), stake, payout,
       false, payout - stake, 'game-' || n %% 40, at, at, at, 'push'
  FROM plan;
"""
#: One statement per kind; each hits its own ``EACH`` rounds.
_PLANT = {
    "missing_in_ledger": "DELETE FROM rounds WHERE round_id IN ({})",
    "missing_at_provider": "DELETE FROM feed_records WHERE round_id IN ({})",
    "stake_mismatch": "UPDATE feed_records SET stake = stake + 7,"
    " declared_net = declared_net - 7 WHERE round_id IN ({})",
    "payout_mismatch": "UPDATE feed_records SET payout = payout + 11,"
    " declared_net = declared_net + 11 WHERE round_id IN ({})",
    "arithmetic_error": "UPDATE feed_records SET declared_net = declared_net + 1"
    " WHERE round_id IN ({})",
}
_PICK = (
    "SELECT round_id FROM plan WHERE n %% greatest(%(rows)s / {each}, 1) = {place} LIMIT {each}"
)

#: What a comparison needs of either side, as any tool would ask for it.
OURS = """
SELECT r.round_id, w.player, r.currency, r.stake, r.payout, r.payout - r.stake AS net
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = 'aggregator' AND r.first_at >= '{start}' AND r.first_at < '{end}'
"""
THEIRS = """
SELECT f.round_id, h.player, f.currency, f.stake, f.payout, f.declared_net AS net
  FROM feed_records f JOIN handles h USING (provider, handle)
 WHERE f.provider = 'aggregator' AND f.created_at >= '{start}' AND f.created_at < '{end}'
"""
_DUCKDB = """
SELECT count(*) FILTER (WHERE o.match_key IS NULL), count(*) FILTER (WHERE t.match_key IS NULL),
       count(*) FILTER (WHERE o.stake <> t.stake OR o.payout <> t.payout
                           OR o.player_hash <> t.player_hash OR o.currency <> t.currency
                           OR o.odd OR t.odd)
  FROM ours o FULL OUTER JOIN theirs t ON o.match_key = t.match_key
"""


def queries() -> tuple[str, str]:
    bounds = {"start": WINDOW.start.isoformat(), "end": WINDOW.end.isoformat()}
    return OURS.format(**bounds), THEIRS.format(**bounds)


def run_copy(url: str) -> dict[str, int]:
    """Both sides out raw, one after the other on one connection, thrown away."""
    received = 0
    with psycopg.connect(url) as connection:
        for query in queries():
            command = f"COPY ({query}) TO STDOUT (FORMAT binary)"
            with connection.cursor().copy(command.encode()) as copy:
                for data in copy:
                    received += len(data)
    return {"bytes": received}


def run_ours(url: str) -> dict[str, int]:
    """Database to stored breaks and proof, as ``tieout reconcile`` goes about it."""
    gc.freeze()
    result = reconcile(
        url,
        RunRequest(
            provider=PROVIDER,
            window=WINDOW,
            maturity=timedelta(minutes=15),
        ),
        clock=SystemClock(),
    )
    return Counter(str(break_.kind) for break_ in result.breaks)


def run_datacompy(url: str) -> dict[str, int]:
    """The same rows through pandas.read_sql into DataComPy, to its report and stored rows."""
    import datacompy
    import pandas as pd

    engine = open_engine(url)
    with engine.connect() as connection:
        ours, theirs = (pd.read_sql(query, connection) for query in queries())
    compared = datacompy.PandasCompare(ours, theirs, join_columns=["round_id"])
    report = str(compared.report())
    differences = {
        "missing_at_provider": compared.df1_unq_rows,
        "missing_in_ledger": compared.df2_unq_rows,
        "mismatch": compared.all_mismatch(),
    }
    with engine.begin() as connection:
        for name, rows in differences.items():
            rows.to_sql(f"datacompy_{name}", connection, if_exists="replace", index=False)
    return {"report": len(report), **{name: len(rows) for name, rows in differences.items()}}


def run_duckdb(url: str) -> dict[str, int]:
    """The frames that our exact pass gets, through a full outer join in DuckDB."""
    import duckdb

    context = MatchContext(now=SystemClock().now(), maturity=timedelta(minutes=15))
    with open_snapshot(url, PROVIDER, WINDOW, context) as snapshot:
        sides = snapshot.key_rows()
    with duckdb.connect() as engine:
        engine.register("ours", sides.ours)
        engine.register("theirs", sides.theirs)
        started = time.perf_counter()
        counts = engine.execute(_DUCKDB).fetchone()
        joined = time.perf_counter() - started
    assert counts is not None
    names = ("missing_in_ledger", "missing_at_provider", "mismatch")
    return {**dict(zip(names, counts, strict=True)), "join_ms": round(joined * 1000)}


CONTENDERS = {
    "copy": run_copy,
    "reconcile": run_ours,
    "datacompy": run_datacompy,
    "duckdb": run_duckdb,
}


def measure(contender: str, url: str) -> None:
    """Run one contender in this process, and print its seconds, peak memory and findings."""
    if contender in {"datacompy", "duckdb"}:
        __import__(contender)  # importing is not what is measured
    started = time.perf_counter()
    counts = CONTENDERS[contender](url)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "found": counts}))


def fill(url: str, rows: int) -> None:
    """Fill both sides alike, then plant the differences."""
    parameters = {"players": PLAYERS, "rows": rows, "start": START}
    with psycopg.connect(
        url, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        # Only of this database: a round that the books never had is one that was removed.
        connection.execute("SET session_replication_role = replica")
        connection.execute(_FILL.encode(), parameters)
        for place, statement in enumerate(_PLANT.values()):
            pick = _PICK.format(each=EACH, place=place)
            connection.execute(statement.format(pick).encode(), {"rows": rows})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def compare(url: str, repeat: int) -> dict[str, dict[str, Any]]:
    """Every contender ``repeat`` times in processes of their own, taking turns."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for _ in range(repeat):
        for name, runs in results.items():
            command = [
                sys.executable,
                "-m",
                "benchmarks.reconcile",
                "--run",
                name,
                "--url",
                url,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout))
    return {name: _median(runs) for name, runs in results.items()}


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [float(str(run["seconds"])) for run in runs]
    return {**runs[-1], "seconds": statistics.median(seconds), "all": sorted(seconds)}


def report(rows: int, results: dict[str, dict[str, Any]]) -> int:
    """Print the figures and one line of JSON; 1 when a planted difference was not found."""
    seconds = {name: float(str(run["seconds"])) for name, run in results.items()}
    over_copy = seconds["reconcile"] / seconds["copy"]
    datacompy_over = seconds["datacompy"] / seconds["reconcile"]
    exact = _exact(results)
    print(f"{rows} rounds against {rows} records, {len(_PLANT) * EACH} differences planted")
    for name, run in results.items():
        print(f"  {name:<10} {seconds[name]:8.2f} s   peak {run['peak_mib']} MiB")
    print(f"  reconcile / copy      {over_copy:6.2f}   (aim: at most 1.5)")
    print(f"  datacompy / reconcile {datacompy_over:6.2f}   (aim: at least 10)")
    over_duckdb = seconds["reconcile"] / seconds["duckdb"]
    print(f"  reconcile / duckdb    {over_duckdb:6.2f}   (a join and three counts, no breaks)")
    print(f"  every planted difference found, and nothing else: {'yes' if exact else 'NO'}")
    figures = {
        "over_duckdb": over_duckdb,
        "over_copy": over_copy,
        "datacompy_over": datacompy_over,
        "exact": exact,
    }
    print(json.dumps({"benchmark": "reconcile", "rows": rows, **figures, "runs": results}))
    return 0 if exact else 1


def _exact(results: dict[str, dict[str, Any]]) -> bool:
    """Whether either comparison found what was planted, and nothing else."""
    theirs = results["datacompy"]["found"]
    mismatches = EACH * sum("missing" not in kind for kind in _PLANT)
    return bool(
        results["reconcile"]["found"] == dict.fromkeys(sorted(_PLANT), EACH)
        and theirs["missing_at_provider"] == theirs["missing_in_ledger"] == EACH
        and theirs["mismatch"] == mismatches
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Reconcile against COPY and DataComPy.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, help="where the database lives; else temporary")
    parser.add_argument("--run", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        measure(arguments.run, arguments.url)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return _whole(arguments.data or Path(folder) / "data", arguments.rows, arguments.repeat)


def _whole(data: Path, rows: int, repeat: int) -> int:
    home = open_data_directory(data)
    try:
        with locked(home):
            postgres_server.start(home)
        url = postgres_server.url(home)
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()
        fill(url, rows)
        return report(rows, compare(url, repeat))
    finally:
        postgres_server.stop(home)


if __name__ == "__main__":
    sys.exit(main())
