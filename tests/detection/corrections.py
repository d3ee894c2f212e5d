"""Approve what the product proposes in many months: it cures its cause and opens nothing.

    python -m tests.detection.corrections --seeds 300
    python -m tests.detection.corrections --seed 17

What is offered comes first; then every source that contradicts the other proposals is
overruled. Exit codes: 0 every approved correction cured its break, opened none, and did what
its trial foresaw; 1 one did not.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from tests.harness.detection.corrected import Corrected, correct
from tests.harness.detection.month import System
from tests.harness.detection.seed import case_of, world_of

#: Seeds between two lines of progress.
REPORTED_EVERY = 20

out = Console(highlight=False, soft_wrap=True, width=140)


def correct_seed(seed: int) -> Corrected:
    """Approve every proposal of a seed's month."""
    return correct(world_of([case_of(seed)]), overruling=True)


def correct_seeds(seeds: range, jobs: int) -> int:
    """Correct the months of all seeds and print what came of them; return the exit code."""
    began, total, wrong = time.monotonic(), Corrected(), {}
    for seed, result in zip(seeds, _results(seeds, jobs), strict=True):
        total.add(result)
        if result.wrong:
            wrong[seed] = result.wrong
            out.print(f"seed {seed}: {'; '.join(result.wrong)}", markup=False)
        done = seed - seeds.start + 1
        if done % REPORTED_EVERY == 0 or done == len(seeds):
            took = time.monotonic() - began
            out.print(f"{done} seeds, {_counts(total)}, {took:.0f} s: {len(wrong)} are wrong")
    _show(total)
    return 1 if wrong else 0


def _counts(total: Corrected) -> str:
    return (
        f"{total.proposed.total()} breaks with a correction,"
        f" {total.approved.total()} approved as offered,"
        f" {total.overruled.total()} with sources overruled"
    )


def _results(seeds: range, jobs: int) -> Iterator[Corrected]:
    if jobs == 1:
        yield from map(correct_seed, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(correct_seed, seeds)


def _show(total: Corrected) -> None:
    """Print the approved corrections by kind and provider, and why others were refused."""
    table = Table("offered + overruled of proposed", *System)
    for kind in sorted({kind for kind, _ in total.proposed}):
        cells = [
            f"{total.approved[kind, system]}+{total.overruled[kind, system]}"
            f"/{total.proposed[kind, system]}"
            for system in System
        ]
        table.add_row(kind, *("–" if cell == "0+0/0" else cell for cell in cells))
    out.print(table)
    for reason, count in total.refused.most_common():
        out.print(f"refused by {reason}: {count}", markup=False)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection.corrections")
    parser.add_argument("--seeds", type=int, default=300, help="how many months")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="this one month only")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return correct_seeds(range(options.seed, options.seed + 1), 1)
    return correct_seeds(range(options.first, options.first + options.seeds), options.jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
