"""Run many seeded days against the auditor; a failing one is printed as one command.

    python -m tests.simulation.campaign --seeds 2000
    python -m tests.simulation.campaign --seed 17 --only 3,9,12

Exit codes: 0 every day as predicted; 1 a difference, or a situation that never occurred.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import DayStep, day
from tests.simulation.days import DaysResult, is_concurrent, run_day_alone, run_days
from tests.simulation.engines import Template, template
from tests.simulation.shrink import shortest

#: Days that share a database.
DAYS_PER_DATABASE = 20
#: Number of seeds from which on every situation must occur.
COVERING_SEEDS = 200
#: Days between two lines of progress without a terminal.
PROGRESS_EVERY = 200
#: How long a failing day may be shortened, in seconds, and how often a concurrent day is run
#: before it counts as passed.
SHORTENING_S = 90.0
CONCURRENT_TRIES = 4

out = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Run the days of the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    with template() as database_template:
        if options.seed is not None:
            return run_one(database_template, options.seed, options.only)
        return run_many(
            database_template, range(options.first, options.first + options.seeds), options.jobs
        )


def run_one(database_template: Template, seed: int, only: Sequence[int] | None) -> int:
    """Run one day, or some steps of it, and print its first difference."""
    steps = [step for step in day(seed) if only is None or step.number in only]
    difference = _first_difference(database_template, seed, steps)
    result = difference or "as the auditor says"
    out.print(f"seed {seed}, {len(steps)} steps: {result}", markup=False)
    return 1 if difference else 0


def run_many(database_template: Template, seeds: Sequence[int], jobs: int) -> int:
    """Run many days on all cores, up to the first that differs."""
    began = time.monotonic()
    total = _campaign(database_template, seeds, jobs)
    duration = time.monotonic() - began
    if total.failed is not None:
        explain(database_template, total.failed, str(total.first))
        return 1
    missing = _show_situations(total.situations, required=len(seeds) >= COVERING_SEEDS)
    out.print(
        f"{total.seeds} seeds, {total.operations} operations, {duration:.0f} s, "
        f"{total.seeds / duration:.1f} seeds/s: every one as the auditor says"
    )
    return 1 if missing else 0


def explain(database_template: Template, seed: int, difference: str) -> None:
    """Print a failing seed as the shortest command that fails."""
    out.print(f"seed {seed} differs: {difference}", markup=False)
    until = time.monotonic() + SHORTENING_S

    def fails(steps: Sequence[DayStep]) -> bool:
        late = time.monotonic() > until
        return not late and _first_difference(database_template, seed, steps) is not None

    steps = shortest(day(seed), fails)
    only = ",".join(str(step.number) for step in steps)
    shortest_difference = _first_difference(database_template, seed, steps) or difference
    out.print(f"shortest list, {len(steps)} steps: {shortest_difference}", markup=False)
    out.print(f"python -m tests.simulation.campaign --seed {seed} --only {only}", markup=False)


def _first_difference(
    database_template: Template, seed: int, steps: Sequence[DayStep]
) -> str | None:
    tries = CONCURRENT_TRIES if is_concurrent(seed) else 1
    differences = (run_day_alone(database_template, seed, steps) for _ in range(tries))
    return next((text for text in differences if text is not None), None)


def _campaign(database_template: Template, seeds: Sequence[int], jobs: int) -> DaysResult:
    total = DaysResult()
    groups = (
        seeds[start : start + DAYS_PER_DATABASE]
        for start in range(0, len(seeds), DAYS_PER_DATABASE)
    )
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("days", total=len(seeds))
        for result in _results(pool, database_template, groups, 2 * jobs):
            _add(total, result)
            progress.update(task, completed=total.seeds)
            if not console.is_terminal and total.seeds % PROGRESS_EVERY == 0:
                console.print(f"{total.seeds} of {len(seeds)} days run")
            if total.failed is not None:
                break
    return total


def _results(
    pool: ProcessPoolExecutor,
    database_template: Template,
    groups: Iterator[Sequence[int]],
    ahead: int,
) -> Iterator[DaysResult]:
    running: set[Future[DaysResult]] = set()
    while True:
        for seeds in islice(groups, ahead - len(running)):
            running.add(pool.submit(run_days, database_template, seeds))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)


def _add(total: DaysResult, result: DaysResult) -> None:
    total.seeds += result.seeds
    total.operations += result.operations
    total.situations += result.situations
    if total.failed is None:
        total.failed, total.first = result.failed, result.first


def _show_situations(counts: Counter[Situation], *, required: bool) -> list[Situation]:
    table = Table("situation", "times")
    table.columns[1].justify = "right"
    for situation in Situation:
        table.add_row(situation.value, str(counts[situation]))
    out.print(table)
    missing = [situation for situation in Situation if required and not counts[situation]]
    for situation in missing:
        out.print(f"never occurred: {situation.value}")
    return missing


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.campaign")
    parser.add_argument("--seeds", type=int, default=200, help="how many days")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="run only this day")
    parser.add_argument("--only", type=_numbers, help="only these steps of it, e.g. 3,9,12")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
