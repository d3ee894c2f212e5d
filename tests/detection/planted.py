"""Plant bugs in matching and classification, one at a time: the campaign must notice each.

    python -m tests.detection.planted --within 60

Exit codes: 0 every bug was noticed; 1 one was not.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

# Imported before the processes fork, so that it costs each of them nothing.
import adbc_driver_postgresql.dbapi  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow as pa  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

from tests.simulation.planted import Planter, found_in_forks
from tests.simulation.plants import Plant

#: Months compared between two checks whether the bug was noticed.
AT_A_TIME = 12

PLANTS: tuple[Plant, ...] = (
    Plant(
        "a_stake_owes_the_wrong_way",
        "reconcile.matching.classify",
        "return flags, sign * excess",
        "return flags, excess",
    ),
    Plant(
        "a_repeated_line_counts_from_the_third",
        "reconcile.matching.rounds",
        'extra = self._integers("occurrence") > 1',
        'extra = self._integers("occurrence") > 2',
    ),
    Plant(
        "a_place_matches_only_equal_rows",
        "reconcile.matching.attributes",
        "same |= rows.payout[first]",
        "same &= rows.payout[first]",
    ),
    Plant(
        "a_balance_that_comes_back_is_a_gap_too",
        "reconcile.findings.balance_chain",
        "if size == 0:",
        'if size == 0 and row["next_shift"] is None:',
    ),
    Plant(
        "only_our_rollbacks_differ_in_status",
        "reconcile.matching.classify",
        'self.flag("rolled_back_ours") != self.flag("rolled_back_theirs")',
        'self.flag("rolled_back_ours") > self.flag("rolled_back_theirs")',
    ),
    Plant(
        "equal_amounts_are_enough",
        "reconcile.matching.exact",
        'for column in ("stake", "payout", "player_hash"):',
        'for column in ("stake", "payout"):',
    ),
    Plant(
        "a_guess_is_no_doubt",
        "reconcile.matching.assignment",
        "enough = best[-1, -1] - clear_by",
        "enough = best[-1, -1] + clear_by",
    ),
    Plant(
        "everything_waits_for_the_longest_maturity",
        "vocabulary.maturity",
        "if kind_mask & bit]",
        "if kind_mask & bit or kind_mask]",
    ),
    Plant(
        "any_immature_movement_explains_an_amount",
        "reconcile.snapshot.immature",
        "return total in sums",
        "return bool(amounts)",
    ),
    Plant(
        "a_round_of_both_sides_is_never_immature",
        "reconcile.matching.classify",
        "candidates = self.both & self.amounts_differ",
        "candidates = ~self.both & self.amounts_differ",
    ),
    Plant(
        "nobody_is_owed_a_cent",
        "breaks.kinds",
        "if difference == 0:",
        "if difference < 2 and difference > -2:",
    ),
    Plant(
        "a_conflict_of_an_agreeing_round_is_known",
        "reconcile.findings.journal",
        "if finding is not None",
        "if finding is not None and finding.kind is not BreakKind.IDEMPOTENCY_CONFLICT",
    ),
    Plant(
        "a_disputed_answer_is_believed",
        "reconcile.findings.delivery_log",
        "return sent.startswith(logged_body)",
        "return True",
    ),
    Plant(
        "one_unanswered_movement_makes_its_round_unanswered",
        "reconcile.findings.unanswered",
        "_moved_by(of_row) == moved",
        "_moved_by(of_row) != [0, 0]",
    ),
    Plant(
        "edge_rows_are_never_read",
        "reconcile.snapshot.edge_keys",
        "if not rules.attributes or not rules.edges:\n        return NO_KEYS",
        "if rules.edges:\n        return NO_KEYS",
    ),
    Plant(
        "edge_rows_are_cut_anywhere",
        "reconcile.snapshot.edge_keys",
        "begins[1:] |= np.diff(distances[order]) > within",
        "begins[1:] |= distances[order][1:] > within",
    ),
    Plant(
        "unmatched_edge_rows_are_reported_too",
        "reconcile.matching.edge_rows",
        "return tied[joined]",
        "return tied",
    ),
)


def seeds_until_noticed(plant: Plant, within: int) -> tuple[int, str] | None:
    """Return after how many months the bug was noticed, and the first difference, or None.

    Only for a process that does nothing else afterwards: it imports the comparison anew, with
    the bug.
    """
    assert "tests.harness.detection.seed" not in sys.modules
    compared = {"reconcile", "breaks", "feeds"}
    for name in [name for name in sys.modules if name.split(".")[0] in compared]:
        del sys.modules[name]
    sys.meta_path.insert(0, Planter(plant))
    from tests.harness.detection.seed import case_of, compare_edges, compare_in_memory

    for first in range(0, within, AT_A_TIME):
        seeds = range(first, min(first + AT_A_TIME, within))
        months = compare_in_memory([case_of(seed) for seed in seeds])
        for verdict in (months, compare_edges(seeds)):
            differences = [f"missed {break_}" for break_ in verdict.missed]
            differences += [f"invented {break_}" for break_ in verdict.invented]
            if differences:
                return seeds.stop, differences[0]
    return None


def show(plants: Sequence[Plant], within: int) -> bool:
    """Plant each bug and print what was noticed; return whether all were."""
    missed = 0
    find = partial(seeds_until_noticed, within=within)
    for plant, noticed in found_in_forks(plants, find):
        missed += noticed is None
        when = "NOT NOTICED" if noticed is None else f"within {noticed[0]}"
        print(
            f"{plant.name:42} {when:11} {'' if noticed is None else noticed[1][:120]}",
            flush=True,
        )
    print(f"{len(plants) - missed} of {len(plants)} planted bugs noticed")
    return missed == 0


def main(arguments: Sequence[str]) -> int:
    """Plant the bugs that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.detection.planted")
    parser.add_argument("--within", type=int, default=60, help="months per bug")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args(arguments)
    plants = [plant for plant in PLANTS if not options.names or plant.name in options.names]
    return 0 if show(plants, options.within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
