"""Verify and replay, in one part and in several: microseconds an operation.

``python -m benchmarks.proofs [--operations N] [--repeat K] [--jobs J]``. A receiver takes
callbacks of all dialects and a worker posts them. Then the two commands run as anybody runs
them, in one process and in several. ``wall_us`` and ``processor_us`` are by operation; the
processor time is that of the command, of the processes that it starts, and of their backends in
PostgreSQL. Of ``--repeat`` turns the one with the least processor time counts.

The reference is what the books cost to be read once: ``COPY`` of operations and entries, in the
same run. ``ratio`` is the processor time divided by that of the reference, which a machine that
others use changes least. The aims are wall times of 4 and 40 µs with two jobs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

from benchmarks.bench import (
    BenchSetup,
    drained,
    environment_of,
    load,
    running,
    staged,
    wait_until_answering,
)
from benchmarks.loads.closed_loop import PLAYERS, SECRETS
from ops.engines import postgres_server
from ops.engines.data_directory import open_data_directory

CONNECTIONS = 64
#: Seconds of load of one dialect at a time.
LOAD_S = 5.0
#: Seconds until the server has noticed that its clients are gone.
ENDS_S = 0.3
#: Wall time an operation with two jobs, in microseconds.
AIMS = {"verify": 4.0, "replay": 40.0}
_SIZES = "SELECT (SELECT count(*) FROM operations), (SELECT count(*) FROM deliveries)"
_READ = ("COPY operations TO STDOUT (FORMAT binary)", "COPY entries TO STDOUT (FORMAT binary)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=300_000, help="at least so many")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        _fill(stage, options.operations)
        with psycopg.connect(stage.database_url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            operations, deliveries = connection.execute(_SIZES).fetchone() or (0, 0)
        reference = _best(options.repeat, stage, operations, lambda: _read(stage))
        figures = {
            f"{command}_{jobs}": _best(
                options.repeat, stage, operations, partial(_prove, stage, command, jobs)
            )
            for command in AIMS
            for jobs in (1, options.jobs)
        }
    for figure in figures.values():
        figure["ratio"] = round(figure["processor_us"] / reference["processor_us"], 2)
    result = {"benchmark": "proofs", "operations": operations, "deliveries": deliveries}
    print(json.dumps({**result, "aims_us": AIMS, "reference": reference, **figures}))


def _fill(stage: BenchSetup, operations: int) -> None:
    accepted, turn = PLAYERS, 0  # opening balances
    with (
        running("ops", "receiver", stage=stage),
        running("ops", "worker", "--processes", "1", stage=stage),
    ):
        wait_until_answering(stage.port)
        while accepted < operations:
            for dialect in SECRETS:
                turn += 1
                figures = load(
                    stage.port,
                    dialect,
                    connections=CONNECTIONS,
                    seconds=LOAD_S,
                    turn=turn,
                )
                accepted += int(figures["answers"])
        drained(stage.database_url)


def _best(
    turns: int, stage: BenchSetup, operations: int, action: Callable[[], None]
) -> dict[str, Any]:
    return min(
        (_measured(stage, operations, action) for _ in range(turns)),
        key=lambda figures: figures["processor_us"],
    )


def _measured(
    stage: BenchSetup, operations: int, action: Callable[[], None]
) -> dict[str, float]:
    before, started = _processor_s(stage), monotonic()
    action()
    wall_s = monotonic() - started
    processor_s = _processor_s(stage) - before
    return {
        "wall_us": round(wall_s / operations * 1e6, 2),
        "processor_us": round(processor_s / operations * 1e6, 2),
    }


def _processor_s(stage: BenchSetup) -> float:
    """What this process, its ended children and the ended backends used so far."""
    sleep(ENDS_S)
    times = os.times()
    ours = times.user + times.system + times.children_user + times.children_system
    pid = postgres_server.running(open_data_directory(stage.data))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ours + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _read(stage: BenchSetup) -> None:
    with psycopg.connect(stage.database_url) as connection:
        for statement in _READ:
            with connection.cursor() as cursor, cursor.copy(statement) as rows:
                for _ in rows:
                    pass


def _prove(stage: BenchSetup, command: str, jobs: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "ops", "ledger", command, "--json", "--jobs", str(jobs)],
        env=environment_of(stage),
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    main()
