"""Many seeds of simulated months; what is found must be what was injected, and nothing else.

    python -m tests.detection.campaign --seeds 1000
    python -m tests.detection.campaign --seed 17 --only 3,9,12

Exit codes: 0 exact; 1 a break missed or invented, or a fault that never occurred.
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

from tests.detection.stored import Stored, stored
from tests.harness.detection.expected import predicted
from tests.harness.detection.fault_kinds import POSSIBLE, Fault, Lie
from tests.harness.detection.month import System
from tests.harness.detection.seed import (
    Case,
    Verdict,
    case_of,
    judged_at_edges,
    judged_in_memory,
    seed_of,
)
from tests.simulation.shrink import shortest

#: Months that share their tables: each with players and rounds of its own.
STRETCH = 20
#: Every so many seeds, one is also stored, and asked by the command.
STORED_EVERY = 50
#: From how many seeds on every fault must have struck every provider that it can.
COVERING = 200
#: Where a difference showed, if not within a month.
AT_EDGE = "at an edge: "
#: How long a failing seed may be shortened, in seconds.
SHORTENING_S = 90.0

out = Console(highlight=False, soft_wrap=True, width=140)
Key = tuple[Lie, System]


@dataclass(slots=True)
class Total:
    """What some seeds came to.

    Attributes:
        injected: how often each fault struck each provider.
        kinds: breaks predicted, by kind and provider.
        edges: breaks predicted of days that meet at an edge, where no name ties.
        wrong: seeds with a break missed or invented, with the first of them in words.
    """

    seeds: int = 0
    rounds: int = 0
    injected: Counter[Key] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    edges: int = 0
    wrong: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Total") -> None:
        """Both together."""
        self.seeds += other.seeds
        self.rounds += other.rounds
        self.injected += other.injected
        self.kinds += other.kinds
        self.edges += other.edges
        self.wrong |= other.wrong


def stretch(first: int, last: int) -> Total:
    """Compare the months of some seeds at once, ``last`` left out."""
    cases = [case_of(seed) for seed in range(first, last)]
    verdict = judged_in_memory(cases)
    total = Total(seeds=len(cases), rounds=sum(len(case.plays) for case in cases))
    for case in cases:
        systems = {play.number: play.system for play in case.plays}
        total.injected.update((fault.lie, systems[fault.play]) for fault in case.faults)
    total.kinds.update((one.kind, one.system) for one in verdict.predicted)
    edges = judged_at_edges(range(first, last))
    total.edges = len(edges.predicted)
    for at, found in (("", verdict), (AT_EDGE, edges)):
        for name, ones in (("missed", found.missed), ("invented", found.invented)):
            for one in ones:
                total.wrong.setdefault(seed_of(one), f"{at}{name} {one}")
    return total


def many(seeds: range, jobs: int) -> int:
    """Compare all of them on all cores; returns the exit code."""
    began = time.monotonic()
    total = Total()
    ends = [(n, min(n + STRETCH, seeds.stop)) for n in seeds[::STRETCH]]
    shown = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("months", total=len(seeds))
        for one in _parts(ends, jobs):
            total.add(one)
            progress.update(task, completed=total.seeds)
    took = time.monotonic() - began
    _show(total)
    missing = _uncovered(total) if len(seeds) >= COVERING else []
    for lie, system in missing:
        out.print(f"never injected: {lie.name} at {system}", markup=False)
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
        yield from starmap(stretch, ends)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(stretch, *zip(*ends, strict=True))


def one_edge(seed: int, *, keep: bool) -> int:
    """Compare both days around the edge of a seed, and say what differs."""
    if keep:
        with stored() as engine:
            verdict: Verdict = engine.judged_at_edge(seed)
    else:
        verdict = judged_at_edges([seed])
    for name, ones in (("missed", verdict.missed), ("invented", verdict.invented)):
        for each in ones:
            out.print(f"{name}: {each}", markup=False)
    exact = "exactly as predicted" if verdict.exact else "NOT as predicted"
    out.print(f"seed {seed} at the edge, {len(verdict.predicted)} breaks: {exact}")
    return 0 if verdict.exact else 1


def _stored_seeds(seeds: range) -> int:
    """Every fiftieth seed on a real database, asked by the command."""
    wrong = 0
    with stored() as engine:
        for seed in seeds[::STORED_EVERY]:
            edge = engine.judged_at_edge(seed)
            for at, verdict in (("", engine.judged(case_of(seed))), (AT_EDGE, edge)):
                wrong += not verdict.exact
                told = "as predicted" if verdict.exact else _first(verdict)
                out.print(f"seed {seed}, stored, by command: {at}{told}", markup=False)
    return 1 if wrong else 0


def one(seed: int, only: Collection[int] | None, *, keep: bool) -> int:
    """Compare one month, or some faults of it, and say what differs."""
    case = case_of(seed, only)
    verdict = _judged_stored(case) if keep else judged_in_memory([case])
    for fault in case.faults:
        out.print(_told(case, fault), markup=False)
    for name, ones in (("missed", verdict.missed), ("invented", verdict.invented)):
        for each in ones:
            out.print(f"{name}: {each}", markup=False)
    exact = "exactly as predicted" if verdict.exact else "NOT as predicted"
    out.print(f"seed {seed}, {len(case.faults)} faults: {exact}")
    return 0 if verdict.exact else 1


def _judged_stored(case: Case) -> Verdict:
    with stored() as engine:
        made: Stored = engine
        return made.judged(case)


def explain(seed: int, first: str) -> None:
    """Print a failing seed as the shortest list of faults that fails, and its command."""
    out.print(f"seed {seed} differs: {first}", markup=False)
    if first.startswith(AT_EDGE):
        out.print(f"python -m tests.detection.campaign --seed {seed} --edge", markup=False)
        return
    until = time.monotonic() + SHORTENING_S

    def fails(faults: Sequence[Fault]) -> bool:
        kept = {fault.play for fault in faults}
        late = time.monotonic() > until
        return not late and not judged_in_memory([case_of(seed, kept)]).exact

    case = case_of(seed)
    if not fails(case.faults):
        out.print("it agrees when it is alone: the months of its stretch disturb each other")
        return
    faults = [] if fails([]) else shortest(case.faults, fails)
    for fault in faults:
        out.print(f"  {_told(case, fault)}", markup=False)
    only = ",".join(str(fault.play) for fault in faults)
    out.print(f"python -m tests.detection.campaign --seed {seed} --only '{only}'", markup=False)


def _told(case: Case, fault: Fault) -> str:
    play = next(play for play in case.plays if play.number == fault.play)
    kinds = ", ".join(each.kind for each in predicted(play, fault)) or "nothing"
    return f"{play.system} {play.round_id}: {fault.lie.value} ({fault.by}): {kinds}"


def _first(verdict: Verdict) -> str:
    missed = [f"missed {each}" for each in verdict.missed]
    return (missed + [f"invented {each}" for each in verdict.invented])[0]


def _uncovered(total: Total) -> list[Key]:
    return [
        (lie, system)
        for lie in Lie
        for system in System
        if system in POSSIBLE[lie] and not total.injected[lie, system]
    ]


def _show(total: Total) -> None:
    """Breaks by kind and provider: injected, and found as many times where nothing differs."""
    table = Table("break", *System)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in sorted({kind for kind, _ in total.kinds}):
        table.add_row(kind, *(str(total.kinds[kind, system] or "–") for system in System))
    out.print(table)
    table = Table("fault", *System)
    for column in table.columns[1:]:
        column.justify = "right"
    for lie in Lie:
        counts = (total.injected[lie, system] for system in System)
        table.add_row(lie.value, *(str(count or "–") for count in counts))
    out.print(table)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection.campaign")
    parser.add_argument("--seeds", type=int, default=200, help="how many months")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="this one month only")
    parser.add_argument("--only", type=_numbers, help="only the faults of these plays")
    parser.add_argument("--stored", action="store_true", help="on a real database")
    parser.add_argument("--edge", action="store_true", help="the seed's edge of two days")
    asked = parser.parse_args(arguments)
    if asked.seed is not None and asked.edge:
        return one_edge(asked.seed, keep=asked.stored)
    if asked.seed is not None:
        return one(asked.seed, asked.only, keep=asked.stored)
    return many(range(asked.first, asked.first + asked.seeds), asked.jobs)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
