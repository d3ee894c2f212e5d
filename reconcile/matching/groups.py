"""The pass for one row that stands for several: 1:N and N:1.

A provider may tell in one line what reached us as several rounds, or the reverse. Rows of one
(player, currency), which is this pass's partition, answer for one row of the other side when
they follow each other without a gap, lie within the rules' span of it, and add up to it exactly
in stake and in payout. Only where exactly one such run exists and nobody else could claim a row
of it; everything else is left.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from reconcile.matching.unmatched import Ties, UnmatchedRows
from reconcile.snapshot.arrays import Flags, Places
from reconcile.snapshot.rules import Rules

#: The tie of rows that together stand for one row of the other side.
GROUP = "group"

#: Places of one row, and of the run of rows of the other side that add up to it.
_Claim: TypeAlias = tuple[int, ...]
_Sums: TypeAlias = tuple[int, int, int]

_NOWHERE: Places = np.zeros(0, dtype=np.intp)


def by_sums(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Tie rows with the runs of rows that add up to them; see the module."""
    places = np.flatnonzero(free & rows.plain)
    order = places[np.lexsort((rows.at[places], rows.who[places]))]
    mine, yours = order[rows.ours[order]], order[~rows.ours[order]]
    claims = [*_claims(rows, mine, yours, rules), *_claims(rows, yours, mine, rules)]
    return Ties(first=_NOWHERE, second=_NOWHERE, runs=_undisputed(claims))


def _claims(rows: UnmatchedRows, ones: Places, many: Places, rules: Rules) -> Iterator[_Claim]:
    """Every row of ``ones`` with every run of ``many`` that adds up to it."""
    wanted: dict[_Sums, list[int]] = {}
    named = (rows.who[ones], rows.stake[ones], rows.payout[ones])
    asked: Iterator[_Sums] = zip(*(each.tolist() for each in named), strict=True)
    for one, sums in zip(ones.tolist(), asked, strict=True):
        wanted.setdefault(sums, []).append(one)
    for length in range(2, min(rules.group_max, len(many)) + 1):
        for start, sums in enumerate(_sums(rows, many, length)):
            for one in wanted.get(sums, []):
                run = many[start : start + length]
                if _stands_for(rows, one, run, rules):
                    yield (one, *run.tolist())


def _sums(rows: UnmatchedRows, many: Places, length: int) -> Iterator[_Sums]:
    """Whose each run of that length is, and what it comes to; one per place it can begin at."""
    told = []
    for each in (rows.stake[many], rows.payout[many]):
        until = np.concatenate([[0], np.cumsum(each)])
        told.append((until[length:] - until[:-length]).tolist())
    return zip(rows.who[many][: 1 - length].tolist(), *told, strict=True)


def _stands_for(rows: UnmatchedRows, one: int, run: Places, rules: Rules) -> bool:
    """Whether a run that adds up is of one player, near, and begins at the same balance."""
    same = bool((rows.who[run] == rows.who[one]).all())
    near = bool((np.abs(rows.at[run] - rows.at[one]) <= rules.within_us).all())
    first = int(run[0])
    both = bool(rows.told[one] and rows.told[first])
    return same and near and (not both or bool(rows.before[one] == rows.before[first]))


def _undisputed(claims: list[_Claim]) -> tuple[_Claim, ...]:
    """Claims of which no row appears in any other."""
    named = Counter(place for claim in claims for place in claim)
    return tuple(claim for claim in claims if all(named[place] == 1 for place in claim))
