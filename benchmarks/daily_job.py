"""The daily job of docs/daily.md, against as many commands that do nothing.

    python -m benchmarks.daily_job [--repeat N]

Each time the eleven commands run on a new database with yesterday's files of four providers and
fifteen breaks of money. The reference is ``tieout --version``, as often: what it takes to start
Python and the command line. Every command must exit as the page says.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from ops.engines import postgres_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate
from tests.harness.books.four_providers import settings_text, write_yesterday
from tests.harness.daily_script import Step, noon_of_yesterday, run_step, script
from tests.harness.people import register_people

#: Most seconds that the day is meant to take.
AIM_S = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description="The daily job, by command and in all.")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = open_data_directory(Path(folder) / "data")
        try:
            with locked(home):
                postgres_server.start(home)
            days = [_day(home, Path(folder), number) for number in range(options.repeat)]
        finally:
            postgres_server.stop(home)
    best = min(days, key=sum)
    starts = _starts(len(best))
    _print(best, starts)
    figures = {"benchmark": "daily_job", "commands": len(best), "seconds": sum(best)}
    print(json.dumps({**figures, "starts": starts, "over_starts": sum(best) / starts}))
    return 0


def _day(home: DataDirectory, folder: Path, number: int) -> list[float]:
    """The seconds of each command on a new database."""
    place = folder / f"day{number}"
    place.mkdir()
    database = _new_database(home, f"day{number}")
    noon = noon_of_yesterday()
    text = settings_text(database, place, noon)
    (place / "tieout.toml").write_text(text, encoding="utf-8")
    write_yesterday(database, place, noon)
    return [_seconds(place, step) for step in script()]


def _seconds(place: Path, step: Step) -> float:
    began = time.perf_counter()
    done = run_step(place, step, _start)
    seconds = time.perf_counter() - began
    if done.returncode != step.code:
        raise SystemExit(f"{step.words} exited {done.returncode}: {done.stdout}{done.stderr}")
    return seconds


def _start(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Start Python for a command, as a person's shell does; tests fork theirs."""
    command = [sys.executable, "-m", "ops", *words]
    return subprocess.run(
        command, cwd=cwd, env=env, timeout=timeout, capture_output=True, text=True, check=False
    )


def _starts(count: int) -> float:
    """The seconds of as many commands that do nothing."""
    with tempfile.TemporaryDirectory() as folder:
        step = Step("maria", ["--version"], 0)
        return sum(_seconds(Path(folder), step) for _ in range(count))


def _new_database(home: DataDirectory, name: str) -> str:
    with psycopg.connect(postgres_server.url(home), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    address = postgres_server.url(home, name)
    engine = open_engine(address)
    migrate(engine)
    register_people(engine)
    engine.dispose()
    return address


def _print(day: list[float], starts: float) -> None:
    for step, seconds in zip(script(), day, strict=True):
        print(f"{seconds:6.2f} s  {step.person}$ tieout {' '.join(step.words)[:70]}")
    total = sum(day)
    print(f"{total:6.2f} s  in all, by {len(day)} commands   (aim: at most {AIM_S:.0f} s)")
    print(f"{starts:6.2f} s  as many commands that do nothing")
    print(f"{total / starts:6.2f}    the daily job / commands that do nothing")


if __name__ == "__main__":
    raise SystemExit(main())
