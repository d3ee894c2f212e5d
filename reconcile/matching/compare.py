"""From two books to verdicts: the passes in order, in parts, and the proof that none is lost.

Three steps, the first two of which may be split any way and run anywhere:

1. ``compare_range`` on a range of match keys: exact pass, then whole rounds by name, then the
   verdicts on whatever those settle. One-sided rows that may still be tied stay ``open``.
2. ``judge_players`` on the open rows of whole (player, currency) groups: the passes by
   attributes, then the verdicts.
3. ``merge`` adds up and orders. Tallies add, breaks have a fixed order, and no pass looks
   across its partition: the result is the same, byte for byte, however the parts were cut.

Pure but for the fetching of full rows by key, which is passed in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.matching.buckets import (
    SideRows,
    SourceRows,
    count_players,
    count_range,
    source_of,
    untouched,
)
from reconcile.matching.classify import Classified, classify, otherwise_told
from reconcile.matching.conservation import SideProof, currency_codes, prove, tally_codes
from reconcile.matching.edge_rows import loose_beyond, of_the_window, parted, reached
from reconcile.matching.exact import Agreement, agree
from reconcile.matching.passes import tie_by_attributes
from reconcile.matching.rounds import fold, pair
from reconcile.snapshot.arrays import Flags, sort_places, words
from reconcile.snapshot.edge_keys import NO_KEYS
from reconcile.snapshot.frames import PAIR_NAME, PAIRS, RESIDUALS, Keys
from reconcile.snapshot.immature import ImmatureSince, young_since
from reconcile.snapshot.rules import BY_NAME, Rules
from vocabulary.maturity import MaturityAges, as_ages

#: Gives the full records of either side (ours, theirs) for keys, from any time.
Fetch = Callable[[Keys], tuple[pd.DataFrame, pd.DataFrame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What every verdict of one run is given by.

    Attributes:
        now: the run's reading of the clock.
        maturity: what is younger than this at ``now`` is timing: one age, or one by kind.
    """

    now: datetime
    maturity: MaturityAges | timedelta
    rules: Rules = BY_NAME

    @property
    def young(self) -> ImmatureSince | None:
        """From when on an operation is young; None: no round told by both may be."""
        return young_since(as_ages(self.maturity), self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What one part of a comparison came to.

    Attributes:
        ours, theirs: what was counted of either side; together the parts are a proof.
        breaks: see ``Classified.breaks``.
        open: PAIRS rows that the passes by attributes have yet to look at.
        tied: PAIRS rows that those passes tied, of both sides.
        reached: names of rounds told here though a leg of them lies beyond the window.
        passed: RESIDUALS rows, what the tolerance let pass.
    """

    ours: SideProof
    theirs: SideProof
    breaks: pd.DataFrame
    open: pd.DataFrame
    tied: pd.DataFrame
    passed: pd.DataFrame
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both proofs, the frame of breaks, what was tied by attributes, and what was let pass.

    ``passed`` is a RESIDUALS frame, ordered by round and currency. ``reached`` are names of
    rounds told here though a leg of them lies beyond the window.
    """

    ours: SideProof
    theirs: SideProof
    breaks: pd.DataFrame
    tied: pd.DataFrame
    passed: pd.DataFrame
    reached: tuple[str, ...] = ()

    @property
    def residuals(self) -> Mapping[str, int]:
        """By currency, what the tolerance let pass; nothing where it adds up to nothing."""
        codes, names = currency_codes(self.passed["currency"])
        minor = self.passed["minor"].to_numpy()
        if not len(minor):
            return {}
        sums = tally_codes(codes, names, np.zeros_like(minor), minor)
        return {code: total for code, _, total in sorted(sums.totals) if total}


def compare(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    *,
    suspect: Keys,
    fetch: Fetch,
    judging: Judging,
    margin: Keys = NO_KEYS,
    parts: int = 1,
) -> Comparison:
    """Match, classify, and prove.

    ``ours`` and ``theirs`` are KEYS frames of the window, ordered by key, with equal
    categories; ``suspect`` are keys that must be looked at whole, ``margin`` those of rows
    beyond the window that take part. ``parts`` changes nothing but how much is in memory at
    once.

    Raises:
        Contradiction: the full rows do not add up to the key rows they belong to, or the
            buckets do not add up to the rows.
    """
    far = np.split(margin, np.searchsorted(margin, np.array(key_bounds(parts), dtype=np.int64)))
    cuts = zip(split_keys(ours, parts), split_keys(theirs, parts), far, strict=True)
    ranges = [
        compare_range(mine, yours, suspect=suspect, fetch=fetch, judging=judging, margin=beyond)
        for mine, yours, beyond in cuts
    ]
    left = [part.open for part in ranges if len(part.open)]
    groups = split_players(pd.concat(left, ignore_index=True), parts) if left else ()
    players = [judge_players(group, judging) for group in groups if len(group)]
    return merge([*ranges, *players])


def split_keys(keys: pd.DataFrame, parts: int) -> Iterator[pd.DataFrame]:
    """A KEYS frame in ``parts`` ranges of match keys, the same ranges for every frame."""
    bounds = key_bounds(parts)
    places = np.searchsorted(keys["match_key"].to_numpy(), np.array(bounds, dtype=np.int64))
    start = 0
    for end in (*places, len(keys)):
        yield keys.iloc[start:end]
        start = end


def key_bounds(parts: int) -> tuple[int, ...]:
    """Where each of ``parts`` equal ranges of 64-bit keys begins, but for the first."""
    return tuple(-(2**63) + 2**64 * part // parts for part in range(1, parts))


def split_players(pairs: pd.DataFrame, parts: int) -> Iterator[pd.DataFrame]:
    """One-sided rows in ``parts``, whole (player, currency) groups together."""
    PAIRS.check(pairs)
    who = pairs["player_ours"].fillna(pairs["player_theirs"]) + "\0" + pairs["currency"]
    codes = pd.util.hash_array(who.to_numpy(dtype=object)) % np.uint64(parts)
    for part in range(parts):
        yield pairs[codes == part]


def compare_range(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    *,
    suspect: Keys,
    fetch: Fetch,
    judging: Judging,
    margin: Keys = NO_KEYS,
) -> PartResult:
    """The passes by name over one range of keys, and the verdicts on what they settle.

    ``margin`` are keys of the range whose rows beyond the window take part.

    Raises:
        Contradiction: the full rows do not add up to the key rows they belong to.
    """
    if not len(ours) and not len(theirs) and not len(margin):
        return _nothing()
    with ThreadPoolExecutor(max_workers=2) as beside:
        passed = beside.submit(agree, ours, theirs, suspect=suspect)
        sources = tuple(beside.map(source_of, (ours, theirs)))
        agreed = passed.result()
    if not len(agreed.residual) and not len(margin):
        return _settled(agreed, *sources)
    read = parted(*fetch(np.union1d(agreed.residual, margin)), agreed.residual)
    far = loose_beyond(read) if len(margin) else _no_pairs()
    views = fold(read.ours), fold(read.theirs)
    pairs = pair(*views)
    waits = _may_be_tied(pairs, judging.rules)
    judged = _judged(pairs[~waits] if waits.any() else pairs, judging)
    mine = SideRows(name="ours", source=sources[0], left=agreed.ours_remains, records=read.ours)
    yours = SideRows(
        name="theirs", source=sources[1], left=agreed.theirs_remains, records=read.theirs
    )
    left = [rows for rows in (pairs[waits], far) if len(rows)]
    return PartResult(
        ours=count_range(mine, views[0], agreed.matched, judged, far),
        theirs=count_range(yours, views[1], agreed.matched, judged, far),
        breaks=judged.breaks,
        open=pd.concat(left, ignore_index=True) if left else _no_pairs(),
        tied=_no_pairs(),
        passed=_passed(judged),
    )


def _settled(agreed: Agreement, ours: SourceRows, theirs: SourceRows) -> PartResult:
    """A part in which everything agrees, without going to any length about nothing."""
    return PartResult(
        ours=untouched("ours", ours, agreed.matched),
        theirs=untouched("theirs", theirs, agreed.matched),
        breaks=_no_breaks(),
        open=_no_pairs(),
        tied=_no_pairs(),
        passed=_no_residuals(),
    )


def judge_players(pairs: pd.DataFrame, judging: Judging) -> PartResult:
    """The passes by attributes over whole (player, currency) groups, and the verdicts.

    Raises:
        Contradiction: a pass does not conserve its rows.
    """
    tied = of_the_window(tie_by_attributes(pairs, judging.rules))
    judged = _judged(tied, judging)
    return PartResult(
        ours=count_players("ours", judged),
        theirs=count_players("theirs", judged),
        breaks=judged.breaks,
        open=_no_pairs(),
        tied=tied[tied["side"].to_numpy(dtype=object) == "both"],
        passed=_passed(judged),
        reached=reached(tied),
    )


def merge(parts: Sequence[PartResult]) -> Comparison:
    """All parts of one comparison, whatever their order, as one.

    Raises:
        Contradiction: the buckets do not add up to the rows.
    """
    return Comparison(
        ours=prove("ours", _sum(part.ours for part in parts)),
        theirs=prove("theirs", _sum(part.theirs for part in parts)),
        breaks=_ordered([part.breaks for part in parts], ["round_id", "currency", "kind"]),
        tied=_ordered([part.tied for part in parts], ["round_id", "currency"]),
        passed=RESIDUALS.check(
            _ordered([part.passed for part in parts], ["round_id", "currency"])
        ),
        reached=tuple(sorted({name for part in parts for name in part.reached})),
    )


def _sum(proofs: Iterable[SideProof]) -> SideProof:
    first, *others = proofs
    return sum(others, first)


def _ordered(frames: list[pd.DataFrame], by: list[str]) -> pd.DataFrame:
    told = [frame for frame in frames if len(frame)] or frames[:1]
    together = told[0] if len(told) == 1 else pd.concat(told, ignore_index=True)
    places = sort_places(pa.table({name: words(together[name]) for name in by}))
    return together.take(places).reset_index(drop=True)


@cache
def _nothing() -> PartResult:
    """A part without a row."""
    return PartResult(
        ours=SideProof(),
        theirs=SideProof(),
        breaks=_no_breaks(),
        open=_no_pairs(),
        tied=_no_pairs(),
        passed=_no_residuals(),
    )


@cache
def _no_pairs() -> pd.DataFrame:
    return PAIRS.empty()


@cache
def _no_residuals() -> pd.DataFrame:
    return RESIDUALS.empty()


@cache
def _no_breaks() -> pd.DataFrame:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    return classify(_no_pairs(), now=never, maturity=timedelta(0)).breaks


def _may_be_tied(pairs: pd.DataFrame, rules: Rules) -> Flags:
    if not rules.attributes:
        return np.zeros(len(pairs), dtype=bool)
    one_sided: Flags = pairs["side"].to_numpy(dtype=object) != "both"
    return one_sided & ~otherwise_told(pairs)


def _judged(pairs: pd.DataFrame, judging: Judging) -> Classified:
    return classify(pairs, now=judging.now, maturity=judging.maturity, rules=judging.rules)


def _passed(judged: Classified) -> pd.DataFrame:
    """What the tolerance let pass, as RESIDUALS rows."""
    at = np.flatnonzero(judged.residual)
    if not len(at):
        return _no_residuals()
    rows = judged.pairs[list(PAIR_NAME)].take(at).reset_index(drop=True)
    return RESIDUALS.check(rows.assign(minor=judged.residual[at]))
