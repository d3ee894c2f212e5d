"""Where the processor time of a callback goes, as one table that ends in the sum.

``python -m benchmarks.profile [--seconds S] [--rate N] [--dialect D]``. Two loads on one
receiver and one worker: a rate, in open loop, and saturation over 64 connections. Each is
measured first, then repeated while ``py-spy`` samples the receiver. Times are microseconds of
processor a callback; the load generator is not among them.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.bench import BenchSetup, drained, staged
from benchmarks.loads.closed_loop import SECRETS
from benchmarks.profiling import statements
from benchmarks.profiling.functions import SHOWN, sampled
from benchmarks.profiling.pipeline import (
    CONNECTIONS,
    CallbackSource,
    Load,
    Pids,
    taking_callbacks,
    usage_by_process,
)
from benchmarks.profiling.processes import Usage, since
from benchmarks.profiling.statements import Relation, ServerReading, Statement
from storage.engine import open_engine
from storage.rights import RECEIVER_ROLE

#: Statements below this are summed up, in microseconds a callback.
SMALLEST_US = 0.3
#: Share of a client's samples below which a function is summed up.
SMALLEST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A load, and what everybody spent on it."""

    figures: dict[str, float]
    usage: dict[str, Usage]
    reading: ServerReading
    relations: Sequence[Relation]
    wal_bytes: int

    @property
    def callbacks(self) -> float:
        """How many were answered."""
        return self.figures["answers"]

    def us(self, name: str) -> float:
        """Microseconds of processor a callback."""
        return self.usage.get(name, Usage()).ran_s / self.callbacks * 1e6


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: microseconds a callback, and what else is known."""

    what: str
    us: float
    detail: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--dialect", choices=tuple(SECRETS), default="sportsbook")
    parser.add_argument("--warm-up", type=float, default=0.0, help="0: see every player")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        statements.load_statistics(stage.data)
        source = CallbackSource(
            port=stage.port,
            dialect=chosen.dialect,
            seconds=chosen.seconds,
            turns=count(1, 1_000_000),
        )
        loads = {
            f"{chosen.rate:,.0f} a second, open loop": source.at(chosen.rate),
            f"saturated, {CONNECTIONS} connections": source.saturating(),
        }
        with taking_callbacks(stage, source, chosen.warm_up) as pids:
            results = [
                _profiled(name, stage, pids, run, chosen.seconds) for name, run in loads.items()
            ]
    print(json.dumps({"benchmark": "profile", "results": results}))


def _profiled(
    name: str, stage: BenchSetup, pids: Pids, run: Load, seconds: float
) -> dict[str, object]:
    engine = open_engine(stage.database_url)
    measured = _measured(engine, stage, pids, run)
    _, functions = sampled(pids.receiver, seconds, run)
    drained(stage.database_url)
    engine.dispose()
    lines = [*_receiver_lines(measured, functions), *_server_lines(measured)]
    total = sum(line.us for line in lines)
    _print_lines(name, measured, [*lines, Line("sum", total)])
    _print_relations(measured)
    return {
        "load": name,
        **{key: round(value, 2) for key, value in measured.figures.items()},
        "us_a_callback": round(total, 1),
        "wal_bytes_a_callback": round(measured.wal_bytes / measured.callbacks),
        "lines": {line.what: round(line.us, 2) for line in lines},
    }


def _measured(engine: Engine, stage: BenchSetup, pids: Pids, run: Load) -> Measured:
    """Run a load until everything is posted, and read before and after it."""
    with engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        statements.reset(free)
        before, used_before = statements.read(free), usage_by_process(pids)
        figures = run()
        drained(stage.database_url)
        used, after = since(used_before, usage_by_process(pids)), statements.read(free)
        return Measured(
            figures=figures,
            usage=used,
            reading=after,
            relations=statements.relations_since(free, before, after),
            wal_bytes=statements.wal_bytes(free, before, after),
        )


def _receiver_lines(measured: Measured, functions: dict[str, float]) -> list[Line]:
    total = measured.us("receiver")
    shown = [item for item in functions.items() if item[1] >= SMALLEST_SHARE][:SHOWN]
    lines = [Line(f"receiver: {name}", share * total) for name, share in shown]
    rest = total - sum(line.us for line in lines)
    return [
        *lines,
        Line("receiver: other functions", rest),
        Line("worker", measured.us("worker")),
        Line("broker", measured.us("broker")),
    ]


def _server_lines(measured: Measured) -> list[Line]:
    lines: list[Line] = []
    for name in sorted(measured.usage, key=lambda process: -measured.us(process)):
        if name.startswith("postgres "):
            lines += _role_lines(measured, name)
    return lines


def _role_lines(measured: Measured, name: str) -> list[Line]:
    """The statements of one role's backends, and what remains of their time."""
    role, total = name.removeprefix("postgres "), measured.us(name)
    running_share = measured.usage[name].running_share
    lines = [
        line
        for statement in measured.reading.statements
        if statement.role == role and not statement.waits
        for line in _statement_lines(statement, measured.callbacks, running_share)
        if line.us >= SMALLEST_US
    ]
    spent = sum(line.us for line in lines)
    title = f"PostgreSQL for {'receiver' if role == RECEIVER_ROLE else role}"
    rest = f"{title}: parameters, commit, flush, sending" if lines else title
    named = [Line(f"{title}: {line.what}", line.us, line.detail) for line in lines]
    return [*named, Line(rest, total - spent)]


def _statement_lines(
    statement: Statement, callbacks: float, running_share: float
) -> list[Line]:
    def us(milliseconds: float) -> float:
        return milliseconds * 1000 * running_share / callbacks

    detail = (
        f"{statement.calls / callbacks:.2f} calls, {statement.rows / callbacks:.1f} rows,"
        f" {statement.wal_bytes / callbacks:,.0f} B of log,"
        f" {statement.buffers / callbacks:.1f} buffers"
    )
    if statement.buffers_read:
        detail += f" ({statement.buffers_read / callbacks:.2f} read)"
    return [
        Line(statement.label, us(statement.execute_ms), detail),
        Line(f"{statement.label} (planning)", us(statement.plan_ms)),
    ]


def _print_lines(name: str, measured: Measured, lines: Sequence[Line]) -> None:
    figures = measured.figures
    print(
        f"\n{name}: {figures['rate']:,.0f}/s, p50 {figures['p50_ms']:.1f}, p99"
        f" {figures['p99_ms']:.1f} ms, {figures['failures']:.0f} failures,"
        f" {measured.wal_bytes / measured.callbacks:,.0f} B of log a callback"
    )
    for line in lines:
        print(f"{line.us:8.1f}  {line.what}{f'  [{line.detail}]' if line.detail else ''}")


def _print_relations(measured: Measured) -> None:
    print("\n   grown, log, of it page images, index scans, buffers a callback: table or index")
    for relation in measured.relations:
        values = (
            *(relation.bytes, relation.wal_data + relation.wal_images, relation.wal_images),
            *(relation.scans, relation.buffers),
        )
        per_call = "  ".join(f"{value / measured.callbacks:8.2f}" for value in values)
        print(f"{per_call}  {relation.name}{f' of {relation.owner}' if relation.owner else ''}")
    updates = measured.reading.heap_updates
    for table in ("wallets", "rounds", "batches"):
        updated, heap_only = updates.get(table, (0, 0))
        print(f"{table}: {heap_only / max(1, updated):.2f} of updates are heap-only")


if __name__ == "__main__":
    main()
