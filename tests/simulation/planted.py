"""Plant bugs one after another, and show that the campaign finds each of them.

    python -m tests.simulation.planted --within 200

Every bug lives in a process of its own, which imports the ledger through the planted source.
Exit codes: 0 every bug was found; 1 one was not.
"""

import argparse
import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType

# What the ledger needs is imported before the processes part, and costs each of them nothing.
import asyncpg  # noqa: F401
import hypothesis  # noqa: F401
import psycopg  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
import structlog.testing  # noqa: F401

from tests.simulation.engines import Template, template
from tests.simulation.plants import PLANTS, Plant

#: Days lived between two looks at whether the bug was found.
AT_A_TIME = 10


class _Planted(SourceFileLoader):
    """Loads the real source with the bug in it."""

    def __init__(self, fullname: str, path: str, plant: Plant) -> None:
        super().__init__(fullname, path)
        self._plant = plant

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed text; nothing is written and no cached code is used."""
        source = self._plant.applied_to(Path(self.path).read_text())
        return compile(source, self.path, "exec")


class Planter(MetaPathFinder):
    """Finds one module of ours in its planted form."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The planted module; nothing for any other."""
        if fullname != self._plant.module:
            return None
        found = PathFinder.find_spec(fullname, path, target)
        assert found is not None
        assert found.origin is not None
        loader = _Planted(fullname, found.origin, self._plant)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=found.origin)


def seeds_until_found(plant: Plant, template_url: str, within: int) -> tuple[int, str] | None:
    """How many days it took to find the bug, and the first difference; None when it was not.

    Only for a process that has not imported the ledger, and does nothing else afterwards.
    """
    assert not any(name.split(".")[0] == "ledger" for name in sys.modules)
    sys.meta_path.insert(0, Planter(plant))
    from tests.simulation.days import live_stretch

    made = Template(template_url)
    for first in range(0, within, AT_A_TIME):
        lived = live_stretch(made, range(first, min(first + AT_A_TIME, within)))
        if lived.failed is not None:
            return lived.failed + 1, str(lived.first)
    return None


def _look(plant: Plant, template_url: str, within: int, back: "Connection") -> None:
    back.send(seeds_until_found(plant, template_url, within))


def show(template_url: str, plants: Sequence[Plant], within: int) -> bool:
    """Plant each bug and print when it was found; whether all were."""
    fork = get_context("fork")
    missed = 0
    for plant in plants:
        ours, theirs = fork.Pipe()
        process = fork.Process(target=_look, args=(plant, template_url, within, theirs))
        process.start()
        theirs.close()
        found = ours.recv()
        process.join()
        missed += found is None
        when = "NOT FOUND" if found is None else f"seed {found[0] - 1}"
        what = "" if found is None else found[1][:110]
        print(f"{plant.name:44} {when:10} {what}", flush=True)
    print(f"{len(plants) - missed} of {len(plants)} planted bugs found within {within} seeds")
    return missed == 0


def main(arguments: Sequence[str]) -> int:
    """Plant what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("--within", type=int, default=200, help="seeds per bug")
    parser.add_argument("--template", help="URL of a migrated template database")
    parser.add_argument("names", nargs="*", help="only these")
    asked = parser.parse_args(arguments)
    plants = [one for one in PLANTS if not asked.names or one.name in asked.names]
    if asked.template:
        return 0 if show(asked.template, plants, asked.within) else 1
    with template() as made:
        return 0 if show(made.url, plants, asked.within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
