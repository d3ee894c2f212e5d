"""The first pass: rows of either side that are equal in everything, joined on sorted keys.

Only what agrees completely is taken; everything else is left, none of it lost. Its partition is
a range of ``match_key``: both sides of a round carry the same key, so ranges never meet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.matching.conservation import Tally, tally
from reconcile.snapshot.arrays import BLOCK, Places
from reconcile.snapshot.frames import KEYS, Keys

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the exact pass made of the keys.

    Attributes:
        pairs: keys of the rows that agree in amounts, currency and player, sorted.
        matched: their tally, taken of our rows; equal rows make it that of both sides.
        ours_left, theirs_left: every other row.
        ours_remains, theirs_remains: their tallies.
        residual: the keys of all rows left, sorted, each once.
    """

    pairs: Keys
    matched: Tally
    ours_left: pd.DataFrame
    theirs_left: pd.DataFrame
    ours_remains: Tally
    theirs_remains: Tally
    residual: Keys


def agree(ours: pd.DataFrame, theirs: pd.DataFrame, *, suspect: Keys) -> Agreement:
    """Pair rows that are equal in everything a key row holds; each row at most once.

    ``ours`` and ``theirs`` are KEYS frames ordered by ``match_key``, with the same currency
    categories. Keys in ``suspect`` are left to the closer look whatever they hold.
    """
    KEYS.check(ours)
    KEYS.check(theirs)
    suspects = _among(ours["match_key"].to_numpy(), _doubtful(ours, theirs, suspect))
    mine, yours = (np.zeros(len(side), dtype=bool) for side in (ours, theirs))
    for here, there in _stretches(ours, theirs):
        first, second = _equal(ours[here], theirs[there])
        sure = ~suspects[here][first]
        mine[here][first[sure]] = True
        yours[there][second[sure]] = True
    return _agreement(ours, theirs, mine, yours)


def _stretches(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple[slice, slice]]:
    """Both sides cut at the same keys, into what fits into a processor's cache."""
    keys, others = (side["match_key"].to_numpy() for side in (ours, theirs))
    bounds = keys[BLOCK::BLOCK]
    cuts = [np.searchsorted(side, bounds).tolist() for side in (keys, others)]
    for here, there in zip(*(pairwise([0, *cut, None]) for cut in cuts), strict=True):
        yield slice(*here), slice(*there)


def _equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[Places, Places]:
    """Places of the rows, by pairs, that have a key and everything else in common."""
    left, right = pd.Index(ours["match_key"]), pd.Index(theirs["match_key"])
    joined, at_left, at_right = left.join(right, how="inner", return_indexers=True)
    first = np.arange(len(joined)) if at_left is None else at_left
    second = np.arange(len(joined)) if at_right is None else at_right
    good = np.ones(len(joined), dtype=bool)
    for column in ("stake", "payout", "who"):
        good &= ours[column].to_numpy()[first] == theirs[column].to_numpy()[second]
    codes = ours["currency"].cat.codes.to_numpy()[first]
    good &= codes == theirs["currency"].cat.codes.to_numpy()[second]
    return first[good], second[good]


def _among(keys: Keys, few: Keys) -> Mask:
    """Which of many sorted keys are among a few sorted ones."""
    starts, ends = (np.searchsorted(keys, few, side) for side in ("left", "right"))
    found = starts < ends
    edges = np.zeros(len(keys) + 1, dtype=np.int8)
    edges[starts[found]] += 1
    edges[ends[found]] -= 1
    within: Mask = edges[:-1].cumsum(dtype=np.int8) > 0
    return within


def _doubtful(ours: pd.DataFrame, theirs: pd.DataFrame, suspect: Keys) -> Keys:
    """Keys where one row does not stand for one round: repeated, flagged or straddling."""
    found = [suspect]
    for side in (ours, theirs):
        keys = side["match_key"].to_numpy()
        found.append(keys[side["odd"].to_numpy()])
        found.append(keys[1:][keys[1:] == keys[:-1]])
    return np.unique(np.concatenate(found))


def _agreement(ours: pd.DataFrame, theirs: pd.DataFrame, mine: Mask, yours: Mask) -> Agreement:
    ours_left, theirs_left = ours[~mine], theirs[~yours]
    keys = [side["match_key"].to_numpy() for side in (ours_left, theirs_left)]
    return Agreement(
        pairs=ours["match_key"].to_numpy()[mine],
        matched=tally(ours, mine),
        ours_left=ours_left,
        theirs_left=theirs_left,
        ours_remains=tally(ours_left),
        theirs_remains=tally(theirs_left),
        residual=np.unique(np.concatenate(keys)),
    )
