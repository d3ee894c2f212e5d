"""What a callback costs in books that grow: rates, waits, bytes, log and cache by size.

``python -m benchmarks.growth [--sizes 0.1 1 5 20] [--data DIR] [--rate N] [--seconds S]
[--saturated-seconds S]``.
Sizes are millions of operations. The books are filled in bulk
(``benchmarks.loads.bulk_books``) and then take callbacks with one receiver and one worker: in
open loop at a rate, and saturated over 64 connections. Rates and processor time stand beside
their ratio to the smallest size.

With ``--data`` the books stay in DIR, and a later run goes on from them; a size that they have
outgrown is measured in books of its own. Before anything is written, it prints how much disk
the largest size takes; where that is not free, or more than ``--disk-gb``, nothing is done.

A checkpoint ends the filling, so the images of pages in the log are those of its first seconds,
when there are most. They are printed apart. ``--saturated-seconds`` of five minutes and more
show what they come to until the next checkpoint.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from time import monotonic

from sqlalchemy import Connection, Engine, text

from benchmarks.bench import BenchSetup, drained, staged
from benchmarks.loads.bulk_books import PROVIDER, fill, operations_in
from benchmarks.profiling import statements
from benchmarks.profiling.pipeline import (
    CallbackSource,
    Load,
    Pids,
    taking_callbacks,
    usage_by_process,
)
from benchmarks.profiling.processes import since
from benchmarks.profiling.statements import Relation
from storage.engine import open_engine

SIZES = (0.1, 1.0, 5.0, 20.0)
MILLION = 1_000_000
#: What an operation takes in tables and indexes, and the log and an empty server, in bytes.
OPERATION_BYTES, FIXED_BYTES = 1_400, 5_000_000_000
#: Kept books may be larger than a size by this factor, since measuring adds to them.
OVERSHOOT = 1.5
#: What is left free of the disk, in bytes.
RESERVE_BYTES = 2_000_000_000
#: Tables that grow with callbacks, and ``wallets``, which every callback changes.
TABLES = ("operations", "entries", "rounds", "batches", "wallets")
#: Bulk rows are vacuumed and flushed, so that this does not happen during a measurement.
_SETTLE = (f"VACUUM (ANALYZE) {', '.join(TABLES)}", "CHECKPOINT")
# The log of a load is read when the load is over: no checkpoint may remove it before.
_KEEP_LOG = ("ALTER SYSTEM SET wal_keep_size = '8GB'", "SELECT pg_reload_conf()")

_CACHE = """
SELECT relname, heap_blks_hit + coalesce(idx_blks_hit, 0),
       heap_blks_read + coalesce(idx_blks_read, 0)
  FROM pg_statio_user_tables WHERE relname = ANY(:tables)
"""
_POSTED = """
SELECT coalesce(sum(operations) FILTER (WHERE posted_at IS NOT NULL), 0)::bigint FROM batches
 WHERE batch_id > :since
"""
_LAST_BATCH = "SELECT coalesce(max(batch_id), 0) FROM batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFigures:
    """What one load came to.

    Attributes:
        accepted, posted: callbacks a second, while the load ran.
        us: processor time a callback by process, in microseconds.
        wal_bytes: all log, a callback.
        relations: what was added to each table and index.
        hit_shares: of the buffers that a table and its indexes asked for, those in memory.
    """

    callbacks: int
    accepted: float
    posted: float
    p50_ms: float
    p99_ms: float
    failures: int
    us: Mapping[str, float]
    wal_bytes: float
    relations: Sequence[Relation]
    hit_shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFigures:
    """The loads on books of one size, and how large tables and indexes are."""

    operations: int
    steady: LoadFigures
    saturated: LoadFigures
    sizes: Mapping[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, help="millions")
    parser.add_argument("--data", type=Path, help="keep the books here")
    parser.add_argument(
        "--disk-gb", type=float, default=40.0, help="take no more disk than this"
    )
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--saturated-seconds", type=float, help="else as long as the other")
    parser.add_argument("--warm-up", type=float, default=0.0, help="0: see every player")
    chosen = parser.parse_args()
    sizes = sorted(round(size * MILLION) for size in chosen.sizes)
    results: list[SizeFigures] = []
    with tempfile.TemporaryDirectory() as folder:
        place = chosen.data or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        _require_disk(place, sizes[-1], chosen.disk_gb)
        with _books(place) as books:
            present = operations_in(books[1])
            outgrown = [size for size in sizes if size * OVERSHOOT < present]
            for size in outgrown[:1]:
                with tempfile.TemporaryDirectory() as own, _books(Path(own)) as small_books:
                    results.append(_measured_at(*small_books, size, chosen))
                    _print(results[-1], results[0])
            for size in sizes[len(outgrown) :]:
                results.append(_measured_at(*books, size, chosen))
                _print(results[-1], results[0])
    lines = [_line(figures, results[0]) for figures in results]
    print(json.dumps({"benchmark": "growth", "results": lines}))


def _require_disk(place: Path, operations: int, disk_gb: float) -> None:
    """Print what the books take, and refuse if that is too much."""
    used = sum(path.lstat().st_size for path in place.rglob("*") if path.is_file())
    needed = max(0, operations * OPERATION_BYTES + FIXED_BYTES - used)
    free = shutil.disk_usage(place).free - RESERVE_BYTES
    print(f"{needed / 1e9:.1f} GB of disk are needed in {place}, {free / 1e9:.1f} GB are free")
    if needed > min(free, disk_gb * 1e9):
        raise SystemExit("not enough disk: choose smaller sizes, --data elsewhere or --disk-gb")


@contextmanager
def _books(place: Path) -> Iterator[tuple[BenchSetup, Engine]]:
    """Books with players, new or those that are there; no receiver runs."""
    with staged(place) as stage:
        statements.load_statistics(stage.data)
        engine = open_engine(stage.database_url)
        _execute(engine, _KEEP_LOG)
        yield stage, engine
        engine.dispose()


def _measured_at(
    stage: BenchSetup, engine: Engine, size: int, chosen: argparse.Namespace
) -> SizeFigures:
    """Fill the books to a size, and give them both loads."""
    _fill(engine, size)
    _execute(engine, _SETTLE)
    present = operations_in(engine)
    source = CallbackSource(
        port=stage.port, dialect=PROVIDER, seconds=chosen.seconds, turns=count(present)
    )
    with taking_callbacks(stage, source, chosen.warm_up) as pids:
        steady = _loaded(stage, engine, pids, source.at(chosen.rate))
        longer = replace(source, seconds=chosen.saturated_seconds or chosen.seconds)
        saturated = _loaded(stage, engine, pids, longer.saturating())
    with engine.connect() as connection:
        sizes = {
            relation.name: relation.bytes
            for relation in statements.read(connection).relations.values()
            if relation.name in TABLES or relation.owner in TABLES
        }
    return SizeFigures(operations=present, steady=steady, saturated=saturated, sizes=sizes)


def _fill(engine: Engine, size: int) -> None:
    present, started, present_now = operations_in(engine), monotonic(), 0
    for present_now in fill(engine, size):
        if present_now * 10 // size > (present_now - 100_000) * 10 // size:
            print(
                f"  {present_now:,} operations after {monotonic() - started:.0f} s", flush=True
            )
    if present_now:
        rate = (present_now - present) / (monotonic() - started)
        print(f"  filled at {rate:,.0f} operations a second", flush=True)


def _loaded(stage: BenchSetup, engine: Engine, pids: Pids, run: Load) -> LoadFigures:
    """Run a load until everything is posted, and read before and after it."""
    with engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        batch = free.execute(text(_LAST_BATCH)).scalar_one()
        before, cache_before = statements.read(free), _cache(free)
        used_before = usage_by_process(pids)
        figures = run()
        posted = free.execute(text(_POSTED), {"since": batch}).scalar_one()
        posted_share = min(1.0, posted / figures["answers"])
        drained(stage.database_url)
        used, after = since(used_before, usage_by_process(pids)), statements.read(free)
        callbacks = figures["answers"]
        return LoadFigures(
            callbacks=int(callbacks),
            accepted=figures["rate"],
            posted=figures["rate"] * posted_share,
            p50_ms=figures["p50_ms"],
            p99_ms=figures["p99_ms"],
            failures=int(figures["failures"]),
            us={name: usage.ran_s / callbacks * 1e6 for name, usage in used.items()},
            wal_bytes=statements.wal_bytes(free, before, after) / callbacks,
            relations=statements.relations_since(free, before, after),
            hit_shares=_hit_shares(cache_before, _cache(free)),
        )


def _cache(connection: Connection) -> dict[str, tuple[int, int]]:
    """Buffers found in memory and buffers read, by table with its indexes."""
    rows = connection.execute(text(_CACHE), {"tables": list(TABLES)})
    return {name: (int(hit), int(read)) for name, hit, read in rows}


def _hit_shares(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]
) -> dict[str, float]:
    shares = {}
    for name, (hit, read) in after.items():
        hit_before, read_before = before[name]
        total = hit - hit_before + read - read_before
        shares[name] = (hit - hit_before) / total if total else 1.0
    return shares


def _execute(engine: Engine, sql: Sequence[str]) -> None:
    with engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in sql:
            free.execute(text(statement))


def _line(figures: SizeFigures, smallest: SizeFigures) -> dict[str, object]:
    saturated, steady = figures.saturated, figures.steady
    return {
        "operations": figures.operations,
        "accepted_per_s": round(saturated.accepted),
        "posted_per_s": round(saturated.posted),
        "ratio": round(saturated.accepted / smallest.saturated.accepted, 3),
        "cpu_ratio": round(_us(saturated) / _us(smallest.saturated), 3),
        "us_a_callback": round(_us(saturated), 1),
        "steady_us_a_callback": round(_us(steady), 1),
        "p50_ms": round(steady.p50_ms, 2),
        "p99_ms": round(steady.p99_ms, 2),
        "wal_bytes": round(saturated.wal_bytes),
        "grown_bytes": round(_grown(saturated)),
        "hit_shares": {name: round(share, 4) for name, share in saturated.hit_shares.items()},
        "sizes": dict(figures.sizes),
        "failures": saturated.failures + steady.failures,
    }


def _us(load: LoadFigures) -> float:
    return sum(load.us.values())


def _grown(load: LoadFigures) -> float:
    return sum(relation.bytes for relation in load.relations) / load.callbacks


def _print(figures: SizeFigures, smallest: SizeFigures) -> None:
    print(f"\n{figures.operations:,} operations")
    pairs = {
        "steady": (figures.steady, smallest.steady),
        "saturated": (figures.saturated, smallest.saturated),
    }
    for name, (load, first) in pairs.items():
        print(
            f"  {name}: {load.accepted:,.0f} accepted/s ({load.accepted / first.accepted:.2f}"
            f" of the smallest), {load.posted:,.0f} posted/s, p50 {load.p50_ms:.1f},"
            f" p99 {load.p99_ms:.1f} ms, {_us(load):.0f} µs a callback"
            f" ({_us(load) / _us(first):.2f}), {load.wal_bytes:,.0f} B of log,"
            f" {_grown(load):,.0f} B of growth, {load.failures} failures"
        )
        hits = ", ".join(f"{table} {share:.4f}" for table, share in load.hit_shares.items())
        print(f"    found in memory: {hits}")
    _print_relations(figures)


def _print_relations(figures: SizeFigures) -> None:
    print(
        "  MB, then bytes of growth, log and page images, and buffers, of a saturated callback"
    )
    callbacks = figures.saturated.callbacks
    for relation in figures.saturated.relations:
        if relation.name in figures.sizes:
            measures = (
                *(relation.bytes, relation.wal_data + relation.wal_images),
                *(relation.wal_images, relation.buffers),
            )
            values = "  ".join(f"{value / callbacks:8.2f}" for value in measures)
            owner = f" of {relation.owner}" if relation.owner else ""
            size = figures.sizes[relation.name] / 1e6
            print(f"  {size:8,.0f}  {values}  {relation.name}{owner}")


if __name__ == "__main__":
    main()
