"""Totals and report packs against the run over the same rows: seconds and memory.

    python -m benchmarks.reports [--rows N ...] [--differences D] [--repeat K] [--data DIR]

For every size a database of its own is filled on an embedded server, as for
``benchmarks.reconcile_scale``. Then a run, the totals and a report pack are made, each in a
process of its own. Of ``--repeat`` turns the one with the least processor time counts, that of
the process and the database together: on a machine that others use it is all that compares.
Memory is the largest resident size over that process and all it starts, above that of a process
that only imports the same modules.
The aims are totals in half of the run's time, a pack in the same time, and 300 MiB.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg

from benchmarks.bench import database_processor, embedded_server, measured, new_database
from benchmarks.reconcile import PROVIDER, WINDOW
from benchmarks.reconcile_scale import KINDS, fill
from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory
from ops.garbage import OF_PACKS, skip_loaded
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.totals.tie_out import totals
from reports.files.write import write_pack
from reports.load import load_pack
from storage.engine import open_engine
from vocabulary.clock import SystemClock

#: What a process does, in this order.
STEPS = ("nothing", "run", "totals", "report")
#: The largest share of the run's time, and MiB above the interpreter.
AIMS = {"totals": 0.5, "report": 1.0}
MEMORY_AIM_MIB = 300
_REQUEST = RunRequest(provider=PROVIDER, window=WINDOW, maturity=timedelta(minutes=15))


def do(step: str, url: str) -> None:
    """Do a step in this process; prints what it took and found."""
    started, processor = time.perf_counter(), time.process_time()
    differences = {"run": _run, "totals": _totals, "report": _report}.get(step, _nothing)(url)
    figures = {"seconds": time.perf_counter() - started, "found": differences}
    print(json.dumps({**figures, "processor": time.process_time() - processor}))


def _nothing(_url: str) -> int:
    time.sleep(0.5)  # long enough to be looked at
    return 0


def _run(url: str) -> int:
    gc.freeze()  # as the command does
    return len(reconcile(url, _REQUEST, clock=SystemClock()).breaks)


def _totals(url: str) -> int:
    gc.freeze()  # as the command does
    tied = totals(url, _REQUEST, now=SystemClock().now(), zone="UTC")
    assert tied.ties
    return len(tied.lines)


def _report(url: str) -> int:
    skip_loaded(OF_PACKS)  # as whatever makes packs does
    engine = open_engine(url, pool_size=1)
    with tempfile.TemporaryDirectory() as folder, engine.connect() as connection:
        pack = load_pack(
            connection,
            PROVIDER,
            window=WINDOW,
            generated_at=SystemClock().now(),
            exponents={},
        )
        write_pack(pack, Path(folder))
    engine.dispose()
    assert pack.tie_out is not None
    assert pack.tie_out.ties
    return len(pack.breaks)


def main() -> int:
    parser = argparse.ArgumentParser(description="Totals and packs beside the run.")
    parser.add_argument("--rows", type=int, nargs="+", default=[300_000, 2_000_000])
    parser.add_argument("--differences", type=int, default=6_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--data", type=Path, help="where the server lives; else temporary")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.url:
        do(options.step, options.url)
        return 0
    with embedded_server(options.data) as home:
        sizes = [_size(home, rows, options) for rows in options.rows]
    print(json.dumps({"benchmark": "reports", "sizes": sizes}))
    return 0 if all(size["exact"] for size in sizes) else 1


def _size(home: DataDirectory, rows: int, options: argparse.Namespace) -> dict[str, object]:
    per_kind = options.differences // len(KINDS)
    url = _filled(home, f"reports_{rows}", rows, per_kind)
    best: dict[str, dict[str, float]] = {}
    for _ in range(options.repeat):
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.reports", "--url", url, "--step", step]
            before = database_processor(home)
            figures: dict[str, float] = measured(command)  # type: ignore[assignment]
            time.sleep(0.2)  # until the server has noticed that its clients are gone
            figures["database"] = database_processor(home) - before
            figures["both"] = figures["processor"] + figures["database"]
            if step not in best or figures["both"] < best[step]["both"]:
                best[step] = figures
    exact = all(best[step]["found"] == per_kind * len(KINDS) for step in ("run", "report"))
    print(
        f"{rows} x {rows}, {per_kind * len(KINDS)} differences,"
        f" exact: {'yes' if exact else 'NO'}"
    )
    for step in STEPS[1:]:
        _print(step, best)
    return {"rows": rows, "exact": exact, **best}


def _print(step: str, best: dict[str, dict[str, float]]) -> None:
    figures, aim = best[step], AIMS.get(step)
    ratio = figures["both"] / best["run"]["both"]
    memory = figures["peak_mib"] - best["nothing"]["peak_mib"]
    aims = "" if aim is None else f"   (aims: {aim}, {MEMORY_AIM_MIB} MiB)"
    print(
        f"  {step:7} {figures['seconds']:6.2f} s, processor {figures['processor']:5.2f} s here"
        f" and {figures['database']:5.2f} s in the database: {ratio:5.2f} of the run,"
        f" {memory:4.0f} MiB more{aims}",
        flush=True,
    )


def _filled(home: DataDirectory, name: str, rows: int, per_kind: int) -> str:
    """The URL of a database with these rows; one that exists is used again."""
    url = postgres_server.url(home, name)
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)"
        row = connection.execute(query, [name]).fetchone()
        if row is not None and row[0]:
            return url
    url = new_database(home, name)
    fill(url, rows, each=per_kind)
    return url


if __name__ == "__main__":
    sys.exit(main())
