"""Compare both sides: run the passes in order, classify all rows, and prove conservation.

The work has three steps, and the first two may be split in any way and run anywhere:

1. ``compare_range`` takes a range of match keys: it runs the exact pass and the pass by round
   id, and classifies the rows they settle. One-sided rows that a pass by attributes may still
   match stay ``unmatched``.
2. ``compare_players`` takes the unmatched rows of whole (player, currency) groups: it runs the
   passes by attributes and classifies the rows. Of rounds that only one side has under their
   id, it has only key rows with time and balance, and reads the few in full that are not
   matched one to one.
3. ``merge`` adds the parts up. Tallies add, breaks have a fixed order, and no pass matches
   across the split, so the result is byte for byte the same however the work was split. Only
   the breaks of rounds that either side spells its own way are joined here
   (``reconcile.matching.spelling``): their match keys differ.

This module is pure, except that it calls a given function to fetch full rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.matching.classify import Classified, classify, in_other_currency
from reconcile.matching.conservation import (
    SideProof,
    Tally,
    currency_codes,
    prove,
    tally_codes,
)
from reconcile.matching.edge_rows import (
    rounds_across_edge,
    split_at_window,
    unmatched_edge_rows,
    window_rows,
)
from reconcile.matching.exact import ExactMatches, match_exact
from reconcile.matching.passes import tie_by_attributes
from reconcile.matching.rounds import fold, pair
from reconcile.matching.row_counts import (
    SideRows,
    SourceRows,
    count_players,
    count_range,
    prove_all_matched,
    source_of,
)
from reconcile.matching.single_rows import (
    find_singles,
    hashes_of,
    tally_singles,
    tie_singles,
)
from reconcile.matching.spelling import pair_spellings
from reconcile.snapshot.arrays import Flags, arrow_text, sort_order
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import PAIR_NAME, PAIRS, RESIDUALS, SINGLES, Keys, Sides
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.row_reader import RowReader
from reconcile.snapshot.rules import MatchContext, Rules

#: Fetches the full records of both sides for some keys, from any time.
Fetch = Callable[[Keys], Sides]


@cache
def _no_pairs() -> pd.DataFrame:
    return PAIRS.empty()


@cache
def _no_singles() -> pd.DataFrame:
    return SINGLES.empty()


@cache
def _no_residuals() -> pd.DataFrame:
    return RESIDUALS.empty()


@cache
def _no_breaks() -> pd.DataFrame:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return classify(_no_pairs(), MatchContext(now=epoch, maturity=timedelta(0))).breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison, or of one part of it.

    Attributes:
        ours, theirs: the rows of either side by bucket; all parts together are a proof.
        breaks: see ``Classified.breaks``.
        unmatched: of a part, PAIRS rows that the passes by attributes have yet to look at.
        singles: of a part, SINGLES rows that they have yet to look at.
        tied: PAIRS rows with both sides that those passes matched, but for single rows.
        residual_rows: RESIDUALS rows: differences that the tolerance accepted.
        edge_rounds: names of reported rounds that have a record outside the window.
    """

    ours: SideProof
    theirs: SideProof
    breaks: pd.DataFrame = field(default_factory=_no_breaks)
    unmatched: pd.DataFrame = field(default_factory=_no_pairs)
    singles: pd.DataFrame = field(default_factory=_no_singles)
    tied: pd.DataFrame = field(default_factory=_no_pairs)
    residual_rows: pd.DataFrame = field(default_factory=_no_residuals)
    edge_rounds: tuple[str, ...] = ()

    @property
    def residuals(self) -> Mapping[str, int]:
        """The accepted differences by currency, in minor units; none of them is zero."""
        codes, names = currency_codes(self.residual_rows["currency"])
        minor = self.residual_rows["minor"].to_numpy()
        if not len(minor):
            return {}
        sums = tally_codes(codes, names, np.zeros_like(minor), minor)
        return {code: total for code, _, total in sorted(sums.totals) if total}


def compare(
    sides: Sides,
    *,
    suspect: Keys,
    fetch: Fetch,
    context: MatchContext,
    edge_keys: Keys = NO_KEYS,
    parts: int = 1,
    reader: RowReader | None = None,
) -> Comparison:
    """Match both sides, classify their rows, and prove that none is lost.

    Args:
        sides: KEYS frames of the window, ordered by key, with the same currency categories.
        suspect: keys whose rounds must be compared in full.
        fetch: gives full rows by key.
        context: of the run.
        edge_keys: keys of edge rows that take part, sorted.
        parts: how many parts to work in; this only limits memory.
        reader: looks up what key rows do not hold, if ``sides`` are TIMED_KEYS frames.

    Raises:
        Contradiction: the full rows do not add up to their key rows, or the buckets do not add
            up to the rows.
    """
    firsts = np.array([split.first for split in key_ranges(parts)[1:]], dtype=np.int64)
    edge_splits = np.split(edge_keys, np.searchsorted(edge_keys, firsts))
    ranges = [
        compare_range(
            split,
            suspect=suspect,
            fetch=fetch,
            context=context,
            edge_keys=edge,
            reader=reader,
        )
        for split, edge in zip(_split_keys(sides, firsts), edge_splits, strict=True)
    ]
    pairs = _joined([part.unmatched for part in ranges])
    singles = _joined([part.singles for part in ranges])
    groups = split_players(pairs, singles, parts, reader)
    players = [
        compare_players(*group, context, reader) for group in groups if any(map(len, group))
    ]
    return merge([*ranges, *players])


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def _split_keys(sides: Sides, firsts: Keys) -> Iterator[Sides]:
    """Split KEYS frames where each range of keys but the first starts."""
    bounds = [
        [0, *np.searchsorted(side["match_key"].to_numpy(), firsts), len(side)]
        for side in (sides.ours, sides.theirs)
    ]
    for our_split, their_split in zip(*map(pairwise, bounds), strict=True):
        yield Sides(
            ours=sides.ours.iloc[slice(*our_split)],
            theirs=sides.theirs.iloc[slice(*their_split)],
        )


def split_players(
    pairs: pd.DataFrame, singles: pd.DataFrame, groups: int, reader: RowReader | None
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Split one-sided PAIRS rows and SINGLES rows into groups of whole players.

    Args:
        pairs: without a ``reader``, all rows.
        singles: only with a ``reader``.
        groups: how many.
        reader: names players as SINGLES rows do.
    """
    PAIRS.check(pairs)
    SINGLES.check(singles)
    if reader is None:
        owners = pairs["player_ours"].fillna(pairs["player_theirs"]) + "\0" + pairs["currency"]
        hashes = pd.util.hash_array(owners.to_numpy(dtype=object))
    else:
        hashes = hashes_of(pairs, reader).view(np.uint64)
    numbers = hashes % np.uint64(groups)
    single_numbers = singles["player_hash"].to_numpy().view(np.uint64) % np.uint64(groups)
    for number in range(groups):
        yield pairs[numbers == number], singles[single_numbers == number]


def compare_range(
    sides: Sides,
    *,
    suspect: Keys,
    fetch: Fetch,
    context: MatchContext,
    edge_keys: Keys = NO_KEYS,
    reader: RowReader | None = None,
) -> Comparison:
    """Run the passes by name over one range of keys; see ``compare`` for the arguments.

    Raises:
        Contradiction: the full rows do not add up to their key rows.
    """
    if not len(sides.ours) and not len(sides.theirs) and not len(edge_keys):
        return Comparison(ours=SideProof(), theirs=SideProof())
    with ThreadPoolExecutor(max_workers=2) as pool:
        agreement = pool.submit(match_exact, sides, suspect=suspect)
        our_source, their_source = pool.map(source_of, (sides.ours, sides.theirs))
        agreed = agreement.result()
    if not len(agreed.residual) and not len(edge_keys):
        return _all_matched(agreed, our_source, their_source)
    singles, residual = _no_singles(), agreed.residual
    if reader is not None:
        singles, residual = find_singles(sides, agreed, np.union1d(suspect, edge_keys), reader)
    fetched = fetch(np.union1d(residual, edge_keys))
    records = split_at_window(fetched, residual)
    edge_rows = unmatched_edge_rows(records) if len(edge_keys) else _no_pairs()
    views = fold(records.ours), fold(records.theirs)
    pairs = pair(*views)
    undecided = may_be_tied(pairs, context.rules)
    classified = classify(pairs[~undecided] if undecided.any() else pairs, context)
    our_rows = _side_rows("ours", our_source, agreed.ours_left, singles, records.ours)
    their_rows = _side_rows("theirs", their_source, agreed.theirs_left, singles, records.theirs)
    unmatched = [rows for rows in (pairs[undecided], edge_rows) if len(rows)]
    return Comparison(
        ours=count_range(our_rows, views[0], agreed.matched, classified, edge_rows),
        theirs=count_range(their_rows, views[1], agreed.matched, classified, edge_rows),
        breaks=classified.breaks,
        unmatched=pd.concat(unmatched, ignore_index=True) if unmatched else _no_pairs(),
        singles=singles,
        residual_rows=_residual_rows(classified),
    )


def _side_rows(
    name: str, source: SourceRows, left: Tally, singles: pd.DataFrame, records: pd.DataFrame
) -> SideRows:
    """Return one side on its way; the exact pass left some of its rows."""
    of_side = tally_singles(singles, ours=name == "ours")
    return SideRows(
        name=name, source=source, left=left - of_side, singles=of_side, records=records
    )


def _all_matched(agreed: ExactMatches, ours: SourceRows, theirs: SourceRows) -> Comparison:
    """Return a part in which every row agrees; this is the common, fast case."""
    return Comparison(
        ours=prove_all_matched("ours", ours, agreed.matched),
        theirs=prove_all_matched("theirs", theirs, agreed.matched),
    )


def compare_players(
    pairs: pd.DataFrame,
    singles: pd.DataFrame,
    context: MatchContext,
    reader: RowReader | None,
) -> Comparison:
    """Run the passes by attributes over the unmatched rows of whole (player, currency) groups.

    Args:
        pairs: PAIRS rows.
        singles: SINGLES rows; none without a ``reader``.
        context: of the run.
        reader: reads single rows in full.

    Raises:
        Contradiction: a pass does not conserve its rows.
    """
    if reader is None or not len(singles):
        return _classified(tie_by_attributes(pairs, context.rules), context)
    tied = tie_singles(pairs, singles, context.rules, reader)
    matched = SideProof(matched=tied.matched)
    return _joined_parts(
        [
            Comparison(ours=matched, theirs=matched),
            *(_classified(rest, context) for rest in tied.rest),
        ]
    )


def _classified(tied_rows: pd.DataFrame, context: MatchContext) -> Comparison:
    """Classify rows that the passes by attributes have looked at."""
    tied = window_rows(tied_rows)
    classified = classify(tied, context)
    return Comparison(
        ours=count_players("ours", classified),
        theirs=count_players("theirs", classified),
        breaks=classified.breaks,
        tied=tied[tied["side"].to_numpy(dtype=object) == "both"],
        residual_rows=_residual_rows(classified),
        edge_rounds=rounds_across_edge(tied),
    )


def merge(parts: Sequence[Comparison]) -> Comparison:
    """Combine all parts of a comparison, in whatever order they come.

    Raises:
        Contradiction: the buckets do not add up to the rows.
    """
    joined = _joined_parts(parts)
    return replace(
        joined,
        ours=prove("ours", joined.ours),
        theirs=prove("theirs", joined.theirs),
        breaks=pair_spellings(joined.breaks),
    )


def _joined_parts(parts: Sequence[Comparison]) -> Comparison:
    """Add up some parts of a comparison."""
    by_round = ["round_id", "currency"]
    return Comparison(
        ours=_sum(part.ours for part in parts),
        theirs=_sum(part.theirs for part in parts),
        breaks=_ordered([part.breaks for part in parts], [*by_round, "kind"]),
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
    order = sort_order(pa.table({name: arrow_text(combined[name]) for name in by}))
    return combined.take(order).reset_index(drop=True)


def may_be_tied(pairs: pd.DataFrame, rules: Rules) -> Flags:
    """Flag the one-sided rows that a pass by attributes may match."""
    if not rules.attributes:
        return np.zeros(len(pairs), dtype=bool)
    one_sided: Flags = pairs["side"].to_numpy(dtype=object) != "both"
    return one_sided & ~in_other_currency(pairs)


def _residual_rows(classified: Classified) -> pd.DataFrame:
    """Return the differences that the tolerance accepted, as RESIDUALS rows."""
    positions = np.flatnonzero(classified.residual)
    if not len(positions):
        return _no_residuals()
    rows = classified.pairs[list(PAIR_NAME)].take(positions).reset_index(drop=True)
    return RESIDUALS.check(rows.assign(minor=classified.residual[positions]))
