"""Plant bugs one by one and show that the campaign finds each of them.

    python -m tests.simulation.planted --within 400

Each bug is planted in a process of its own, which imports the changed source.
Exit codes: 0 all bugs were found; 1 one was not.
"""

import argparse
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeVar

# The ledger's dependencies are imported before the fork, so that no process imports them again.
import asyncpg  # noqa: F401
import hypothesis  # noqa: F401
import psycopg  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
import structlog.testing  # noqa: F401

from tests.simulation.engines import Template, template
from tests.simulation.plants import PLANTS, Plant

#: Seeds run at once before checking whether the bug was found.
SEEDS_PER_RUN = 10
#: What the settings import of the ledger: names, in which nothing can be planted.
NAMES_ONLY = frozenset({"ledger", "ledger.enums"})


class _Planted(SourceFileLoader):
    """Loads a module's source with the bug in it."""

    def __init__(self, fullname: str, path: str, plant: Plant) -> None:
        super().__init__(fullname, path)
        self._plant = plant

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source; nothing is written and no cached code is used."""
        source = self._plant.applied_to(Path(self.path).read_text())
        return compile(source, self.path, "exec")


class Planter(MetaPathFinder):
    """Import hook that loads one module with its bug."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The spec of the changed module; None for any other module."""
        if fullname != self._plant.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        loader = _Planted(fullname, spec.origin, self._plant)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=spec.origin)


def seeds_until_found(plant: Plant, template_url: str, within: int) -> tuple[int, str] | None:
    """Number of days until the bug is found, and the first difference; None if it is not.

    Call it only in a process that has not imported the ledger and ends afterwards.
    """
    imported = {name for name in sys.modules if name.split(".")[0] == "ledger"}
    assert imported <= NAMES_ONLY
    assert plant.module not in NAMES_ONLY
    sys.meta_path.insert(0, Planter(plant))
    from tests.simulation.days import run_days

    database_template = Template(template_url)
    for first in range(0, within, SEEDS_PER_RUN):
        result = run_days(database_template, range(first, min(first + SEEDS_PER_RUN, within)))
        if result.failed is not None:
            return result.failed + 1, str(result.first)
    return None


_Found = TypeVar("_Found")


def found_in_forks(
    plants: Sequence[Plant], find: Callable[[Plant], _Found | None]
) -> Iterator[tuple[Plant, _Found | None]]:
    """Look for each bug in a process of its own, which may import its source changed."""
    fork = get_context("fork")
    for plant in plants:
        receiver, sender = fork.Pipe()
        process = fork.Process(target=_send_found, args=(find, plant, sender))
        process.start()
        sender.close()
        found: _Found | None = receiver.recv()
        process.join()
        yield plant, found


def _send_found(
    find: Callable[[Plant], _Found | None], plant: Plant, sender: "Connection"
) -> None:
    sender.send(find(plant))


def show(template_url: str, plants: Sequence[Plant], within: int) -> bool:
    """Plant each bug and print the seed that finds it; returns whether all are found."""
    missed = 0
    find = partial(seeds_until_found, template_url=template_url, within=within)
    for plant, result in found_in_forks(plants, find):
        missed += result is None
        seed = "NOT FOUND" if result is None else f"seed {result[0] - 1}"
        difference = "" if result is None else result[1][:110]
        print(f"{plant.name:48} {seed:10} {difference}", flush=True)
    print(f"{len(plants) - missed} of {len(plants)} planted bugs found within {within} seeds")
    return missed == 0


def main(arguments: Sequence[str]) -> int:
    """Plant the bugs named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("--within", type=int, default=400, help="seeds per bug")
    parser.add_argument("--template", help="URL of a migrated template database")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args(arguments)
    plants = [plant for plant in PLANTS if not options.names or plant.name in options.names]
    if options.template:
        return 0 if show(options.template, plants, options.within) else 1
    with template() as database_template:
        return 0 if show(database_template.url, plants, options.within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
