"""What a rate of callbacks needs: processor, memory, connections, log and growth.

``python -m benchmarks.sizing [--rates 100 500 …] [--seconds S] [--dialect D]``. One receiver,
one worker and the embedded servers take each rate in open loop, then saturation over 64
connections. Processor time is that of each process, in microseconds a callback and in percent
of one processor; memory is the proportional set size, so shared pages count once; log and
growth of the database are bytes a callback. The load generator is not among them.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.bench import BenchSetup, drained, staged
from benchmarks.loads.closed_loop import SECRETS
from benchmarks.profiling.pipeline import (
    CONNECTIONS,
    CallbackSource,
    Load,
    Pids,
    taking_callbacks,
    usage_by_process,
)
from benchmarks.profiling.processes import family, since
from storage.engine import open_engine

RATES = (100, 500, 1000, 2000, 4000)
_COUNTS = """
SELECT pg_database_size(current_database()),
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one rate needed.

    Attributes:
        rate: callbacks answered a second.
        p50_ms, p99_ms: from the instant at which a callback was due.
        us: processor time a callback by process, in microseconds.
        mib: memory by process.
        log_bytes, growth_bytes: of the database, a callback.
        connections: to the database.
    """

    name: str
    rate: float
    p50_ms: float
    p99_ms: float
    us: dict[str, float]
    mib: dict[str, float]
    log_bytes: float
    growth_bytes: float
    connections: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--dialect", choices=tuple(SECRETS), default="sportsbook")
    parser.add_argument("--warm-up", type=float, default=0.0, help="0: see every player")
    chosen = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        source = CallbackSource(
            port=stage.port,
            dialect=chosen.dialect,
            seconds=chosen.seconds,
            turns=count(1, 1_000_000),
        )
        loads = {f"{rate:,.0f} a second": source.at(rate) for rate in chosen.rates}
        loads[f"saturated, {CONNECTIONS} connections"] = source.saturating()
        with taking_callbacks(stage, source, chosen.warm_up) as pids:
            engine = open_engine(stage.database_url)
            for name, run in loads.items():
                results.append(_needs(name, engine, stage, pids, run))
                _print(results[-1])
            engine.dispose()
    lines = [
        {"load": needs.name, "rate": round(needs.rate), "us": round(sum(needs.us.values()))}
        for needs in results
    ]
    print(json.dumps({"benchmark": "sizing", "results": lines}))


def _needs(name: str, engine: Engine, stage: BenchSetup, pids: Pids, run: Load) -> Needs:
    size, log, connections = _counts(engine)
    used_before = usage_by_process(pids)
    figures = run()
    drained(stage.database_url)
    used = since(used_before, usage_by_process(pids))
    size_after, log_after, connections = _counts(engine)
    callbacks = figures["answers"]
    return Needs(
        name=name,
        rate=figures["rate"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
        us=_grouped(
            {process: usage.ran_s / callbacks * 1e6 for process, usage in used.items()}
        ),
        mib=_memory(pids),
        log_bytes=(log_after - log) / callbacks,
        growth_bytes=(size_after - size) / callbacks,
        connections=connections - 1,
    )


def _counts(engine: Engine) -> tuple[int, int, int]:
    with engine.connect() as connection:
        size, log, connections = connection.execute(text(_COUNTS)).one()
    return int(size), int(log), int(connections)


def _grouped(us: dict[str, float]) -> dict[str, float]:
    """PostgreSQL's processes as one."""
    own = {name: value for name, value in us.items() if not name.startswith("postgres")}
    return own | {"PostgreSQL": sum(us.values()) - sum(own.values())}


def _memory(pids: Pids) -> dict[str, float]:
    roots = {
        "receiver": pids.receiver,
        "worker": pids.worker,
        "broker": pids.valkey,
        "PostgreSQL": pids.postgres,
    }
    return {
        name: sum(_pss_kib(process) for process in family(pid)) / 1024
        for name, pid in roots.items()
    }


def _pss_kib(pid: int) -> int:
    """Proportional set size; 0 if the process ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _print(needs: Needs) -> None:
    total = sum(needs.us.values())
    print(
        f"\n{needs.name}: {needs.rate:,.0f}/s,"
        f" p50 {needs.p50_ms:.1f}, p99 {needs.p99_ms:.1f} ms,"
        f" {total:.0f} µs a callback = {total * needs.rate / 1e4:.0f} % of a processor,"
        f" {needs.log_bytes:,.0f} B of log, {needs.growth_bytes:,.0f} B of growth,"
        f" {needs.connections} connections"
    )
    for process, us in needs.us.items():
        memory = needs.mib.get(process)
        size = "" if memory is None else f", {memory:,.0f} MiB"
        print(f"{us:8.1f}  {process}{size}")


if __name__ == "__main__":
    main()
