"""From two books to verdicts: the passes in order, and the proof that they lost nothing.

Pure but for the fetching of full rows by key, which is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from reconcile.classify import Bucket, Classified, classify
from reconcile.conserve import NOTHING, SideProof, Tally, identity, prove, tally
from reconcile.frames import RECORDS
from reconcile.match import Keys, agree, fold, pair
from vocabulary.errors import Contradiction

#: Gives the full records of either side (ours, theirs) for keys, from any time.
Fetch = Callable[[Keys], tuple[pd.DataFrame, pd.DataFrame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both proofs, and the frame of breaks (see ``Classified.breaks``)."""

    ours: SideProof
    theirs: SideProof
    breaks: pd.DataFrame


def compare(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    *,
    suspect: Keys,
    fetch: Fetch,
    now: datetime,
    maturity: timedelta,
) -> Comparison:
    """Match, classify, and prove.

    ``ours`` and ``theirs`` are KEYS frames of the window, ordered by key, with equal
    categories; ``suspect`` are keys that must be looked at whole.

    Raises:
        Contradiction: the full rows do not add up to the key rows they belong to, or the
            buckets do not add up to the rows.
    """
    agreed = agree(ours, theirs, suspect=suspect)
    full_ours, full_theirs = _of_this_window(*fetch(agreed.residual))
    view_ours, view_theirs = fold(full_ours), fold(full_theirs)
    judged = classify(pair(view_ours, view_theirs), now=now, maturity=maturity)
    mine = _Side(name="ours", keys=ours, left=agreed.ours_remains, records=full_ours)
    yours = _Side(name="theirs", keys=theirs, left=agreed.theirs_remains, records=full_theirs)
    return Comparison(
        ours=_proof(mine, view_ours, agreed.matched, judged),
        theirs=_proof(yours, view_theirs, agreed.matched, judged),
        breaks=judged.breaks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side on its way: key rows, what the exact pass left of them, and that in full."""

    name: str
    keys: pd.DataFrame
    left: Tally
    records: pd.DataFrame


def _of_this_window(
    ours: pd.DataFrame, theirs: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Without rounds that only share a hash with one of the window."""
    RECORDS.check(ours)
    RECORDS.check(theirs)
    known = set(ours["round_id"][ours["inside"]]) | set(theirs["round_id"][theirs["inside"]])
    return ours[ours["round_id"].isin(known)], theirs[theirs["round_id"].isin(known)]


def _proof(side: _Side, view: pd.DataFrame, matched: Tally, judged: Classified) -> SideProof:
    standing = _standing(side.records)
    if tally(standing[standing["inside"]]) != side.left:
        raise Contradiction(f"the full rows of {side.name} differ from the rows first read")
    buckets = _buckets(side.name, judged.pairs)
    folded_totals = Tally(len(side.records), tally(_whole(view, "")).totals)
    return prove(
        side.name,
        SideProof(
            source=matched + side.left,
            outside=tally(standing[~standing["inside"]]),
            undone=tally(standing) - folded_totals,
            folded=len(side.records) - len(view),
            matched=matched + buckets[Bucket.MATCHED],
            timing=buckets[Bucket.TIMING],
            breaks=buckets[Bucket.BREAK],
            excluded=buckets[Bucket.EXCLUDED],
            identity=identity(side.keys),
        ),
    )


def _standing(records: pd.DataFrame) -> pd.DataFrame:
    """Records with the amounts of those that call themselves rolled back set to nothing."""
    stands = ~records["rolled_back"]
    return records.assign(
        stake=records["stake"].where(stands, 0), payout=records["payout"].where(stands, 0)
    )


def _whole(view: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Currency, stake and payout of a view, repeated lines included."""
    whole = {
        column: view[f"{column}{suffix}"] + view[f"extra_{column}{suffix}"]
        for column in ("stake", "payout")
    }
    return pd.DataFrame({"currency": view["currency"], **whole}).astype(
        {"stake": "int64", "payout": "int64"}
    )


def _buckets(side: str, pairs: pd.DataFrame) -> dict[Bucket, Tally]:
    present = pairs[pairs[f"records_{side}"].notna()]
    whole = _whole(present, f"_{side}")
    buckets = {bucket: tally(whole[present["bucket"] == bucket]) for bucket in Bucket}
    assert sum((entry.rows for entry in buckets.values()), NOTHING.rows) == len(present)
    return buckets
