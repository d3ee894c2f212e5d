"""Edge rows: rows outside the window that take part in matching by attributes.

An edge row counts in the result only if it is matched with a row of the window; the
neighbouring window then reports it too, like a round that straddles the edge by name. Edge rows
that are matched among themselves, or stay unmatched, do not concern this window.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reconcile.matching.classify import in_other_currency
from reconcile.matching.conservation import NO_ROWS, Identity, identity_of
from reconcile.matching.rounds import fold, pair
from reconcile.snapshot.arrays import (
    Flags,
    arrow_text,
    integers,
    microseconds,
    present,
    texts,
)
from reconcile.snapshot.columns import Columns, Rows
from reconcile.snapshot.frames import RECORDS, Keys, RecordSides


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAndEdge:
    """RECORDS columns of either side: of rounds of the window, and of edge rounds."""

    ours: Columns
    theirs: Columns
    ours_edge: Columns
    theirs_edge: Columns


def split_at_window(records: RecordSides, residual: Keys) -> WindowAndEdge:
    """Separate the records of rounds of the window from those of edge rounds.

    A round belongs to the window if any record of either side lies in it. Rounds of the window
    are kept only if their key is in ``residual``: others merely share a key with an edge row
    and were already matched.
    """
    ours, theirs = RECORDS.check(records.ours), RECORDS.check(records.theirs)
    if all(side["inside"].all() for side in (ours, theirs)):
        none = slice(0)
        return WindowAndEdge(
            ours=ours, theirs=theirs, ours_edge=ours.slice(none), theirs_edge=theirs.slice(none)
        )
    window_rounds: set[str] = set().union(
        *(texts(side["round_id"])[side["inside"]] for side in (ours, theirs))
    )
    ours_in, theirs_in = (side["round_id"].isin(list(window_rounds)) for side in (ours, theirs))
    ours_left, theirs_left = (np.isin(side["match_key"], residual) for side in (ours, theirs))
    return WindowAndEdge(
        ours=ours.where(ours_in & ours_left),
        theirs=theirs.where(theirs_in & theirs_left),
        ours_edge=ours.where(~ours_in),
        theirs_edge=theirs.where(~theirs_in),
    )


def unmatched_edge_rows(records: WindowAndEdge) -> pd.DataFrame:
    """Return the edge rounds that no round id matches, as PAIRS rows."""
    ours = fold(records.ours_edge, edge=True, nets=True)
    pairs = pair(ours, fold(records.theirs_edge, edge=True))
    one_sided = texts(pairs["side"]) != "both"
    return pairs.where(one_sided & ~in_other_currency(pairs)).frame()


def edge_identity(edge_rows: Rows, side: str) -> Identity:
    """Hash the edge rows of one side and their contents, whatever their order."""
    if not len(edge_rows):
        return NO_ROWS
    columns = Columns.of(edge_rows)
    rows = columns.where(present(columns[f"records_{side}"]))
    names = ("round_id", "currency", f"player_{side}")
    hashes = [pd.util.hash_array(texts(rows[name])) for name in names]
    amounts = [
        integers(rows[f"{name}_{side}"]) for name in ("stake", "payout", "balance_before")
    ]
    began = microseconds(rows[f"began_{side}"])
    return identity_of([*hashes, *(values.view(np.uint64) for values in (*amounts, began))])


def window_rows(tied: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the window and the edge rows that are matched with one of them."""
    in_window = has_side(tied, "ours", edge=False) | has_side(tied, "theirs", edge=False)
    if in_window.all():
        return tied
    groups, currencies = (
        arrow_text(tied[name]).dictionary_encode().indices.to_numpy().astype(np.int64)
        for name in ("group", "currency")
    )
    number = groups * (int(currencies.max(initial=0)) + 1) + currencies
    grouped = tied["group"].to_numpy(dtype=object) != ""
    joined: Flags = in_window | (grouped & np.isin(number, number[in_window & grouped]))
    return tied[joined]


def has_side(pairs: Rows, side: str, *, edge: bool) -> Flags:
    """Flag the rows with a record of one side, outside the window (``edge``) or in it."""
    outside: Flags = integers(pairs[f"edge_{side}"]) != 0
    flags: Flags = present(pairs[f"records_{side}"]) & (outside == edge)
    return flags


def rounds_across_edge(pairs: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of all rounds in rows with an edge record, sorted."""
    across = has_side(pairs, "ours", edge=True) | has_side(pairs, "theirs", edge=True)
    rows = pairs[across]
    names = {str(name) for column in ("round_id", "alias") for name in rows[column]}
    return tuple(sorted(names - {""}))
