"""Accept and post together for a minute; then what a hot player or a hot round costs others.

``python -m benchmarks.sustained [--seconds S] [--hot-seconds S]``. Posting runs all the time.
The backlog of unposted operations is sampled every half second; its largest value and its
growth from the first to the last third of the run are printed. The hot runs load half of the
players twice in turn: beside quiet neighbours, and beside neighbours whose callbacks all meet
the same wallet, or the same round.
"""

import argparse
import contextlib
import json
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import mean, median

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

DIALECT = "agent_platform"
CONNECTIONS = 64
#: Connections of the load that is looked at, and of its neighbours.
OTHERS, NEIGHBOURS = 32, 16
#: Requests built beforehand, per second of load.
RATE = 12_000
PAIRS = 3

_BACKLOG = """
SELECT coalesce(sum(operations), 0)::bigint FROM batches
 WHERE posted_at IS NULL AND parked_at IS NULL
"""
_turns = count(1, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hot-seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        for receivers in (1, 2):
            with _serving(stage, receivers):
                results.append(_sustained(stage, receivers, chosen.seconds))
        with _serving(stage, 1):
            results += [
                _hot(stage, who, chosen.hot_seconds) for who in ("hot-player", "hot-round")
            ]
    print(json.dumps({"benchmark": "sustained", "results": results}))


@contextlib.contextmanager
def _serving(stage: BenchSetup, receivers: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(receivers):
            stack.enter_context(running("ops", "receiver", stage=stage))
        stack.enter_context(running("ops", "worker", "--processes", "1", stage=stage))
        wait_until_answering(stage.port)
        warm_up(stage.port, DIALECT, turn=next(_turns))
        drained(stage.database_url)
        yield


def _sustained(stage: BenchSetup, receivers: int, seconds: float) -> dict[str, object]:
    with _sampled(open_engine(stage.database_url)) as backlog:
        figures = load(
            stage.port,
            DIALECT,
            connections=CONNECTIONS,
            seconds=seconds,
            turn=next(_turns),
            rate=RATE,
        )
    third = max(1, len(backlog) // 3)
    line: dict[str, object] = {
        "receivers": receivers,
        "seconds": seconds,
        "accepted_and_posted_per_s": round(figures["rate"]),
        "p99_ms": round(figures["p99_ms"], 1),
        "backlog_first_third": round(mean(backlog[:third])),
        "backlog_last_third": round(mean(backlog[-third:])),
        "backlog_max": max(backlog),
        "failures": int(figures["failures"]),
    }
    print("  ".join(f"{name} {value}" for name, value in line.items()))
    return line


@contextlib.contextmanager
def _sampled(engine: Engine) -> Iterator[list[int]]:
    backlog: list[int] = []
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(0.5):
            with engine.connect() as connection:
                backlog.append(connection.execute(text(_BACKLOG)).scalar_one())

    sampler = threading.Thread(target=sample)
    sampler.start()
    yield backlog
    stop.set()
    sampler.join()
    engine.dispose()


def _hot(stage: BenchSetup, who: str, seconds: float) -> dict[str, object]:
    pairs = [
        (_beside(stage, "upper", seconds), _beside(stage, who, seconds)) for _ in range(PAIRS)
    ]
    line: dict[str, object] = {
        "neighbours": who,
        "others_per_s_beside_quiet": round(median(quiet["rate"] for quiet, _ in pairs)),
        "others_per_s_beside_hot": round(median(hot["rate"] for _, hot in pairs)),
        "ratio": round(median(hot["rate"] / quiet["rate"] for quiet, hot in pairs), 2),
        "others_p99_ms_beside_quiet": round(median(quiet["p99_ms"] for quiet, _ in pairs), 1),
        "others_p99_ms_beside_hot": round(median(hot["p99_ms"] for _, hot in pairs), 1),
        "failures": int(sum(quiet["failures"] + hot["failures"] for quiet, hot in pairs)),
    }
    print("  ".join(f"{name} {value}" for name, value in line.items()))
    return line


def _beside(stage: BenchSetup, who: str, seconds: float) -> dict[str, float]:
    """The figures of the lower half of the players while others play."""
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(
            load,
            stage.port,
            DIALECT,
            connections=NEIGHBOURS,
            seconds=seconds,
            turn=next(_turns),
            who=who,
            rate=RATE,
        )
        neighbours = load(
            stage.port,
            DIALECT,
            connections=OTHERS,
            seconds=seconds,
            turn=next(_turns),
            who="lower",
            rate=RATE,
        )
        beside.result()
    return neighbours


if __name__ == "__main__":
    main()
