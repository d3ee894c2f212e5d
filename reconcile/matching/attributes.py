"""Passes that match one row with one row by their contents, not by round id.

They look at one-sided rows only. No pass matches rows of different players or currencies, so
(player, currency) is the unit by which this work can be split. The passes, most certain first:

``balances``    player, currency, amounts and the balance before the round are equal;
``place``       player, currency, balance before and one of the amounts are equal: the same
                round, reported with another amount. Only if no other row has that balance;
``attributes``  player, currency and amounts are equal. Which of several equal rows stays
                unmatched may be ambiguous.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reconcile.matching.assignment import assign
from reconcile.matching.unmatched import Ties, UnmatchedRows
from reconcile.snapshot.arrays import Amounts, Flags, Positions, changes
from reconcile.snapshot.hashing import mixed
from reconcile.snapshot.rules import Rules

BALANCES = "balances"
ATTRIBUTES = "attributes"
PLACE = "place"
#: The tie of an unmatched row for which another row might as well have stayed unmatched.
AMBIGUOUS = "ambiguous"


def by_balances(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Match rows equal in player, currency, amounts and balance before the round."""
    attributes = (rows.stake, rows.payout, rows.before)
    return _assign_all(rows, _bundle(rows, free & rows.has_before, attributes, rules), rules)


def by_attributes(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Match rows equal in player, currency and amounts."""
    return _assign_all(rows, _bundle(rows, free, (rows.stake, rows.payout), rules), rules)


def by_place(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Match rows that are alone at their balance and share one of the amounts."""
    bundles = _bundle(rows, free & rows.has_before, (rows.before,), rules)
    first, second = _one_to_one(rows, bundles, rules)
    same = rows.stake[first] == rows.stake[second]
    same |= rows.payout[first] == rows.payout[second]
    return Ties(first=first[same], second=second[same])


@dataclass(frozen=True, slots=True)
class _Bundles:
    """Rows ordered so that rows with equal attributes and near in time form a bundle.

    Within a bundle our rows come first, and each side is ordered by time.

    Attributes:
        order: positions of the rows.
        starts: where in ``order`` each bundle starts.
        ours, theirs: the number of rows of either side in each bundle.
    """

    order: Positions
    starts: Positions
    ours: Positions
    theirs: Positions


def _bundle(
    rows: UnmatchedRows, free: Flags, attributes: tuple[Amounts, ...], rules: Rules
) -> _Bundles:
    # A repeated line is a break of its own, and one row cannot match two players.
    eligible = np.flatnonzero(free & rows.no_repeats & rows.one_player)
    keys = [values[eligible] for values in (*attributes, rows.player_currency)]
    in_time, begins = _equal_in_time(keys, rows.began_us[eligible])
    # A gap longer than ``within`` ends a bundle: no pass matches rows across it.
    begins[1:] |= np.diff(rows.began_us[eligible[in_time]]) > rules.within_us
    number = np.cumsum(begins)
    order = eligible[in_time]
    order = order[np.lexsort((~rows.ours[order], number))]
    starts = np.flatnonzero(begins)
    ours = np.add.reduceat(rows.ours[order].astype(np.intp), starts)
    return _Bundles(order, starts, ours, np.diff(np.append(starts, len(order))) - ours)


def _equal_in_time(keys: list[Amounts], began_us: Amounts) -> tuple[Positions, Flags]:
    """Return the order by equal keys and then time, and flag where other keys begin.

    One hash sorts faster than several keys. Should two sets of keys share a hash, they are
    sorted by themselves.
    """
    hashes = mixed(*keys)
    order = np.lexsort((began_us, hashes))
    begins = changes(*(values[order] for values in keys))
    if np.count_nonzero(begins) != np.count_nonzero(changes(hashes[order])):
        order = np.lexsort((began_us, *keys))
        begins = changes(*(values[order] for values in keys))
    return order, begins


def _one_to_one(
    rows: UnmatchedRows, bundles: _Bundles, rules: Rules
) -> tuple[Positions, Positions]:
    """Return the rows of bundles with one row per side, if they are near enough in time."""
    starts = bundles.starts[(bundles.ours == 1) & (bundles.theirs == 1)]
    last = len(bundles.order) - 1
    first, second = bundles.order[starts], bundles.order[np.minimum(starts + 1, last)]
    near = np.abs(rows.began_us[first] - rows.began_us[second]) <= rules.within_us
    return first[near], second[near]


def _assign_all(rows: UnmatchedRows, bundles: _Bundles, rules: Rules) -> Ties:
    """Compute the best assignment of every bundle."""
    first, second, paired = _pair_in_order(rows, bundles, rules)
    assigned = list(_assign_larger(rows, bundles, paired, rules))
    return Ties(
        first=np.concatenate([first, *(ties.first for ties in assigned)]),
        second=np.concatenate([second, *(ties.second for ties in assigned)]),
        unsure=np.concatenate([np.zeros(0, dtype=np.intp), *(t.unsure for t in assigned)]),
    )


def _pair_in_order(
    rows: UnmatchedRows, bundles: _Bundles, rules: Rules
) -> tuple[Positions, Positions, Flags]:
    """Pair the rows of bundles with as many rows on each side in the order of time.

    Where all of these pairs are near enough, that is the best assignment: no other pairs more
    rows, and pairs that cross are never closer.

    Returns:
        The rows of ours and of the provider that are paired, and flags of such bundles.
    """
    even = np.flatnonzero(bundles.ours == bundles.theirs)
    counts = bundles.ours[even]
    begins = np.cumsum(counts) - counts
    at = np.arange(int(counts.sum())) + np.repeat(bundles.starts[even] - begins, counts)
    first = bundles.order[at]
    second = bundles.order[at + np.repeat(counts, counts)]
    near = np.abs(rows.began_us[first] - rows.began_us[second]) <= rules.within_us
    all_near = np.logical_and.reduceat(near, begins) if len(near) else near
    paired = np.zeros(len(bundles.starts), dtype=bool)
    paired[even[all_near]] = True
    of_paired = np.repeat(all_near, counts)
    return first[of_paired], second[of_paired], paired


def _assign_larger(
    rows: UnmatchedRows, bundles: _Bundles, paired: Flags, rules: Rules
) -> Iterator[Ties]:
    """Compute the best assignment of each bundle that is not paired in order."""
    larger = (bundles.ours > 0) & (bundles.theirs > 0) & ~paired
    for number in np.flatnonzero(larger):
        start = bundles.starts[number]
        middle = start + bundles.ours[number]
        ours = bundles.order[start:middle]
        theirs = bundles.order[middle : middle + bundles.theirs[number]]
        assignment = assign(
            rows.began_us[ours],
            rows.began_us[theirs],
            within=rules.within_us,
            clear_by=rules.clear_by_us,
        )
        yield Ties(
            first=ours[assignment.first],
            second=theirs[assignment.second],
            unsure=np.concatenate(
                [ours[assignment.unsure_first], theirs[assignment.unsure_second]]
            ),
        )
