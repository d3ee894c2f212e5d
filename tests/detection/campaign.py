"""Compare many simulated months: what is found must be what was injected, and nothing else.

    python -m tests.detection.campaign --seeds 1000
    python -m tests.detection.campaign --seed 17 --only 3,9,12

Exit codes: 0 exact; 1 a break was missed or invented, or a fault never occurred.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import starmap
from multiprocessing import get_context

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tests.detection.stored import StoredMonths, stored
from tests.harness.detection.expected import predicted
from tests.harness.detection.fault_kinds import POSSIBLE, Fault, FaultKind
from tests.harness.detection.month import System
from tests.harness.detection.seed import (
    Case,
    Verdict,
    case_of,
    compare_edges,
    compare_in_memory,
    seed_of,
)
from tests.simulation.shrink import shortest

#: Months that are compared together, each with its own players and rounds.
BATCH = 20
#: Of so many seeds, one is also stored and reconciled by the command.
STORED_EVERY = 50
#: From this many seeds on, every fault must have struck every provider that it can.
COVERING = 200
#: Marks a difference that showed at an edge.
AT_EDGE = "at an edge: "
#: How long a failing seed may be reduced, in seconds.
SHORTENING_S = 90.0

out = Console(highlight=False, soft_wrap=True, width=140)
Key = tuple[FaultKind, System]


@dataclass(slots=True)
class Total:
    """The sum of some seeds.

    Attributes:
        injected: how often each fault struck each provider.
        kinds: breaks predicted, by kind and provider.
        edges: breaks predicted at edges, where the history lacks our round ids.
        wrong: seeds with a break missed or invented, and the first of those.
    """

    seeds: int = 0
    rounds: int = 0
    injected: Counter[Key] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    edges: int = 0
    wrong: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Total") -> None:
        """Add another sum."""
        self.seeds += other.seeds
        self.rounds += other.rounds
        self.injected += other.injected
        self.kinds += other.kinds
        self.edges += other.edges
        self.wrong |= other.wrong


def compare_batch(first: int, last: int) -> Total:
    """Compare the months of some seeds at once, from ``first`` to before ``last``."""
    cases = [case_of(seed) for seed in range(first, last)]
    verdict = compare_in_memory(cases)
    total = Total(seeds=len(cases), rounds=sum(len(case.plays) for case in cases))
    for case in cases:
        systems = {play.number: play.system for play in case.plays}
        total.injected.update((fault.kind, systems[fault.play]) for fault in case.faults)
    total.kinds.update((break_.kind, break_.system) for break_ in verdict.predicted)
    edges = compare_edges(range(first, last))
    total.edges = len(edges.predicted)
    for place, compared in (("", verdict), (AT_EDGE, edges)):
        for name, breaks in (("missed", compared.missed), ("invented", compared.invented)):
            for break_ in breaks:
                total.wrong.setdefault(seed_of(break_), f"{place}{name} {break_}")
    return total


def compare_seeds(seeds: range, jobs: int) -> int:
    """Compare all seeds on all cores; return the exit code."""
    began = time.monotonic()
    total = Total()
    ends = [(n, min(n + BATCH, seeds.stop)) for n in seeds[::BATCH]]
    shown = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("months", total=len(seeds))
        for batch in _parts(ends, jobs):
            total.add(batch)
            progress.update(task, completed=total.seeds)
    took = time.monotonic() - began
    _show(total)
    missing = _uncovered(total) if len(seeds) >= COVERING else []
    for kind, system in missing:
        out.print(f"never injected: {kind.name} at {system}", markup=False)
    out.print(
        f"{total.seeds} seeds, {total.rounds} rounds, {total.injected.total()} faults,"
        f" {total.kinds.total()} breaks and {total.edges} at edges, {took:.0f} s,"
        f" {total.seeds / took:.1f} seeds/s:"
        f" {len(total.wrong)} seeds differ"
    )
    for seed, first in sorted(total.wrong.items())[:1]:
        explain(seed, first)
    if total.wrong:
        return 1
    return _stored_seeds(seeds) or (1 if missing else 0)


def _parts(ends: Sequence[tuple[int, int]], jobs: int) -> Iterator[Total]:
    if jobs == 1:
        yield from starmap(compare_batch, ends)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(compare_batch, *zip(*ends, strict=True))


def compare_edge(seed: int, *, keep: bool) -> int:
    """Compare both days around the edge of a seed, and print what differs."""
    if keep:
        with stored() as engine:
            verdict: Verdict = engine.reconcile_edge(seed)
    else:
        verdict = compare_edges([seed])
    _print_wrong(verdict)
    exact = "exactly as predicted" if verdict.exact else "NOT as predicted"
    out.print(f"seed {seed} at the edge, {len(verdict.predicted)} breaks: {exact}")
    return 0 if verdict.exact else 1


def _print_wrong(verdict: Verdict) -> None:
    for name, breaks in (("missed", verdict.missed), ("invented", verdict.invented)):
        for break_ in breaks:
            out.print(f"{name}: {break_}", markup=False)


def _stored_seeds(seeds: range) -> int:
    """Reconcile every fiftieth seed on a real database with the command."""
    wrong = 0
    with stored() as engine:
        for seed in seeds[::STORED_EVERY]:
            edge = engine.reconcile_edge(seed)
            for place, verdict in (("", engine.reconcile(case_of(seed))), (AT_EDGE, edge)):
                wrong += not verdict.exact
                outcome = "as predicted" if verdict.exact else _first(verdict)
                out.print(f"seed {seed}, stored, by command: {place}{outcome}", markup=False)
    return 1 if wrong else 0


def compare_seed(seed: int, only: Collection[int] | None, *, keep: bool) -> int:
    """Compare one month, or some faults of it, and print what differs."""
    case = case_of(seed, only)
    verdict = _reconcile_stored(case) if keep else compare_in_memory([case])
    for fault in case.faults:
        out.print(_described(case, fault), markup=False)
    _print_wrong(verdict)
    exact = "exactly as predicted" if verdict.exact else "NOT as predicted"
    out.print(f"seed {seed}, {len(case.faults)} faults: {exact}")
    return 0 if verdict.exact else 1


def _reconcile_stored(case: Case) -> Verdict:
    with stored() as engine:
        server: StoredMonths = engine
        return server.reconcile(case)


def explain(seed: int, first: str) -> None:
    """Print a failing seed as the shortest list of faults that fails, and its command."""
    out.print(f"seed {seed} differs: {first}", markup=False)
    if first.startswith(AT_EDGE):
        out.print(f"python -m tests.detection.campaign --seed {seed} --edge", markup=False)
        return
    until = time.monotonic() + SHORTENING_S

    def fails(faults: Sequence[Fault]) -> bool:
        plays = {fault.play for fault in faults}
        late = time.monotonic() > until
        return not late and not compare_in_memory([case_of(seed, plays)]).exact

    case = case_of(seed)
    if not fails(case.faults):
        out.print("it agrees when it is alone: the months of its batch disturb each other")
        return
    faults = [] if fails([]) else shortest(case.faults, fails)
    for fault in faults:
        out.print(f"  {_described(case, fault)}", markup=False)
    only = ",".join(str(fault.play) for fault in faults)
    out.print(f"python -m tests.detection.campaign --seed {seed} --only '{only}'", markup=False)


def _described(case: Case, fault: Fault) -> str:
    play = next(play for play in case.plays if play.number == fault.play)
    kinds = ", ".join(break_.kind for break_ in predicted(play, fault)) or "nothing"
    return f"{play.system} {play.round_id}: {fault.kind.value} ({fault.by}): {kinds}"


def _first(verdict: Verdict) -> str:
    missed = [f"missed {break_}" for break_ in verdict.missed]
    return (missed + [f"invented {break_}" for break_ in verdict.invented])[0]


def _uncovered(total: Total) -> list[Key]:
    return [
        (kind, system)
        for kind in FaultKind
        for system in System
        if system in POSSIBLE[kind] and not total.injected[kind, system]
    ]


def _show(total: Total) -> None:
    """Print the injected breaks by kind and provider."""
    table = Table("break", *System)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in sorted({kind for kind, _ in total.kinds}):
        table.add_row(kind, *(str(total.kinds[kind, system] or "–") for system in System))
    out.print(table)
    table = Table("fault", *System)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in FaultKind:
        counts = (total.injected[kind, system] for system in System)
        table.add_row(kind.value, *(str(count or "–") for count in counts))
    out.print(table)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection.campaign")
    parser.add_argument("--seeds", type=int, default=200, help="how many months")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="this one month only")
    parser.add_argument("--only", type=_numbers, help="only the faults of these plays")
    parser.add_argument("--stored", action="store_true", help="on a real database")
    parser.add_argument("--edge", action="store_true", help="the seed's edge of two days")
    options = parser.parse_args(arguments)
    if options.seed is not None and options.edge:
        return compare_edge(options.seed, keep=options.stored)
    if options.seed is not None:
        return compare_seed(options.seed, options.only, keep=options.stored)
    return compare_seeds(range(options.first, options.first + options.seeds), options.jobs)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
