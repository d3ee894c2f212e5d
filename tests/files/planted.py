"""Plant bugs in reading statement files, one at a time: the corpus must notice each.

    python -m tests.files.planted --within 3000

Exit codes: 0 every bug was noticed; 1 one was not.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tests.files.plants import PLANTS
from tests.harness.files.corpus import StatementFile, statement_file
from tests.simulation.planted import Planter, found_in_forks
from tests.simulation.plants import Plant

#: Packages of the reader, which are imported anew with the bug.
_READER = frozenset({"vocabulary", "providers", "feeds", "storage", "ops"})


def files_until_noticed(plant: Plant, files: Sequence[StatementFile]) -> tuple[int, str] | None:
    """The seed of the first file that differs with the bug, and how; None: none does.

    Only for a process that does nothing else afterwards: it imports the readers anew.
    """
    for name in [name for name in sys.modules if name.split(".")[0] in _READER]:
        del sys.modules[name]
    for name in ("tests.harness.files.verdicts", "tests.harness.staged_lines"):
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Planter(plant))
    from tests.harness.files.verdicts import Outcome, verdict_on

    for file in files:
        verdict = verdict_on(file)
        if verdict.outcome is Outcome.WRONG:
            return file.seed, f"{file.form}: {verdict.difference}"
    return None


def show(plants: Sequence[Plant], within: int) -> bool:
    """Plant each bug and print the file that noticed it; return whether all are noticed."""
    files = [statement_file(seed) for seed in range(within)]
    missed = 0
    for plant, result in found_in_forks(plants, partial(files_until_noticed, files=files)):
        missed += result is None
        seed = "NOT NOTICED" if result is None else f"file {result[0]}"
        difference = "" if result is None else result[1][:110]
        print(f"{plant.name:46} {seed:11} {difference}", flush=True)
    print(f"{len(plants) - missed} of {len(plants)} planted bugs noticed")
    return missed == 0


def main(arguments: Sequence[str]) -> int:
    """Plant the bugs that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.files.planted")
    parser.add_argument("--within", type=int, default=3_000, help="files per bug")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args(arguments)
    plants = [plant for plant in PLANTS if not options.names or plant.name in options.names]
    return 0 if show(plants, options.within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
