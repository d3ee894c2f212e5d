"""Read a corpus of statement files: each is read as the truth, or refused for its damage.

    python -m tests.files.campaign --files 5000
    python -m tests.files.campaign --seed 17 --write file17

Exit codes: 0 no file differs; 1 one does, or a format or damage never occurred.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.files.stored import imports
from tests.harness.files.corpus import DAMAGES, statement_file
from tests.harness.files.settings_text import settings_text
from tests.harness.files.verdicts import Outcome, Verdict, verdict_on

#: Files that one process reads at a time.
BATCH = 100
#: Of so many files, one is imported by the command; so is each whose damage only that shows.
STORED_EVERY = 50
#: From this many files on, every format and every damage must have occurred.
COVERING = 3_000
#: Formats and their packings.
FORMS = (
    *(
        f"{form}{end}"
        for form in ("csv", "jsonl", "array")
        for end in ("", ".gz", ".bz2", ".xz", ".zip")
    ),
    "xlsx",
    "parquet",
)
SOUND = "no damage"
#: Files shown that differ.
SHOWN = 20

out = Console(highlight=False, soft_wrap=True, width=140)
Key = tuple[str, Outcome]


@dataclass(slots=True)
class Total:
    """The sum of some files.

    Attributes:
        forms, damages: how often each outcome occurred, by format and by damage.
        wrong: seeds of files that differ, and how.
        to_store: seeds of files whose damage only an import shows.
    """

    files: int = 0
    forms: Counter[Key] = field(default_factory=Counter)
    damages: Counter[Key] = field(default_factory=Counter)
    wrong: dict[int, str] = field(default_factory=dict)
    to_store: list[int] = field(default_factory=list)

    def add(self, other: "Total") -> None:
        """Add another sum."""
        self.files += other.files
        self.forms += other.forms
        self.damages += other.damages
        self.wrong |= other.wrong
        self.to_store += other.to_store


def read_batch(first: int, last: int) -> Total:
    """Read the files of some seeds, from ``first`` to before ``last``."""
    total = Total(files=last - first)
    for seed in range(first, last):
        file = statement_file(seed)
        verdict = verdict_on(file)
        total.forms[file.form, verdict.outcome] += 1
        total.damages[file.damage or SOUND, verdict.outcome] += 1
        if file.needs_store:
            total.to_store.append(seed)
        if verdict.outcome is Outcome.WRONG:
            total.wrong[seed] = f"{file.form}, {file.damage or SOUND}: {verdict.difference}"
    return total


def read_many(seeds: range, jobs: int) -> int:
    """Read all files on all cores, import a part of them; return the exit code."""
    began = time.monotonic()
    total = Total()
    for batch in _batches(seeds, jobs):
        total.add(batch)
    imported = _import(sorted({*seeds[::STORED_EVERY], *total.to_store}), total)
    took = time.monotonic() - began
    _show("format", total.forms)
    _show("damage", total.damages)
    missing = _missing(total) if len(seeds) >= COVERING else []
    for name in missing:
        out.print(f"never occurred: {name}", markup=False)
    for seed, difference in sorted(total.wrong.items())[:SHOWN]:
        out.print(f"file {seed} differs: {difference}", markup=False)
        out.print(f"python -m tests.files.campaign --seed {seed}", markup=False)
    outcomes = Counter(outcome for _, outcome in total.forms.elements())
    out.print(
        f"{total.files} files, {outcomes[Outcome.READ]} read as the truth,"
        f" {outcomes[Outcome.REFUSED]} refused with a finding that names the damage,"
        f" {imported} imported by command, {took:.0f} s: {len(total.wrong)} differ"
    )
    return 1 if total.wrong or missing else 0


def _batches(seeds: range, jobs: int) -> Iterator[Total]:
    ends = [(first, min(first + BATCH, seeds.stop)) for first in seeds[::BATCH]]
    if jobs == 1:
        yield from starmap(read_batch, ends)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(read_batch, *zip(*ends, strict=True))


def _import(seeds: Sequence[int], total: Total) -> int:
    """Import some files by the command; returns how many."""
    with imports() as database:
        for seed in seeds:
            verdict = database.verdict_on(statement_file(seed))
            if verdict.outcome is Outcome.WRONG:
                total.wrong.setdefault(seed, f"imported by command: {verdict.difference}")
    return len(seeds)


def _missing(total: Total) -> list[str]:
    occurred = {name for name, _ in [*total.forms, *total.damages]}
    return [name for name in (*FORMS, *DAMAGES) if name not in occurred]


def _show(title: str, counts: Counter[Key]) -> None:
    table = Table(title, *Outcome)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in sorted({name for name, _ in counts}):
        table.add_row(name, *(str(counts[name, outcome] or "–") for outcome in Outcome))
    out.print(table)


def read_one(seed: int, folder: Path | None) -> int:
    """Read one file, and write it and its settings to a folder; return the exit code."""
    file = statement_file(seed)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.data)
        (folder / "tieout.toml").write_text(settings_text(file.settings))
    verdict: Verdict = verdict_on(file, apart=True)
    out.print(f"{file.name}, {file.damage or SOUND}: {verdict.outcome}", markup=False)
    if verdict.difference:
        out.print(verdict.difference, markup=False)
    return 1 if verdict.outcome is Outcome.WRONG else 0


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.files.campaign")
    parser.add_argument("--files", type=int, default=5_000, help="how many files")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="only this file")
    parser.add_argument("--write", type=Path, help="folder for the one file and its settings")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return read_one(options.seed, options.write)
    return read_many(range(options.first, options.first + options.files), options.jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
