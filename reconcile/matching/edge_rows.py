"""Rows beyond the window: they take part in the passes, and are rows of it only by their ties.

What is tied to a row of the window is told here and in the neighbouring window alike, as rounds
are that straddle the edge by name. What is tied among itself beyond the edge, or stays alone
there, is none of this window's business.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reconcile.matching.classify import otherwise_told
from reconcile.matching.conservation import NOBODY, Identity, identity_of
from reconcile.matching.rounds import fold, pair
from reconcile.snapshot.arrays import Flags, instants, known, numbers, words
from reconcile.snapshot.frames import RECORDS, Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRecords:
    """Full records of either side: of rounds of the window, and of rounds beyond it."""

    ours: pd.DataFrame
    theirs: pd.DataFrame
    ours_beyond: pd.DataFrame
    theirs_beyond: pd.DataFrame


def parted(ours: pd.DataFrame, theirs: pd.DataFrame, wanted: Keys) -> EdgeRecords:
    """Records as they were fetched, those of the window apart from those beyond it.

    A round belongs to the window by any record of either side. Of those, only rounds with
    ``wanted`` keys are kept: what else shares a key with a row beyond was settled by name.
    """
    RECORDS.check(ours)
    RECORDS.check(theirs)
    if all(side["inside"].all() for side in (ours, theirs)):
        return EdgeRecords(
            ours=ours, theirs=theirs, ours_beyond=ours[:0], theirs_beyond=theirs[:0]
        )
    told = set().union(*(side["round_id"][side["inside"]] for side in (ours, theirs)))
    here = [side["round_id"].isin(told).to_numpy(dtype=bool) for side in (ours, theirs)]
    asked = [np.isin(side["match_key"].to_numpy(), wanted) for side in (ours, theirs)]
    return EdgeRecords(
        ours=ours[here[0] & asked[0]],
        theirs=theirs[here[1] & asked[1]],
        ours_beyond=ours[~here[0]],
        theirs_beyond=theirs[~here[1]],
    )


def loose_beyond(read: EdgeRecords) -> pd.DataFrame:
    """PAIRS rows of the rounds beyond the window that no name ties."""
    views = [fold(side, beyond=True) for side in (read.ours_beyond, read.theirs_beyond)]
    pairs = pair(*views)
    alone = pairs["side"].to_numpy(dtype=object) != "both"
    loose: pd.DataFrame = pairs[alone & ~otherwise_told(pairs)]
    return loose


def identity_beyond(loose: pd.DataFrame, side: str) -> Identity:
    """Which rows of a side stand beyond the window, and what they say, in any order."""
    if not len(loose):
        return NOBODY
    rows = loose[known(loose[f"records_{side}"])]
    names = ("round_id", "currency", f"player_{side}")
    texts = [pd.util.hash_array(rows[name].to_numpy(dtype=object)) for name in names]
    told = [numbers(rows[f"{name}_{side}"]) for name in ("stake", "payout", "balance_before")]
    at = instants(rows[f"began_{side}"])
    return identity_of([*texts, *(each.view(np.uint64) for each in (*told, at))])


def of_the_window(tied: pd.DataFrame) -> pd.DataFrame:
    """The rows of the window, and whatever beyond it is tied to one of them."""
    here = legs(tied, "ours", beyond=False) | legs(tied, "theirs", beyond=False)
    if here.all():
        return tied
    names = (
        words(tied["group"]).dictionary_encode(),
        words(tied["currency"]).dictionary_encode(),
    )
    groups, codes = (each.indices.to_numpy().astype(np.int64) for each in names)
    number = groups * (int(codes.max(initial=0)) + 1) + codes
    grouped = tied["group"].to_numpy(dtype=object) != ""
    joined: Flags = here | (grouped & np.isin(number, number[here & grouped]))
    return tied[joined]


def legs(pairs: pd.DataFrame, side: str, *, beyond: bool) -> Flags:
    """Where that side tells of a row, beyond the window or of it."""
    out: Flags = numbers(pairs[f"beyond_{side}"]) != 0
    found: Flags = known(pairs[f"records_{side}"]) & (out == beyond)
    return found


def reached(pairs: pd.DataFrame) -> tuple[str, ...]:
    """The names of all rounds in rows with a leg beyond the window; sorted."""
    out = legs(pairs, "ours", beyond=True) | legs(pairs, "theirs", beyond=True)
    rows = pairs[out]
    names = {str(name) for column in ("round_id", "alias") for name in rows[column]}
    return tuple(sorted(names - {""}))
