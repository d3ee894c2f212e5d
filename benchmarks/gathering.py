"""What it brings to space commits: waits and processor time by ``receiver.commit_spacing``.

``python -m benchmarks.gathering [--spacings-ms 0 2 4] [--rates 500 2000] [--turns N]``. In
each turn every spacing has a receiver and a worker of its own on the same books, one after the
other, and takes every rate in open loop. The last lines are medians of the turns.
"""

import argparse
import dataclasses
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import Engine, text

from benchmarks.bench import BenchSetup, drained, staged
from benchmarks.loads.closed_loop import SECRETS
from benchmarks.profiling.pipeline import (
    CallbackSource,
    Load,
    Pids,
    taking_callbacks,
    usage_by_process,
)
from benchmarks.profiling.processes import since
from storage.transactions import engine_at

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spacings-ms", type=float, nargs="+", default=(0, 2, 4))
    parser.add_argument("--rates", type=float, nargs="+", default=(500, 2000))
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--dialect", choices=tuple(SECRETS), default="sportsbook")
    parser.add_argument("--warm-up", type=float, default=0.0, help="0: see every player")
    chosen = parser.parse_args()
    measured: defaultdict[tuple[float, float], list[Figures]] = defaultdict(list)
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        engine_at(stage.database_url) as engine,
    ):
        numbers = count(1, 1_000_000)
        for _ in range(chosen.turns):
            for spacing in chosen.spacings_ms:
                turn = _turn(_spaced(stage, spacing), engine, chosen, numbers)
                for rate, figures in turn.items():
                    measured[rate, spacing].append(figures)
    results = [
        {"rate": rate, "spacing_ms": spacing, **_medians(turns)}
        for (rate, spacing), turns in sorted(measured.items())
    ]
    for line in results:
        print("  ".join(f"{name} {value:g}" for name, value in line.items()))
    print(json.dumps({"benchmark": "gathering", "results": results}))


def _spaced(stage: BenchSetup, spacing_ms: float) -> BenchSetup:
    """The same books with a settings file that spaces commits."""
    config = stage.config.with_name(f"spaced-{spacing_ms:g}.toml")
    setting = f'[receiver]\ncommit_spacing = "{spacing_ms:g}ms"\n'
    config.write_text(stage.config.read_text().replace("[receiver]\n", setting))
    return dataclasses.replace(stage, config=config)


def _turn(
    stage: BenchSetup, engine: Engine, chosen: argparse.Namespace, numbers: Iterator[int]
) -> dict[float, Figures]:
    """One receiver's figures by rate."""
    source = CallbackSource(
        port=stage.port, dialect=chosen.dialect, seconds=chosen.seconds, turns=numbers
    )
    with taking_callbacks(stage, source, chosen.warm_up) as pids:
        return {rate: _measured(stage, engine, pids, source.at(rate)) for rate in chosen.rates}


def _measured(stage: BenchSetup, engine: Engine, pids: Pids, run: Load) -> Figures:
    batches, before = _batches(engine), usage_by_process(pids)
    figures = run()
    drained(stage.database_url)
    used, callbacks = since(before, usage_by_process(pids)), figures["answers"]
    us = {name: usage.ran_s / callbacks * 1e6 for name, usage in used.items()}
    return {
        "batch": callbacks / max(1, _batches(engine) - batches),
        "per_s": figures["rate"],
        "p50_ms": figures["p50_ms"],
        "p99_ms": figures["p99_ms"],
        "us": sum(us.values()),
        "receiver_us": us["receiver"],
        "failures": figures["failures"],
    }


def _batches(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM batches")).scalar_one())


def _medians(turns: list[Figures]) -> Figures:
    return {name: round(median(turn[name] for turn in turns), 1) for name in turns[0]}


if __name__ == "__main__":
    main()
