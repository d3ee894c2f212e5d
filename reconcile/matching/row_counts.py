"""Count the rows of each side by the bucket they ended in, for the proof of conservation."""

from collections.abc import Sequence
from dataclasses import dataclass

from breaks.kinds import Bucket
from reconcile.matching.classify import Classified
from reconcile.matching.conservation import (
    EMPTY,
    Identity,
    SideProof,
    Tally,
    currency_codes,
    identity,
    tally,
    tally_codes,
    tally_sums,
)
from reconcile.matching.edge_rows import edge_identity, has_side
from reconcile.snapshot.arrays import Amounts, Flags, integers, present
from reconcile.snapshot.columns import Columns, Rows, array_of
from vocabulary.errors import Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRows:
    """One side's key rows, counted as they were read, before any pass."""

    tally: Tally
    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """One side on its way from key rows to buckets.

    Attributes:
        source: the key rows that were read.
        left: those of them that the exact pass left and that are read in full.
        singles: those that it left for the passes by attributes, without full rows.
        records: the full rows.
    """

    name: str
    source: SourceRows
    left: Tally
    singles: Tally
    records: Rows


def source_of(keys: Rows) -> SourceRows:
    """Count the rows of a KEYS frame."""
    return SourceRows(tally=tally(keys), identity=identity(keys))


def prove_all_matched(name: str, source: SourceRows, matched: Tally) -> SideProof:
    """Return the proof of a side whose rows all agree.

    Raises:
        Contradiction: the exact pass matched other rows than were read.
    """
    check_exact_pass(name, source.tally, matched)
    return SideProof(source=source.tally, matched=matched, identity=source.identity)


def count_range(
    side: SideRows,
    view: Columns,
    matched: Tally,
    classified: Classified,
    edge_rows: Rows,
) -> SideProof:
    """Return the proof of a key range, except for rows that are counted by player later.

    Args:
        side: what was read of the window.
        view: its full records, folded.
        matched: the rows that the exact pass matched.
        classified: the rows that were settled by round id.
        edge_rows: edge rows that go on to the passes by attributes.

    Raises:
        Contradiction: the full rows do not add up to their key rows, or the exact pass did not
            conserve the key rows.
    """
    in_window, outside = _tally_standing(side.records)
    if in_window != side.left:
        raise Contradiction(f"the full rows of {side.name} differ from the rows first read")
    check_exact_pass(side.name, side.source.tally, matched + side.left + side.singles)
    stake, payout = _with_repeats(view)
    folded = Tally(len(side.records), tally_sums(view["currency"], stake, payout).totals)
    buckets = _tally_buckets(side.name, classified)
    return SideProof(
        source=side.source.tally,
        outside=outside,
        undone=in_window + outside - folded,
        folded=len(side.records) - len(view),
        matched=matched + buckets[Bucket.MATCHED],
        timing=buckets[Bucket.TIMING],
        breaks=buckets[Bucket.BREAK],
        excluded=buckets[Bucket.EXCLUDED],
        identity=side.source.identity,
        edge=edge_identity(edge_rows, side.name),
    )


def check_exact_pass(name: str, source: Tally, matched_and_left: Tally) -> None:
    """Check that the exact pass conserved the rows of a side.

    Raises:
        Contradiction: it did not.
    """
    if source != matched_and_left:
        raise Contradiction(f"the exact pass does not conserve {name}")


def count_players(side: str, classified: Classified) -> SideProof:
    """Return the buckets of rows that were read and folded elsewhere.

    Edge rows count, as they were folded, only if they are among the classified rows.
    """
    buckets = _tally_buckets(side, classified)
    pairs = classified.pairs
    (outside,) = _tallies(side, pairs, [has_side(pairs, side, edge=True)])
    return SideProof(
        outside=outside,
        matched=buckets[Bucket.MATCHED],
        timing=buckets[Bucket.TIMING],
        breaks=buckets[Bucket.BREAK],
        excluded=buckets[Bucket.EXCLUDED],
    )


def _tally_standing(records: Rows) -> tuple[Tally, Tally]:
    """Tally the records in the window and those outside; rolled back amounts count as zero."""
    codes, names = currency_codes(records["currency"])
    standing = ~array_of(records["rolled_back"])
    columns = [array_of(records[name]) * standing for name in ("stake", "payout")]
    inside = array_of(records["inside"])
    in_window, outside = (
        tally_codes(codes[rows], names, *(amounts[rows] for amounts in columns))
        for rows in (inside, ~inside)
    )
    return in_window, outside


def _with_repeats(view: Columns, suffix: str = "") -> list[Amounts]:
    """Return stake and payout of a view, repeated lines included."""
    return [
        integers(view[f"{name}{suffix}"]) + integers(view[f"extra_{name}{suffix}"])
        for name in ("stake", "payout")
    ]


def _tally_buckets(side: str, classified: Classified) -> dict[Bucket, Tally]:
    pairs = classified.pairs
    side_present = present(pairs[f"records_{side}"])
    selections = [side_present & (classified.bucket == number) for number in range(len(Bucket))]
    buckets = dict(zip(Bucket, _tallies(side, pairs, selections), strict=True))
    assert sum(figures.rows for figures in buckets.values()) == int(side_present.sum())
    return buckets


def _tallies(side: str, pairs: Columns, selections: Sequence[Flags]) -> list[Tally]:
    """Tally one side of some selections of rows."""
    codes, names = currency_codes(pairs["currency"])
    stake, payout = _with_repeats(pairs, f"_{side}")
    return [
        tally_codes(codes[rows], names, stake[rows], payout[rows]) if rows.any() else EMPTY
        for rows in selections
    ]
