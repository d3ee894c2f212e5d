"""Passes for rows that no name ties: one-to-one by what the rows hold.

They look at one-sided rows only, and never across (player, currency), which is therefore their
partition. Most certain first:

``balances``    player, currency, amounts and the balance before the round are equal;
``attributes``  the same without the balance: whom a surplus row belongs to may stay ambiguous;
``place``       player, currency and the balance before are equal, and one of the amounts: the
                same round told with another amount. Only where nothing else shares the place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reconcile.matching.assignment import assign
from reconcile.matching.unmatched import Ties, UnmatchedRows
from reconcile.snapshot.arrays import Amounts, Flags, Places, changes
from reconcile.snapshot.rules import Rules

BALANCES = "balances"
ATTRIBUTES = "attributes"
PLACE = "place"
#: The tie of a row left over of which nobody can say whether it is the one left over.
AMBIGUOUS = "ambiguous"


def by_balances(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Tie rows equal in player, currency, amounts and balance before the round."""
    likeness = (rows.stake, rows.payout, rows.before)
    alike = _alike(rows, free & rows.told, likeness, rules)
    return _assigned(rows, alike, rules)


def by_attributes(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Tie rows equal in player, currency and amounts."""
    return _assigned(rows, _alike(rows, free, (rows.stake, rows.payout), rules), rules)


def by_place(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Tie rows alone at one place of the balance chain that share one of the amounts."""
    alike = _alike(rows, free & rows.told, (rows.before,), rules)
    first, second = _alone(rows, alike, rules)
    same = rows.stake[first] == rows.stake[second]
    same |= rows.payout[first] == rows.payout[second]
    return Ties(first=first[same], second=second[same])


@dataclass(frozen=True, slots=True)
class _Alike:
    """Rows gathered where they are alike, ours first, each side in order of time.

    Attributes:
        order: places of the rows.
        starts: where in ``order`` each gathering begins.
        mine, yours: how many rows of either side each has.
    """

    order: Places
    starts: Places
    mine: Places
    yours: Places


def _alike(rows: UnmatchedRows, free: Flags, told: tuple[Amounts, ...], rules: Rules) -> _Alike:
    # A line told twice is a finding of its own, and two players cannot be one.
    places = np.flatnonzero(free & rows.plain & rows.single)
    likeness = [each[places] for each in (*told, rows.who)]
    in_time = np.lexsort((rows.at[places], *likeness))
    # Alike and on another day is no likeness: no pass ties across such a pause.
    begins = changes(*(each[in_time] for each in likeness))
    begins[1:] |= np.diff(rows.at[places[in_time]]) > rules.within_us
    number = np.cumsum(begins)
    order = places[in_time]
    order = order[np.lexsort((~rows.ours[order], number))]
    starts = np.flatnonzero(begins)
    mine = np.add.reduceat(rows.ours[order].astype(np.intp), starts)
    return _Alike(order, starts, mine, np.diff(np.append(starts, len(order))) - mine)


def _alone(rows: UnmatchedRows, alike: _Alike, rules: Rules) -> tuple[Places, Places]:
    """Rows that are the only ones of their side that are alike, and near enough."""
    at = alike.starts[(alike.mine == 1) & (alike.yours == 1)]
    first, second = alike.order[at], alike.order[np.minimum(at + 1, len(alike.order) - 1)]
    near = np.abs(rows.at[first] - rows.at[second]) <= rules.within_us
    return first[near], second[near]


def _assigned(rows: UnmatchedRows, alike: _Alike, rules: Rules) -> Ties:
    """The best assignment over everything alike."""
    first, second = _alone(rows, alike, rules)
    crowds = list(_crowds(rows, alike, rules))
    unsure = [each.unsure for each in crowds]
    return Ties(
        first=np.concatenate([first, *(each.first for each in crowds)]),
        second=np.concatenate([second, *(each.second for each in crowds)]),
        unsure=np.concatenate([np.zeros(0, dtype=np.intp), *unsure]),
    )


def _crowds(rows: UnmatchedRows, alike: _Alike, rules: Rules) -> Iterator[Ties]:
    many = (alike.mine > 0) & (alike.yours > 0) & (alike.mine + alike.yours > 2)
    for number in np.flatnonzero(many):
        start, middle = alike.starts[number], alike.starts[number] + alike.mine[number]
        ours = alike.order[start:middle]
        theirs = alike.order[middle : middle + alike.yours[number]]
        found = assign(
            rows.at[ours], rows.at[theirs], within=rules.within_us, clear_by=rules.clear_by_us
        )
        unsure = np.concatenate([ours[found.unsure_first], theirs[found.unsure_second]])
        yield Ties(first=ours[found.first], second=theirs[found.second], unsure=unsure)
