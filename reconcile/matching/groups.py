"""The pass that matches one row with several rows of the other side: 1:N and N:1.

A provider may report several of our rounds in one line, or one of our rounds in several lines.
Rows of one (player, currency) match one row of the other side if they are consecutive, lie
within the rules' span of it, and add up to its stake and payout exactly. They match only if no
other such group claims any of the rows; otherwise all of them stay unmatched.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reconcile.matching.unmatched import Ties, UnmatchedRows
from reconcile.snapshot.arrays import Amounts, Flags, Positions
from reconcile.snapshot.hashing import mixed
from reconcile.snapshot.rules import Rules

#: The tie of rows that together stand for one row of the other side.
GROUP = "group"

_NO_ROWS: Positions = np.zeros(0, dtype=np.intp)
#: The low bits of a hash by which most runs are seen to add up to no row.
_FILTER_BITS = 24


@dataclass(frozen=True, slots=True)
class _Claims:
    """Single rows, and for each a run of rows of the other side that adds up to it.

    Attributes:
        singles: positions of the single rows.
        runs: positions of the rows of each run, one line per single row.
    """

    singles: Positions
    runs: Positions


def by_sums(rows: UnmatchedRows, free: Flags, rules: Rules) -> Ties:
    """Match single rows with groups of consecutive rows that add up to them."""
    eligible = np.flatnonzero(free & rows.no_repeats)
    order = eligible[np.lexsort((rows.began_us[eligible], rows.player_currency[eligible]))]
    ours, theirs = order[rows.ours[order]], order[~rows.ours[order]]
    claims = [*_claims(rows, ours, theirs, rules), *_claims(rows, theirs, ours, rules)]
    return Ties(first=_NO_ROWS, second=_NO_ROWS, groups=tuple(_undisputed(rows, claims)))


def _claims(
    rows: UnmatchedRows, singles: Positions, members: Positions, rules: Rules
) -> Iterator[_Claims]:
    """Yield, by length, every single row with every run of members that adds up to it."""
    if not len(singles):
        return
    sums = _Sums(rows, singles)
    totals = [
        np.concatenate([[0], np.cumsum(amounts[members])])
        for amounts in (rows.stake, rows.payout)
    ]
    for length in range(2, min(rules.group_max, len(members)) + 1):
        first, last = members[: 1 - length], members[length - 1 :]
        starts = np.flatnonzero(
            (rows.player_currency[first] == rows.player_currency[last])
            & (rows.began_us[last] - rows.began_us[first] <= 2 * rules.within_us)
        )
        stake, payout = (total[starts + length] - total[starts] for total in totals)
        run_indexes, counterparts = sums.equal_to(
            rows.player_currency[members[starts]], stake, payout
        )
        runs = members[starts[run_indexes][:, None] + np.arange(length)]
        stand = _stand_for(rows, counterparts, runs, rules)
        yield _Claims(counterparts[stand], runs[stand])


class _Sums:
    """Finds the single rows of a player and currency by their stake and payout."""

    def __init__(self, rows: UnmatchedRows, singles: Positions) -> None:
        self._rows = rows
        hashes = mixed(rows.player_currency[singles], rows.stake[singles], rows.payout[singles])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._singles = hashes[order], singles[order]
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)
        self._filter[_low_bits(hashes)] = True

    def equal_to(
        self, owners: Amounts, stake: Amounts, payout: Amounts
    ) -> tuple[Positions, Positions]:
        """Return pairs: the position of a sum, and of a single row that equals it."""
        hashes = mixed(owners, stake, payout)
        maybe = np.flatnonzero(self._filter[_low_bits(hashes)])
        start, end = (
            np.searchsorted(self._hashes, hashes[maybe], side) for side in ("left", "right")
        )
        counts = end - start
        at = np.repeat(maybe, counts)
        within = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
        singles = self._singles[np.repeat(start, counts) + within]
        rows = self._rows
        equal = (
            (rows.player_currency[singles] == owners[at])
            & (rows.stake[singles] == stake[at])
            & (rows.payout[singles] == payout[at])
        )
        return at[equal], singles[equal]


def _low_bits(hashes: Amounts) -> Positions:
    return (hashes & ((1 << _FILTER_BITS) - 1)).astype(np.intp)


def _stand_for(rows: UnmatchedRows, singles: Positions, runs: Positions, rules: Rules) -> Flags:
    """Flag the runs that are near and start at the same balance, if known.

    A run is in the order of time, so its ends are its furthest rows.
    """
    first, last = runs[:, 0], runs[:, -1]
    near = np.ones(len(singles), dtype=bool)
    for end in (first, last):
        near &= np.abs(rows.began_us[end] - rows.began_us[singles]) <= rules.within_us
    comparable = rows.has_before[singles] & rows.has_before[first]
    stand: Flags = near & (~comparable | (rows.before[singles] == rows.before[first]))
    return stand


def _undisputed(rows: UnmatchedRows, claims: list[_Claims]) -> Iterator[tuple[int, ...]]:
    """Yield the claims whose rows appear in no other claim: the single row, then its run."""
    counts = np.zeros(len(rows.ours), dtype=np.intp)
    for claim in claims:
        np.add.at(counts, claim.singles, 1)
        np.add.at(counts, claim.runs.ravel(), 1)
    for claim in claims:
        alone = (counts[claim.singles] == 1) & (counts[claim.runs] == 1).all(axis=1)
        groups = np.column_stack([claim.singles[alone], claim.runs[alone]])
        yield from map(tuple, groups.tolist())
