"""Accept path over the bare verifying handler: same load, same run, durable commits.

``python -m benchmarks.accept [--seconds S] [--rounds N]``. For each dialect and number of
connections the bare handler and the receiver are loaded in turn; the ratio is the median of the
pairs. Every player is seen once before the measurement, as in a receiver that has run for a
while. The posting workers do not run here; ``benchmarks.posting`` measures both together.

``cpu`` is the processor time of the receiver, and of the bare handler, for each callback in
microseconds. On a machine that does other things too it says more than the clock.
"""

import argparse
import json
import tempfile
from itertools import count
from pathlib import Path
from statistics import median
from subprocess import Popen

from benchmarks.bench import (
    cpu_seconds,
    free_port,
    load,
    running,
    staged,
    wait_until_answering,
    warm_up,
)
from benchmarks.loads.closed_loop import SECRETS

CONNECTIONS = (16, 64, 256)
DIALECTS = tuple(SECRETS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dialects", nargs="+", choices=DIALECTS, default=DIALECTS)
    parser.add_argument("--connections", nargs="+", type=int, default=CONNECTIONS)
    chosen = parser.parse_args()
    bare_port = free_port()
    results = []
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder)) as stage,
        running("benchmarks.bare", str(bare_port)) as bare,
        running("ops", "receiver", stage=stage) as receiver,
    ):
        for port in (bare_port, stage.port):
            wait_until_answering(port)
        turns = count(1, 1_000_000)
        print(
            "dialect         conn   receiver/s  bare/s   ratio   p50 ms  p99 ms  failures"
            "   cpu  bare cpu"
        )
        for dialect in chosen.dialects:
            warm_up(stage.port, dialect, turn=next(turns))
            for connections in chosen.connections:
                pairs = [
                    (
                        _loaded(bare, bare_port, dialect, connections=connections,
                                seconds=chosen.seconds / 2, turn=next(turns)),
                        _loaded(receiver, stage.port, dialect, connections=connections,
                                seconds=chosen.seconds, turn=next(turns)),
                    )
                    for _ in range(chosen.rounds)
                ]  # fmt: skip
                results.append(_line(dialect, connections, pairs))
    print(json.dumps({"benchmark": "accept", "results": results}))


def _loaded(
    process: "Popen[bytes]",
    port: int,
    dialect: str,
    *,
    connections: int,
    seconds: float,
    turn: int,
) -> dict[str, float]:
    before = cpu_seconds(process.pid)
    figures = load(port, dialect, connections=connections, seconds=seconds, turn=turn)
    spent = cpu_seconds(process.pid) - before
    return {**figures, "cpu_us": spent / figures["answers"] * 1e6}


def _line(
    dialect: str, connections: int, pairs: list[tuple[dict[str, float], dict[str, float]]]
) -> dict[str, object]:
    ours = median(receiver["rate"] for _, receiver in pairs)
    reference = median(bare["rate"] for bare, _ in pairs)
    ratio = median(receiver["rate"] / bare["rate"] for bare, receiver in pairs)
    p50 = median(receiver["p50_ms"] for _, receiver in pairs)
    p99 = median(receiver["p99_ms"] for _, receiver in pairs)
    cpu = median(receiver["cpu_us"] for _, receiver in pairs)
    bare_cpu = median(bare["cpu_us"] for bare, _ in pairs)
    failures = sum(bare["failures"] + receiver["failures"] for bare, receiver in pairs)
    print(
        f"{dialect:15} {connections:4} {ours:12,.0f} {reference:8,.0f} {ratio:7.2f}"
        f" {p50:8.2f} {p99:7.2f} {failures:9,.0f} {cpu:5.0f} {bare_cpu:9.0f}"
    )
    return {
        "dialect": dialect,
        "connections": connections,
        "receiver_per_s": round(ours),
        "bare_per_s": round(reference),
        "ratio": round(ratio, 3),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "failures": int(failures),
        "cpu_us": round(cpu, 1),
        "bare_cpu_us": round(bare_cpu, 1),
    }


if __name__ == "__main__":
    main()
