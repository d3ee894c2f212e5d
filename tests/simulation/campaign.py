"""Many seeds of mischief against the auditor; a failing one prints itself as one command.

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
from tests.harness.auditor.workload import Step, day
from tests.simulation.days import Stretch, is_at_once, live_alone, live_stretch
from tests.simulation.engines import Template, template
from tests.simulation.shrink import shortest

#: Days that share a database.
STRETCH = 20
#: From how many seeds on every situation must have occurred.
COVERING = 200
#: Days between two lines of progress where there is no terminal to draw a bar on.
TELL_EVERY = 200
#: How long a failing day may be shortened, in seconds, and how often a day whose order nobody
#: knows is lived before it counts as agreeing.
SHORTENING_S = 90.0
TRIES_AT_ONCE = 4

out = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; returns the exit code."""
    asked = _parser().parse_args(arguments)
    with template() as made:
        if asked.seed is not None:
            return one(made, asked.seed, asked.only)
        return many(made, range(asked.first, asked.first + asked.seeds), asked.jobs)


def one(made: Template, seed: int, only: Sequence[int] | None) -> int:
    """Live one day, or some steps of it, and say what differs."""
    steps = [step for step in day(seed) if only is None or step.number in only]
    found = _first_difference(made, seed, steps)
    out.print(
        f"seed {seed}, {len(steps)} steps: {found or 'as the auditor says'}", markup=False
    )
    return 1 if found else 0


def many(made: Template, seeds: Sequence[int], jobs: int) -> int:
    """Live many days on all cores; stops at the first that differs."""
    began = time.monotonic()
    total = _campaign(made, seeds, jobs)
    took = time.monotonic() - began
    if total.failed is not None:
        explain(made, total.failed, str(total.first))
        return 1
    missing = _show_situations(total.saw, required=len(seeds) >= COVERING)
    out.print(
        f"{total.seeds} seeds, {total.operations} operations, {took:.0f} s, "
        f"{total.seeds / took:.1f} seeds/s: every one as the auditor says"
    )
    return 1 if missing else 0


def explain(made: Template, seed: int, difference: str) -> None:
    """Print a failing seed as the shortest command that fails."""
    out.print(f"seed {seed} differs: {difference}", markup=False)
    until = time.monotonic() + SHORTENING_S

    def fails(steps: Sequence[Step]) -> bool:
        late = time.monotonic() > until
        return not late and _first_difference(made, seed, steps) is not None

    steps = shortest(day(seed), fails)
    only = ",".join(str(step.number) for step in steps)
    found = _first_difference(made, seed, steps)
    out.print(f"shortest list found, {len(steps)} steps: {found or difference}", markup=False)
    out.print(f"python -m tests.simulation.campaign --seed {seed} --only {only}", markup=False)


def _first_difference(made: Template, seed: int, steps: Sequence[Step]) -> str | None:
    tries = TRIES_AT_ONCE if is_at_once(seed) else 1
    told = (live_alone(made, seed, steps) for _ in range(tries))
    return next((found for found in told if found is not None), None)


def _campaign(made: Template, seeds: Sequence[int], jobs: int) -> Stretch:
    total = Stretch()
    stretches = (seeds[at : at + STRETCH] for at in range(0, len(seeds), STRETCH))
    shown = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool,
        Progress(*shown, console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("days", total=len(seeds))
        for stretch in _lived(pool, made, stretches, 2 * jobs):
            _add(total, stretch)
            progress.update(task, completed=total.seeds)
            if not console.is_terminal and total.seeds % TELL_EVERY == 0:
                console.print(f"{total.seeds} of {len(seeds)} days lived")
            if total.failed is not None:
                break
    return total


def _lived(
    pool: ProcessPoolExecutor, made: Template, stretches: Iterator[Sequence[int]], ahead: int
) -> Iterator[Stretch]:
    running: set[Future[Stretch]] = set()
    while True:
        for seeds in islice(stretches, ahead - len(running)):
            running.add(pool.submit(live_stretch, made, seeds))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)


def _add(total: Stretch, one: Stretch) -> None:
    total.seeds += one.seeds
    total.operations += one.operations
    total.saw += one.saw
    if total.failed is None:
        total.failed, total.first = one.failed, one.first


def _show_situations(saw: Counter[Situation], *, required: bool) -> list[Situation]:
    table = Table("situation", "times")
    table.columns[1].justify = "right"
    for situation in Situation:
        table.add_row(situation.value, str(saw[situation]))
    out.print(table)
    missing = [situation for situation in Situation if required and not saw[situation]]
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
    parser.add_argument("--seed", type=int, help="live this one day only")
    parser.add_argument("--only", type=_numbers, help="only these steps of it, e.g. 3,9,12")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
