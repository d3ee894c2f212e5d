"""Approve what the product proposes in many months: it cures its cause and opens nothing.

    python -m tests.detection.corrections --seeds 300
    python -m tests.detection.corrections --seed 17 --overrule

Every month is corrected twice: only by what is offered, and with every contradicting source
overruled. Exit codes: 0 every approved correction cured its break, opened none, and did what
its trial foresaw; 1 one did not.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from tests.harness.detection.corrected import Corrected, correct
from tests.harness.detection.month import System
from tests.harness.detection.seed import case_of, world_of

out = Console(highlight=False, soft_wrap=True, width=140)


def correct_seed(seed: int, *, overruling: bool) -> Corrected:
    """Approve every proposal of a seed's month."""
    return correct(world_of([case_of(seed)]), overruling=overruling)


def correct_seeds(seeds: range, jobs: int, *, overruling: bool) -> int:
    """Correct the months of all seeds and print what came of them; return the exit code."""
    began, total, wrong = time.monotonic(), Corrected(), {}
    work = partial(correct_seed, overruling=overruling)
    for seed, result in zip(seeds, _results(work, seeds, jobs), strict=True):
        total.add(result)
        if result.wrong:
            wrong[seed] = result.wrong
            out.print(f"seed {seed}: {'; '.join(result.wrong)}", markup=False)
    _show(total)
    name = "every source overruled" if overruling else "as offered"
    out.print(
        f"{len(seeds)} seeds, {name}: {total.proposed.total()} breaks with a correction,"
        f" {total.approved.total()} approved, {total.refused.total()} reasons to refuse,"
        f" {time.monotonic() - began:.0f} s: {len(wrong)} seeds are wrong"
    )
    return 1 if wrong else 0


def _results(work: Callable[[int], Corrected], seeds: range, jobs: int) -> Iterator[Corrected]:
    if jobs == 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, seeds)


def _show(total: Corrected) -> None:
    """Print the approved corrections by kind and provider, and why others were refused."""
    table = Table("approved of proposed", *System)
    for kind in sorted({kind for kind, _ in total.proposed}):
        cells = [
            f"{total.approved[kind, system]}/{total.proposed[kind, system]}"
            for system in System
        ]
        table.add_row(kind, *("–" if cell == "0/0" else cell for cell in cells))
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
    parser.add_argument("--overrule", action="store_true", help="only with sources overruled")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
        return correct_seeds(seeds, 1, overruling=options.overrule)
    seeds = range(options.first, options.first + options.seeds)
    modes = [True] if options.overrule else [False, True]
    return max(correct_seeds(seeds, options.jobs, overruling=mode) for mode in modes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
