"""Callbacks beside a verify, a reconciliation and an import that go on all the time.

``python -m benchmarks.background [--seconds S] [--rates N,N] [--dialects D,D] [--rows N]``.
Callbacks of each dialect arrive at each rate, in open loop: alone, beside background work that
yields as the settings say by default, and with ``--competing`` beside work that does not. The
three commands run beside each other, each again as soon as it ends; ``seconds`` is the mean of
those that ended, and ``alone`` the same without a load. ``flushes`` is what the disk takes for
each of 200 small flushes a second while nothing else runs: no answer is faster, and waits that
it has by itself are not ours. ``ratio`` is what p99.9 and seconds are of those alone, and p99.9
of that of the flushes. ``generator`` is the load generator's own processor time, in
microseconds a callback, and how late it was itself at p99.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import mean
from time import perf_counter, sleep
from typing import Any

from sqlalchemy import text

from benchmarks.bench import (
    BenchSetup,
    drained,
    environment_of,
    open_loop,
    running,
    staged,
    wait_until_answering,
    warm_up,
)
from benchmarks.loads.closed_loop import PLAYERS, SECRETS
from benchmarks.loads.flushes import flush_waits
from benchmarks.statement_import import lines
from ledger.posting.posting import post_all
from ops.work import Work
from providers.sportsbook.feed import COLUMNS
from storage.transactions import engine_at

#: The provider whose statements are imported.
IMPORTED = "sportsbook"
RATES = "500,1000,2000,4000,6000"
#: The day that is reconciled, and the provider.
DAY, RECONCILED = date(2026, 3, 1), "aggregator"
#: Flushes a second that are measured beside nothing.
FLUSH_RATE = 200.0
#: Exit codes of a command that did its work: 1 is a finding.
DONE = (0, 1)
#: Longest time of one command, in seconds.
COMMAND_S = 600

_ROUNDS = """
INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, bets,
                    wins, rollbacks, ended, first_at, last_at)
SELECT hashtextextended(:provider || n, 0), :provider, n::text, 1 + n % :players, 'USD',
       100 + n % 997, 0, 1, 0, 0, true, at, at
  FROM (SELECT n, CAST(:start AS timestamptz) + n * (interval '1 day' / :rows) AS at
          FROM generate_series(1, CAST(:rows AS bigint) - 1) n) AS planned
"""
_RECORDS = """
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, declared_net, created_at, updated_at,
                          received_at, source)
SELECT r.provider, r.round_id, r.round_id, r.match_key, w.player, r.currency, r.stake, r.payout,
       false, r.payout - r.stake, r.first_at, r.first_at, r.first_at, 'push'
  FROM rounds r JOIN wallets w USING (wallet_id) WHERE r.provider = :provider
"""


_HEADER = (
    "dialect          rate background   p50 ms   p99 ms p99.9 ms   max ms"
    "  generator µs, late ms  seconds of each command"
)
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Turn:
    """A load, and the background work beside it."""

    dialect: str
    rate: float
    mode: str


@dataclass(slots=True)
class Repeated:
    """Commands that are repeated until they are stopped, and how long each of them took."""

    stage: BenchSetup
    seconds: dict[str, list[float]] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def repeat(self, name: str, words: Callable[[], Sequence[str]]) -> None:
        """Run a command again and again; one that was stopped does not count."""
        while not self.is_over.is_set():
            command, started = [sys.executable, "-m", "ops", *words()], perf_counter()
            with subprocess.Popen(
                command,
                env=environment_of(self.stage),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            ) as process:
                while process.poll() is None and not self.is_over.wait(0.05):
                    pass
                if process.poll() is None:
                    process.kill()
                    return
                if process.returncode not in DONE:
                    assert process.stderr is not None
                    raise SystemExit(process.stderr.read().decode())
            self.seconds.setdefault(name, []).append(perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rates", default=RATES)
    parser.add_argument("--dialects", default=",".join(SECRETS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--competing", action="store_true")
    chosen = parser.parse_args()
    loads = [
        (dialect, float(rate))
        for dialect in chosen.dialects.split(",")
        for rate in chosen.rates.split(",")
    ]
    modes = {"yielding": None, **({"competing": 0} if chosen.competing else {})}
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        _fill(stage, chosen.rows)
        commands = _commands(Path(folder), chosen.lines, count())
        with (
            running("ops", "receiver", stage=stage),
            running("ops", "worker", "--processes", "1", stage=stage),
        ):
            wait_until_answering(stage.port)
            turns = count(1, 1_000_000)
            for dialect in chosen.dialects.split(","):
                warm_up(stage.port, dialect, turn=next(turns))
            drained(stage.database_url)
            print(_HEADER)
            flushes = _flushes(stage, chosen.seconds)
            with _repeated(stage, commands, nice=None) as alone:
                sleep(chosen.seconds)
            reference = _line(_Turn("", 0, "alone"), {}, alone.seconds, _NOTHING)
            results = [flushes, reference]
            for dialect, rate in loads:
                load = partial(
                    open_loop, stage.port, dialect, rate=rate, seconds=chosen.seconds
                )
                by_disk = {"flush_p999": flushes["p999"]}
                none = _line(_Turn(dialect, rate, "none"), load(turn=next(turns)), {}, by_disk)
                results.append(none)
                for mode, nice in modes.items():
                    with _repeated(stage, commands, nice=nice) as repeated:
                        figures = load(turn=next(turns))
                    compared = {**none, **by_disk, "seconds": reference["seconds"]}
                    turn = _Turn(dialect, rate, mode)
                    results.append(_line(turn, figures, repeated.seconds, compared))
                    _post_rest(stage)
    print(json.dumps({"benchmark": "background", "results": results}))


def _fill(stage: BenchSetup, rows: int) -> None:
    """A day that both sides agree on, and fresh statistics."""
    values = {
        "provider": RECONCILED,
        "players": PLAYERS,
        "rows": rows,
        "start": datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC),
    }
    with engine_at(stage.database_url, pool_size=1) as engine:
        with engine.begin() as connection:
            connection.execute(text(_ROUNDS), values)
            connection.execute(text(_RECORDS), values)
        with engine.connect() as connection:
            free = connection.execution_options(isolation_level="AUTOCOMMIT")
            free.execute(text("ANALYZE"))


def _commands(
    folder: Path, rows: int, numbers: Iterator[int]
) -> Mapping[str, Callable[[], Sequence[str]]]:
    def statement() -> Sequence[str]:
        """A file whose ids are new, so that it is stored again."""
        path = folder / f"statement-{(number := next(numbers))}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((f"{number}-{first}", *rest) for first, *rest in lines(rows))
        return ("feed", "import", str(path), "--provider", IMPORTED)

    window = ("--from", str(DAY), "--to", str(DAY + timedelta(days=1)))
    return {
        "verify": lambda: ("ledger", "verify"),
        "reconcile": lambda: ("reconcile", "--provider", RECONCILED, *window),
        "import": statement,
    }


def _flushes(stage: BenchSetup, seconds: float) -> dict[str, Any]:
    """The line of the disk that the books are on."""
    waits = flush_waits(stage.data, rate=FLUSH_RATE, seconds=seconds)
    return _line(_Turn("", FLUSH_RATE, "flushes"), waits, {}, _NOTHING)


def _post_rest(stage: BenchSetup) -> None:
    """Post what is left: no scheduler sweeps up what a stopped reconciliation had locked."""
    with engine_at(stage.database_url, pool_size=1) as engine:
        post_all(engine)
    drained(stage.database_url)


@contextmanager
def _repeated(
    stage: BenchSetup, commands: Mapping[str, Callable[[], Sequence[str]]], nice: int | None
) -> Iterator[Repeated]:
    """Repeat the commands meanwhile.

    Args:
        stage: where.
        commands: by name, what makes the words of the next one.
        nice: how far they yield; None: as by default.
    """
    before = stage.config.read_text()
    parts = [work.value for work in Work]
    if nice is not None:
        stage.config.write_text(
            before + "[background]\n" + "".join(f"{part} = {nice}\n" for part in parts)
        )
    repeated = Repeated(stage)
    with ThreadPoolExecutor(len(commands)) as threads:
        done = [threads.submit(repeated.repeat, *command) for command in commands.items()]
        try:
            yield repeated
        finally:
            repeated.is_over.set()
            stage.config.write_text(before)
    for future in done:
        future.result()


def _line(
    turn: _Turn,
    figures: Mapping[str, float],
    seconds: Mapping[str, Sequence[float]],
    alone: Mapping[str, Any],
) -> dict[str, Any]:
    """Print a line; returns it as JSON.

    Args:
        turn: what was done.
        figures: of the load generator; empty: there was no load.
        seconds: of each command that ended.
        alone: p99.9 without background work and of flushes, and the seconds of commands without
            a load.
    """
    latencies = {
        key: round(figures.get(f"{key}_ms", 0.0), 2) for key in ("p50", "p99", "p999", "max")
    }
    generator = {
        key: round(figures.get(key, 0.0), 1) for key in ("generator_us", "late_p99_ms")
    }
    means = {command: round(mean(values), 2) for command, values in sorted(seconds.items())}
    ratios = {
        command: round(value / alone["seconds"][command], 2)
        for command, value in means.items()
        if command in alone.get("seconds", {})
    }
    for name, key in (("p999", "p999"), ("p999 to flushes", "flush_p999")):
        if alone.get(key):
            ratios[name] = round(latencies["p999"] / alone[key], 2)
    shown = [f"{turn.dialect:14} {turn.rate:6.0f} {turn.mode:10}"]
    shown += [f"{value:8.1f}" for value in (*latencies.values(), *generator.values())]
    shown += [f" {name} {value}" for name, value in means.items()]
    shown += [f" ratio {name} {value}" for name, value in ratios.items()]
    print(" ".join(shown), flush=True)
    return {
        "dialect": turn.dialect,
        "rate": turn.rate,
        "background": turn.mode,
        **latencies,
        **generator,
        "failures": int(figures.get("failures", 0)),
        "seconds": means,
        "ratios": ratios,
    }


if __name__ == "__main__":
    main()
