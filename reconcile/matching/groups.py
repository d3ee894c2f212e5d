"""The pass that matches one row with several rows of the other side: 1:N and N:1.

A provider may report several of our rounds in one line, or one of our rounds in several lines.
Rows of one (player, currency) match one row of the other side if they are consecutive, lie
within the rules' span of it, and add up to its stake and payout exactly. They match only if no
other such group claims any of the rows; otherwise all of them stay unmatched.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from reconcile.matching.unmatched import Ties, UnmatchedRows
from reconcile.snapshot.arrays import Flags, Positions
from reconcile.snapshot.rules import Rules

#: The tie of rows that together stand for one row of the other side.
GROUP = "group"

#: Positions of one row, followed by those of the rows of the other side that add up to it.
_Claim: TypeAlias = tuple[int, ...]
#: Player and currency, stake, payout.
_Sums: TypeAlias = tuple[int, int, int]

_NO_ROWS: Positions = np.zeros(0, dtype=np.intp)


def by_sums(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Match single rows with groups of consecutive rows that add up to them."""
    eligible = np.flatnonzero(free & rows.no_repeats)
    order = eligible[np.lexsort((rows.began_us[eligible], rows.player_currency[eligible]))]
    ours, theirs = order[rows.ours[order]], order[~rows.ours[order]]
    claims = [*_claims(rows, ours, theirs, rules), *_claims(rows, theirs, ours, rules)]
    return Ties(first=_NO_ROWS, second=_NO_ROWS, groups=_undisputed(claims))


def _claims(
    rows: UnmatchedRows, singles: Positions, members: Positions, rules: Rules
) -> Iterator[_Claim]:
    """Yield every single row with every run of consecutive members that adds up to it."""
    by_sums: dict[_Sums, list[int]] = {}
    columns = (rows.player_currency[singles], rows.stake[singles], rows.payout[singles])
    sums_of_singles: Iterator[_Sums] = zip(*(c.tolist() for c in columns), strict=True)
    for single, sums in zip(singles.tolist(), sums_of_singles, strict=True):
        by_sums.setdefault(sums, []).append(single)
    for length in range(2, min(rules.group_max, len(members)) + 1):
        for start, sums in enumerate(_run_sums(rows, members, length)):
            for single in by_sums.get(sums, []):
                run = members[start : start + length]
                if _stands_for(rows, single, run, rules):
                    yield (single, *run.tolist())


def _run_sums(rows: UnmatchedRows, members: Positions, length: int) -> Iterator[_Sums]:
    """Yield first player and sums of the run of ``length`` members at every start."""
    totals = []
    for amounts in (rows.stake[members], rows.payout[members]):
        cumulative = np.concatenate([[0], np.cumsum(amounts)])
        totals.append((cumulative[length:] - cumulative[:-length]).tolist())
    players = rows.player_currency[members][: 1 - length].tolist()
    return zip(players, *totals, strict=True)


def _stands_for(rows: UnmatchedRows, single: int, run: Positions, rules: Rules) -> bool:
    """Check that a run has one player, is near, and starts at the same balance, if known."""
    same_player = bool((rows.player_currency[run] == rows.player_currency[single]).all())
    distances = np.abs(rows.began_us[run] - rows.began_us[single])
    near = bool((distances <= rules.within_us).all())
    first = int(run[0])
    comparable = bool(rows.has_before[single] and rows.has_before[first])
    same_before = bool(rows.before[single] == rows.before[first])
    return same_player and near and (not comparable or same_before)


def _undisputed(claims: list[_Claim]) -> tuple[_Claim, ...]:
    """Return the claims whose rows appear in no other claim."""
    counts = Counter(position for claim in claims for position in claim)
    return tuple(claim for claim in claims if all(counts[position] == 1 for position in claim))
