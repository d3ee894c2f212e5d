"""Where every row ended, as the proof that none is lost: counted by side and bucket."""

from dataclasses import dataclass

import pandas as pd

from breaks.kinds import Bucket
from reconcile.matching.classify import Classified
from reconcile.matching.conservation import (
    Identity,
    SideProof,
    Tally,
    currency_codes,
    identity,
    tally,
    tally_codes,
    tally_sums,
)
from reconcile.matching.edge_rows import identity_beyond, legs
from reconcile.snapshot.arrays import Amounts, Flags, known, numbers
from vocabulary.errors import Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRows:
    """One side's key rows, counted as they were read and before any pass saw them."""

    tally: Tally
    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """One side on its way: key rows, what the exact pass left of them, and that in full."""

    name: str
    source: SourceRows
    left: Tally
    records: pd.DataFrame


def source_of(keys: pd.DataFrame) -> SourceRows:
    """What a KEYS frame holds."""
    return SourceRows(tally=tally(keys), identity=identity(keys))


def untouched(name: str, source: SourceRows, matched: Tally) -> SideProof:
    """The proof of a side that agrees in every row.

    Raises:
        Contradiction: the exact pass took other rows than were read.
    """
    conserved(name, source.tally, matched)
    return SideProof(source=source.tally, matched=matched, identity=source.identity)


def count_range(
    side: SideRows, view: pd.DataFrame, matched: Tally, judged: Classified, far: pd.DataFrame
) -> SideProof:
    """The proof of a range of keys, but for its rows that are counted by their players.

    Args:
        side: what was read of the window.
        view: its full records, folded.
        matched: what the exact pass took.
        judged: the rows that were settled by name.
        far: rows beyond the window that go on to the passes by attributes.

    Raises:
        Contradiction: the full rows do not add up to the key rows they belong to, or these not
            to what the exact pass took and left.
    """
    inside, outside = _standing(side.records)
    if inside != side.left:
        raise Contradiction(f"the full rows of {side.name} differ from the rows first read")
    conserved(side.name, side.source.tally, matched + side.left)
    stake, payout = _whole(view)
    folded = Tally(len(side.records), tally_sums(view["currency"], stake, payout).totals)
    buckets = _buckets(side.name, judged)
    return SideProof(
        source=side.source.tally,
        outside=outside,
        undone=inside + outside - folded,
        folded=len(side.records) - len(view),
        matched=matched + buckets[Bucket.MATCHED],
        timing=buckets[Bucket.TIMING],
        breaks=buckets[Bucket.BREAK],
        excluded=buckets[Bucket.EXCLUDED],
        identity=side.source.identity,
        beyond=identity_beyond(far, side.name),
    )


def conserved(name: str, source: Tally, passed: Tally) -> None:
    """Make sure that the exact pass took and left just what was read of a side.

    Raises:
        Contradiction: it did not.
    """
    if source != passed:
        raise Contradiction(f"the exact pass does not conserve {name}")


def count_players(side: str, judged: Classified) -> SideProof:
    """Rows that were read and folded elsewhere, in the bucket each ended in.

    Of the rows beyond the window, only those that are told here count: as they were folded.
    """
    buckets = _buckets(side, judged)
    return SideProof(
        outside=_tally(side, judged.pairs, legs(judged.pairs, side, beyond=True)),
        matched=buckets[Bucket.MATCHED],
        timing=buckets[Bucket.TIMING],
        breaks=buckets[Bucket.BREAK],
        excluded=buckets[Bucket.EXCLUDED],
    )


def _standing(records: pd.DataFrame) -> tuple[Tally, Tally]:
    """What the records of the window come to, and those beyond it.

    The amounts of those that call themselves rolled back count as nothing.
    """
    codes, names = currency_codes(records["currency"])
    stands = ~records["rolled_back"].to_numpy()
    amounts = [records[name].to_numpy() * stands for name in ("stake", "payout")]
    inside = records["inside"].to_numpy()
    within, beyond = (
        tally_codes(codes[rows], names, *(each[rows] for each in amounts))
        for rows in (inside, ~inside)
    )
    return within, beyond


def _whole(view: pd.DataFrame, suffix: str = "") -> list[Amounts]:
    """Stake and payout of a view, repeated lines included."""
    return [
        numbers(view[f"{name}{suffix}"]) + numbers(view[f"extra_{name}{suffix}"])
        for name in ("stake", "payout")
    ]


def _buckets(side: str, judged: Classified) -> dict[Bucket, Tally]:
    pairs = judged.pairs
    present = known(pairs[f"records_{side}"])
    buckets = {
        bucket: _tally(side, pairs, present & (judged.bucket == number))
        for number, bucket in enumerate(Bucket)
    }
    assert sum(entry.rows for entry in buckets.values()) == int(present.sum())
    return buckets


def _tally(side: str, pairs: pd.DataFrame, rows: Flags) -> Tally:
    """What a side's part of some rows comes to."""
    codes, names = currency_codes(pairs["currency"])
    whole = (each[rows] for each in _whole(pairs, f"_{side}"))
    return tally_codes(codes[rows], names, *whole)
