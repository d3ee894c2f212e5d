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

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Protocol

import numpy as np
import pandas as pd

from reconcile.matching.classify import Classified, classify, in_other_currency
from reconcile.matching.comparison import (
    Comparison,
    joined_parts,
    merge,
    no_pairs,
    no_residuals,
    no_singles,
)
from reconcile.matching.conservation import (
    SideProof,
    Tally,
)
from reconcile.matching.edge_rows import (
    rounds_across_edge,
    split_at_window,
    unmatched_edge_rows,
    window_rows,
)
from reconcile.matching.exact import ExactMatches, key_columns, match_exact
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
from reconcile.snapshot.arrays import Flags, texts
from reconcile.snapshot.columns import Columns, Rows
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import (
    PAIR_NAME,
    PAIRS,
    RESIDUALS,
    SINGLES,
    Keys,
    RecordSides,
    Sides,
)
from reconcile.snapshot.key_ranges import key_ranges
from reconcile.snapshot.row_reader import RowReader
from reconcile.snapshot.rules import MatchContext, Rules

#: Fetches the full records of both sides for some keys, from any time.
Fetch = Callable[[Keys], RecordSides]


class FoldSide(Protocol):
    """Folds the records of one side, as ``fold`` does."""

    def __call__(self, records: Columns, /, *, nets: bool) -> Columns:
        """Return the columns of VIEW."""


#: Fewer rows are compared sooner than threads start.
_ROWS_FOR_THREADS = 10_000


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
    ranges = [
        compare_range(
            split,
            suspect=suspect,
            fetch=fetch,
            context=context,
            edge_keys=edge,
            reader=reader,
        )
        for split, edge in _split_keys(sides, edge_keys, parts)
    ]
    pairs = _joined([part.unmatched for part in ranges])
    singles = _joined([part.singles for part in ranges])
    any_left = len(pairs) or len(singles)
    groups = split_players(pairs, singles, parts, reader) if any_left else ()
    players = [
        compare_players(*group, context, reader) for group in groups if any(map(len, group))
    ]
    return merge([*ranges, *players])


def break_rows_in_full(
    records: RecordSides, context: MatchContext, *, fold_side: FoldSide = fold
) -> Columns:
    """Compare whole rounds by their full rows alone, and by their ids.

    The result has the break rows that ``compare`` finds for the keys of these rounds, all of
    them suspect. Nobody has to read key rows for it, and nothing is counted or proven.

    Args:
        records: of whole rounds; those without a record in the window do not count.
        context: of the run; its rules match by round id alone.
        fold_side: ``fold``, or what remembers its results.
    """
    keys = [side["match_key"][side["inside"]] for side in (records.ours, records.theirs)]
    in_window = split_at_window(records, np.concatenate(keys))
    ours, theirs = in_window.ours, in_window.theirs
    pairs = pair(fold_side(ours, nets=True), fold_side(theirs, nets=False))
    return pair_spellings(classify(pairs, context).break_rows)


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def _split_keys(sides: Sides, edge_keys: Keys, parts: int) -> Iterator[tuple[Sides, Keys]]:
    """Split KEYS frames and edge keys where each range of keys but the first starts."""
    if parts == 1:
        yield sides, edge_keys
        return
    firsts = np.array([split.first for split in key_ranges(parts)[1:]], dtype=np.int64)
    edge_splits = np.split(edge_keys, np.searchsorted(edge_keys, firsts))
    bounds = [
        [0, *np.searchsorted(side["match_key"].to_numpy(), firsts), len(side)]
        for side in (sides.ours, sides.theirs)
    ]
    splits = zip(*map(pairwise, bounds), edge_splits, strict=True)
    for our_split, their_split, edge_split in splits:
        split = Sides(
            ours=sides.ours.iloc[slice(*our_split)],
            theirs=sides.theirs.iloc[slice(*their_split)],
        )
        yield split, edge_split


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
    our_keys, their_keys = key_columns(sides.ours), key_columns(sides.theirs)
    agreed, our_source, their_source = _exact_pass(our_keys, their_keys, suspect)
    if not len(agreed.residual) and not len(edge_keys):
        return _all_matched(agreed, our_source, their_source)
    singles, residual = no_singles(), agreed.residual
    if reader is not None:
        singles, residual = find_singles(sides, agreed, np.union1d(suspect, edge_keys), reader)
    fetched = fetch(np.union1d(residual, edge_keys))
    records = split_at_window(fetched, residual)
    edge_rows = unmatched_edge_rows(records) if len(edge_keys) else no_pairs()
    views = fold(records.ours, nets=True), fold(records.theirs)
    pairs = pair(*views)
    undecided = may_be_tied(pairs, context.rules)
    classified = classify(pairs.where(~undecided), context)
    our_rows = _side_rows("ours", our_source, agreed.ours_left, singles, records.ours)
    their_rows = _side_rows("theirs", their_source, agreed.theirs_left, singles, records.theirs)
    unmatched = [pairs.where(undecided).frame()] if undecided.any() else []
    unmatched += [edge_rows] if len(edge_rows) else []
    return Comparison(
        ours=count_range(our_rows, views[0], agreed.matched, classified, edge_rows),
        theirs=count_range(their_rows, views[1], agreed.matched, classified, edge_rows),
        break_rows=classified.break_rows,
        unmatched=pd.concat(unmatched, ignore_index=True) if unmatched else no_pairs(),
        singles=singles,
        residual_rows=_residual_rows(classified),
    )


def _exact_pass(
    ours: Columns, theirs: Columns, suspect: Keys
) -> tuple[ExactMatches, SourceRows, SourceRows]:
    """Run the exact pass and count what was read, both at once if there are many rows."""
    if len(ours) + len(theirs) < _ROWS_FOR_THREADS:
        agreed = match_exact(ours, theirs, suspect=suspect)
        return agreed, source_of(ours), source_of(theirs)
    with ThreadPoolExecutor(max_workers=2) as pool:
        agreement = pool.submit(match_exact, ours, theirs, suspect=suspect)
        our_source, their_source = pool.map(source_of, (ours, theirs))
        return agreement.result(), our_source, their_source


def _side_rows(
    name: str, source: SourceRows, left: Tally, singles: pd.DataFrame, records: Columns
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
    return joined_parts(
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
        break_rows=classified.break_rows,
        tied=tied[texts(tied["side"]) == "both"],
        residual_rows=_residual_rows(classified),
        edge_rounds=rounds_across_edge(tied),
    )


def may_be_tied(pairs: Rows, rules: Rules) -> Flags:
    """Flag the one-sided rows that a pass by attributes may match."""
    if not rules.attributes:
        return np.zeros(len(pairs), dtype=bool)
    one_sided: Flags = texts(pairs["side"]) != "both"
    return one_sided & ~in_other_currency(pairs)


def _residual_rows(classified: Classified) -> pd.DataFrame:
    """Return the differences that the tolerance accepted, as RESIDUALS rows."""
    positions = np.flatnonzero(classified.residual)
    if not len(positions):
        return no_residuals()
    named = Columns({name: classified.pairs[name] for name in PAIR_NAME}).take(positions)
    return RESIDUALS.check(named.assign(minor=classified.residual[positions]).frame())
