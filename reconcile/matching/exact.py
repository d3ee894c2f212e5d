"""The first pass: match key rows that are equal in everything, by a join on sorted keys.

The pass takes only rows that agree completely and leaves all others. It can be split by ranges
of ``match_key``: both sides of a round have the same key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from reconcile.matching.conservation import Tally, tally
from reconcile.snapshot.arrays import BLOCK, Flags, Positions, merged
from reconcile.snapshot.columns import Columns, Rows
from reconcile.snapshot.frames import KEYS, Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactMatches:
    """The result of the exact pass.

    Attributes:
        matched: the tally of the matched rows; equal rows make it the same for both sides.
        ours_left, theirs_left: the tallies of all other rows.
        residual: the distinct keys of all other rows, sorted.
        our_matches, their_matches: flag the matched rows.
    """

    matched: Tally
    ours_left: Tally
    theirs_left: Tally
    residual: Keys
    our_matches: Flags
    their_matches: Flags


def match_exact(ours: Columns, theirs: Columns, *, suspect: Keys) -> ExactMatches:
    """Match rows that are equal in all columns of a key row, each row at most once.

    Args:
        ours: KEYS columns ordered by ``match_key``.
        theirs: the same of the provider, with the same currency categories.
        suspect: keys that are left for a full comparison whatever their rows hold.
    """
    doubtful = among(ours["match_key"], _doubtful_keys(ours, theirs, suspect))
    our_matches, their_matches = (np.zeros(len(side), dtype=bool) for side in (ours, theirs))
    for our_block, their_block in _blocks(ours, theirs):
        first, second = _equal_rows(ours.slice(our_block), theirs.slice(their_block))
        certain = ~doubtful[our_block][first]
        our_matches[our_block][first[certain]] = True
        their_matches[their_block][second[certain]] = True
    our_rest, their_rest = ours.where(~our_matches), theirs.where(~their_matches)
    rest_keys = [side["match_key"] for side in (our_rest, their_rest)]
    return ExactMatches(
        matched=tally(ours, our_matches),
        ours_left=tally(our_rest),
        theirs_left=tally(their_rest),
        residual=merged(*rest_keys),
        our_matches=our_matches,
        their_matches=their_matches,
    )


def key_columns(side: Rows) -> Columns:
    """Return the columns of a KEYS frame, or those of them that a longer frame has."""
    columns = Columns.of(side)
    return KEYS.check(Columns({name: columns[name] for name in KEYS.columns}))


def _blocks(ours: Columns, theirs: Columns) -> Iterator[tuple[slice, slice]]:
    """Cut both sides at the same keys, into blocks that fit into a processor's cache."""
    our_keys, their_keys = (side["match_key"] for side in (ours, theirs))
    bounds = our_keys[BLOCK::BLOCK]
    cuts = [np.searchsorted(keys, bounds).tolist() for keys in (our_keys, their_keys)]
    for our_cut, their_cut in zip(*(pairwise([0, *cut, None]) for cut in cuts), strict=True):
        yield slice(*our_cut), slice(*their_cut)


def _equal_rows(ours: Columns, theirs: Columns) -> tuple[Positions, Positions]:
    """Return the positions of rows that agree in key and all other columns, pair by pair."""
    left, right = pd.Index(ours["match_key"]), pd.Index(theirs["match_key"])
    joined, at_left, at_right = left.join(right, how="inner", return_indexers=True)
    first = np.arange(len(joined)) if at_left is None else at_left
    second = np.arange(len(joined)) if at_right is None else at_right
    equal = np.ones(len(joined), dtype=bool)
    for column in ("stake", "payout", "player_hash"):
        equal &= ours[column][first] == theirs[column][second]
    equal &= ours["currency"].codes[first] == theirs["currency"].codes[second]
    return first[equal], second[equal]


def among(keys: Keys, selected: Keys) -> Flags:
    """Flag which of many sorted keys are among a few sorted ones."""
    starts, ends = (np.searchsorted(keys, selected, side) for side in ("left", "right"))
    exists = starts < ends
    edges = np.zeros(len(keys) + 1, dtype=np.int8)
    edges[starts[exists]] += 1
    edges[ends[exists]] -= 1
    flags: Flags = edges[:-1].cumsum(dtype=np.int8) > 0
    return flags


def _doubtful_keys(ours: Columns, theirs: Columns, suspect: Keys) -> Keys:
    """Return the keys whose row may not be the whole round: repeated, odd or suspect."""
    doubtful = [suspect]
    for side in (ours, theirs):
        keys = side["match_key"]
        doubtful.append(keys[side["odd"]])
        doubtful.append(keys[1:][keys[1:] == keys[:-1]])
    return np.unique(np.concatenate(doubtful))
