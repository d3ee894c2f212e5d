"""A morning with old or missing statistics against the same morning with good ones.

    python -m benchmarks.stale_plans [--rounds N] [--data DIR]

Fills the books of ``benchmarks.console`` on an embedded server and copies them three times:
with statistics of all rows, with statistics that end before yesterday, and with none, as after
a restore. Over each copy the steps of ``tests.harness.books.morning`` run once. The work of the
database is counted in rows, which do not depend on the machine; the aim is at most 1.3 times
that of good statistics for each step. Seconds are printed beside it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate
from tests.harness.books.morning import Morning, age_statistics, build_books, drop_statistics
from tests.harness.query_work import Recording, log_plans, recorded_work

#: Most times the rows of good statistics.
AIM = 1.3
#: By name, what becomes of the statistics.
STATES: Mapping[str, Callable[[str], None]] = {
    "fresh": lambda _url: None,
    "stale": age_statistics,
    "none": drop_statistics,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="A morning without statistics.")
    parser.add_argument("--rounds", type=int, default=200_000)
    parser.add_argument("--data", type=Path, help="where the server lives; else temporary")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = open_data_directory(options.data or Path(folder) / "data")
        try:
            with locked(home):
                postgres_server.start(home)
            return _measured(home, options.rounds)
        finally:
            postgres_server.stop(home)


def _measured(home: DataDirectory, rounds: int) -> int:
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE books")
    engine = open_engine(postgres_server.url(home, "books"))
    migrate(engine)
    build_books(engine, rounds)
    engine.dispose()
    mornings = {name: _morning(home, name, change) for name, change in STATES.items()}
    worst = _print(mornings)
    print(json.dumps({"benchmark": "stale_plans", "rounds": rounds, "worst": worst}))
    return 0 if worst <= AIM else 1


def _morning(
    home: DataDirectory, name: str, change: Callable[[str], None]
) -> dict[str, Recording]:
    """What each step takes over a copy of the books."""
    with psycopg.connect(postgres_server.url(home, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE books".encode())
    url = postgres_server.url(home, name)
    change(url)
    log_plans(postgres_server.url(home, "postgres"), name)
    engine = open_engine(url)
    recordings = {}
    for step, act in Morning(engine).steps.items():
        with recorded_work(home.logs / "postgres.log") as recordings[step]:
            act()
    engine.dispose()
    return recordings


def _print(mornings: Mapping[str, Mapping[str, Recording]]) -> float:
    """Print a line for each step; returns the largest ratio."""
    worst = 0.0
    print(f"{'rows of the database':22}{'fresh':>12}{'stale':>14}{'none':>14}")
    for step, fresh in mornings["fresh"].items():
        line = f"{step:22}{fresh.rows:>12,}"
        for state in ("stale", "none"):
            recording = mornings[state][step]
            ratio = recording.rows / max(fresh.rows, 1)
            worst = max(worst, ratio)
            line += f"{ratio:>7.2f} ({recording.milliseconds / 1000:.1f} s)"
        print(f"{line}   fresh {fresh.milliseconds / 1000:.1f} s", flush=True)
    print(f"at most {worst:.2f} times the rows of good statistics (aim: {AIM})")
    return worst


if __name__ == "__main__":
    sys.exit(main())
