"""Posting drain rate over accept rate: one receiver and one worker process, both running.

``python -m benchmarks.posting [--seconds S]``. While the load runs, the backlog of unposted
operations is sampled; the drain rate counts what was posted while callbacks were still being
accepted. A ratio of 1 means that the backlog does not grow; what is left is drained afterwards
and timed too.
"""

import argparse
import json
import tempfile
import threading
from itertools import count
from pathlib import Path
from time import monotonic

from sqlalchemy import Engine, text

from benchmarks.bench import (
    BenchSetup,
    drained,
    load,
    running,
    staged,
    wait_until_answering,
    warm_up,
)
from storage.engine import open_engine

CONNECTIONS = 64

_COUNTS = """
SELECT coalesce(sum(operations), 0)::bigint,
       coalesce(sum(operations) FILTER (WHERE posted_at IS NOT NULL), 0)::bigint FROM batches
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    seconds = parser.parse_args().seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        running("ops", "receiver", stage=stage),
        running("ops", "worker", "--processes", "1", stage=stage),
    ):
        wait_until_answering(stage.port)
        results = [
            _measure(stage, dialect, seconds, turn)
            for dialect, turn in zip(
                ("aggregator", "sportsbook"), count(1, 500_000), strict=False
            )
        ]
    print(json.dumps({"benchmark": "posting", "results": results}))


def _measure(stage: BenchSetup, dialect: str, seconds: float, turn: int) -> dict[str, object]:
    engine = open_engine(stage.database_url)
    warm_up(stage.port, dialect, turn=turn + 400_000)
    drained(stage.database_url)
    before = _counts(engine)
    backlog: list[int] = []
    stop = threading.Event()
    sampler = threading.Thread(target=_sample, args=(engine, stop, backlog))
    sampler.start()
    figures = load(stage.port, dialect, connections=CONNECTIONS, seconds=seconds, turn=turn)
    after = _counts(engine)
    stop.set()
    sampler.join()
    started = monotonic()
    drained(stage.database_url)
    accepted, posted = after[0] - before[0], after[1] - before[1]
    line: dict[str, object] = {
        "dialect": dialect,
        "accepted_per_s": round(accepted / seconds),
        "posted_per_s": round(posted / seconds),
        "ratio": round(posted / accepted, 3),
        "backlog_max": max(backlog, default=0),
        "drained_after_s": round(monotonic() - started, 2),
        "p99_ms": round(figures["p99_ms"], 2),
        "failures": int(figures["failures"]),
    }
    print("  ".join(f"{name} {value}" for name, value in line.items()))
    engine.dispose()
    return line


def _counts(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        accepted, posted = connection.execute(text(_COUNTS)).one()
        return accepted, posted


def _sample(engine: Engine, stop: threading.Event, backlog: list[int]) -> None:
    while not stop.wait(0.5):
        accepted, posted = _counts(engine)
        backlog.append(accepted - posted)


if __name__ == "__main__":
    main()
