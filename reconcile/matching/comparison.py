"""The result of a comparison: its parts, and how they add up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.matching.classify import classify
from reconcile.matching.conservation import SideProof, currency_codes, prove, tally_codes
from reconcile.matching.spelling import pair_spellings
from reconcile.snapshot.arrays import Positions, arrow_text, sort_order
from reconcile.snapshot.columns import Columns, Rows
from reconcile.snapshot.frames import PAIRS, RESIDUALS, SINGLES
from reconcile.snapshot.rules import MatchContext


@cache
def no_pairs() -> pd.DataFrame:
    """Return the PAIRS frame without rows; nobody changes it."""
    return PAIRS.empty()


@cache
def no_singles() -> pd.DataFrame:
    """Return the SINGLES frame without rows; nobody changes it."""
    return SINGLES.empty()


@cache
def no_residuals() -> pd.DataFrame:
    """Return the RESIDUALS frame without rows; nobody changes it."""
    return RESIDUALS.empty()


@cache
def _no_breaks() -> Columns:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return classify(no_pairs(), MatchContext(now=epoch, maturity=timedelta(0))).break_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison, or of one part of it.

    Attributes:
        ours, theirs: the rows of either side by bucket; all parts together are a proof.
        break_rows: see ``Classified.break_rows``.
        unmatched: of a part, PAIRS rows that the passes by attributes have yet to look at.
        singles: of a part, SINGLES rows that they have yet to look at.
        tied: PAIRS rows with both sides that those passes matched, but for single rows.
        residual_rows: RESIDUALS rows: differences that the tolerance accepted.
        edge_rounds: names of reported rounds that have a record outside the window.
    """

    ours: SideProof
    theirs: SideProof
    break_rows: Columns = field(default_factory=_no_breaks)
    unmatched: pd.DataFrame = field(default_factory=no_pairs)
    singles: pd.DataFrame = field(default_factory=no_singles)
    tied: pd.DataFrame = field(default_factory=no_pairs)
    residual_rows: pd.DataFrame = field(default_factory=no_residuals)
    edge_rounds: tuple[str, ...] = ()

    @property
    def breaks(self) -> pd.DataFrame:
        """The rows that break as a frame."""
        return self.break_rows.frame()

    @property
    def residuals(self) -> Mapping[str, int]:
        """The accepted differences by currency, in minor units; none of them is zero."""
        codes, names = currency_codes(self.residual_rows["currency"])
        minor = self.residual_rows["minor"].to_numpy()
        if not len(minor):
            return {}
        sums = tally_codes(codes, names, np.zeros_like(minor), minor)
        return {code: total for code, _, total in sorted(sums.totals) if total}


def merge(parts: Sequence[Comparison]) -> Comparison:
    """Combine all parts of a comparison, in whatever order they come.

    Raises:
        Contradiction: the buckets do not add up to the rows.
    """
    joined = joined_parts(parts)
    return replace(
        joined,
        ours=prove("ours", joined.ours),
        theirs=prove("theirs", joined.theirs),
        break_rows=pair_spellings(joined.break_rows),
    )


def joined_parts(parts: Sequence[Comparison]) -> Comparison:
    """Add up some parts of a comparison."""
    by_round = ["round_id", "currency"]
    return Comparison(
        ours=_sum(part.ours for part in parts),
        theirs=_sum(part.theirs for part in parts),
        break_rows=_ordered_columns([part.break_rows for part in parts], [*by_round, "kind"]),
        tied=_ordered([part.tied for part in parts], by_round),
        residual_rows=RESIDUALS.check(
            _ordered([part.residual_rows for part in parts], by_round)
        ),
        edge_rounds=tuple(sorted({name for part in parts for name in part.edge_rounds})),
    )


def _sum(proofs: Iterable[SideProof]) -> SideProof:
    first, *others = proofs
    return sum(others, first)


def _ordered(frames: list[pd.DataFrame], by: list[str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    combined = filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)
    if not len(combined) and isinstance(combined.index, pd.RangeIndex):
        return combined
    return combined.take(_order(combined, by)).reset_index(drop=True)


def _ordered_columns(parts: list[Columns], by: list[str]) -> Columns:
    filled = [rows for rows in parts if len(rows)] or parts[:1]
    if len(filled) > 1:
        frame = pd.concat([rows.frame() for rows in filled], ignore_index=True)
        filled = [Columns.of(frame)]
    (combined,) = filled
    return combined if len(combined) < 2 else combined.take(_order(combined, by))


def _order(rows: Rows, by: list[str]) -> Positions:
    return sort_order(pa.table({name: arrow_text(rows[name]) for name in by}))
