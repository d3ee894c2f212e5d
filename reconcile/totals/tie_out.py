"""Totals that tie out: both sides by day, game and currency, and every difference explained.

The sums come from the database and the lines from the comparison: two ways to the same figure.
``residual`` is what they do not agree on. It is zero unless something is wrong, and no report
may hide it. Nothing is stored.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd

from reconcile.findings.unanswered import with_unanswered
from reconcile.matching.classify import classify
from reconcile.matching.compare import may_be_tied
from reconcile.matching.edge_rows import split_at_window, unmatched_edge_rows, window_rows
from reconcile.matching.passes import tie_by_attributes
from reconcile.matching.rounds import fold, pair
from reconcile.matching.spelling import pair_spellings
from reconcile.runs.request import RunRequest
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.cut import require_rounds
from reconcile.snapshot.edge_keys import find_edge_keys
from reconcile.snapshot.frames import PAIRS, Keys
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.rules import MatchContext, Rules
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.cells import NO_FIGURES, UNKNOWN_GAME, DayGgr, Figures, TotalsCell
from reconcile.totals.differences import (
    NO_BREAKS,
    ComparisonFrames,
    DifferenceLine,
    DifferenceLines,
    difference_lines,
    with_days,
)
from reconcile.totals.plain_rows import AgreedRows, add_plain_rows
from reconcile.totals.plain_sums import PlainSums
from reconcile.totals.resolution_rate import RatesReading, ResolutionRates
from reconcile.totals.sums import (
    NonCashOperation,
    non_cash_operations,
    our_sums,
    record_games,
    round_counts,
    sums_of_keys,
    their_days_of_keys,
    their_sums,
    unposted_batches,
)
from vocabulary.window import Window

#: More keys than this are summed together with all rows of the window.
_OTHER_KEYS_MAX = 200_000
#: The values of the columns that a row of a summary is grouped by.
Name = tuple[str, ...]
#: Bets, wins and rollbacks by round, player and currency.
Counts = Mapping[tuple[str, str, str], tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsRow:
    """One cell, or the sum of several. Amounts in minor units of ``currency``.

    Attributes:
        adjusted: of ours, manual corrections of a round.
        funded: of ours, operations paid by another fund than cash.
        causes: the difference of GGR, theirs less ours, by cause.
    """

    name: Name
    currency: str
    ours: Figures
    theirs: Figures
    adjusted: Figures
    funded: Figures
    causes: Mapping[str, int]

    @property
    def difference(self) -> Figures:
        """Theirs less ours."""
        return self.theirs - self.ours

    @property
    def breaks(self) -> int:
        """The difference of GGR that breaks cause."""
        return sum(ggr for cause, ggr in self.causes.items() if cause not in NO_BREAKS)

    @property
    def residual(self) -> int:
        """The difference of GGR that no line explains: zero if the totals tie out."""
        return self.difference.ggr - sum(self.causes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Both sides of one provider and window, cell by cell.

    Attributes:
        zone: of the business days.
        cells: ordered by day, game and currency.
        our_rounds: ours by the games of their own records, without those of a matched one.
        lines: the rounds that make the differences, ordered by cell.
        non_cash: our corrections and funded operations.
        unposted: accepted batches that are in no figure yet.
        their_days: rounds, stakes and payouts of the provider by day and currency, as figures
            of days count them; None: nobody asked for them, or too many rows were not plain.
    """

    provider: str
    window: Window
    zone: str
    at: datetime
    cells: Mapping[TotalsCell, TotalsRow]
    our_rounds: Mapping[TotalsCell, Figures]
    lines: tuple[DifferenceLine, ...]
    non_cash: tuple[NonCashOperation, ...]
    unposted: int
    their_days: Mapping[tuple[date, str], Figures] | None = None

    @property
    def ties(self) -> bool:
        """Whether every difference is explained to the minor unit, cell by cell."""
        return all(row.residual == 0 for row in self.cells.values())

    @property
    def agrees(self) -> bool:
        """Whether both sides have the same amounts in every cell."""
        return all(
            row.difference.stake == 0 == row.difference.payout for row in self.cells.values()
        )

    def by(self, *columns: str) -> tuple[TotalsRow, ...]:
        """Sum the cells by ``day``, ``game`` or both; always also by currency."""
        return _summed(
            self.cells, lambda cell: tuple(str(getattr(cell, name)) for name in columns)
        )

    def ggr_by_day(self) -> tuple[DayGgr, ...]:
        """GGR of both sides by business day and currency."""
        return tuple(
            DayGgr(
                day=date.fromisoformat(row.name[0]),
                currency=row.currency,
                ours=row.ours.ggr,
                theirs=row.theirs.ggr,
            )
            for row in self.by("day")
        )


def totals(database_url: str, request: RunRequest, *, now: datetime, zone: str) -> Totals:
    """Sum both sides of a window and explain every difference.

    Args:
        database_url: where both sides are read.
        request: says which rows match; ``open_after`` does not matter.
        now: decides what is immature.
        zone: of the business days.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: a pass does not conserve its rows.
    """
    context = MatchContext(now=now, maturity=request.maturity, rules=request.rules)
    with open_snapshot(database_url, request.provider, request.window, context) as snapshot:
        plain = PlainSums()
        suspect = snapshot.straddling_keys()
        keys = add_plain_rows(snapshot, zone, plain.add, suspect, instants=False)
        return _totals(snapshot, plain, keys, zone)


def totals_and_rates(
    database_url: str,
    request: RunRequest,
    *,
    now: datetime,
    zone: str,
    reading: RatesReading,
    snapshot_id: str | None = None,
) -> tuple[Totals, ResolutionRates]:
    """Return ``totals`` and the resolution rates of the same rows, which are read once.

    Args:
        database_url: where both sides are read.
        request: as of ``totals``.
        now: decides what is immature.
        zone: of the business days, by which theirs are summed, too.
        reading: of the rates.
        snapshot_id: of an open transaction whose instant is read; None: now.
    """

    def add(rows: AgreedRows, factor: int) -> None:
        plain.add(rows, factor)
        reading.sums.add_plain(rows, factor)

    context = MatchContext(now=now, maturity=request.maturity, rules=request.rules)
    with open_snapshot(
        database_url, request.provider, request.window, context, snapshot_id
    ) as snapshot:
        plain = PlainSums()
        suspect = np.union1d(snapshot.straddling_keys(), reading.suspect)
        keys = add_plain_rows(snapshot, zone, add, suspect, instants=True)
        tie_out = _totals(snapshot, plain, keys, zone)
        tie_out = replace(tie_out, their_days=_their_days(snapshot, plain, keys, zone))
        return tie_out, reading.finish(snapshot, keys)


def _totals(snapshot: Snapshot, plain: PlainSums, other_keys: Keys, zone: str) -> Totals:
    """Add the rows of all other keys to the plain ones, and explain the differences."""
    frames, counts = _compare(snapshot, other_keys)
    differences = difference_lines(snapshot.provider, frames, zone)
    ours, theirs = _sums(snapshot, plain, other_keys, zone)
    non_cash = _with_learned_games(non_cash_operations(snapshot, zone), differences)
    unposted = unposted_batches(snapshot)
    our_rounds = dict(ours)
    _move_learned_rounds(ours, differences, frames, counts, zone)
    lines = sorted(differences.lines, key=lambda line: (line.cell, line.cause, line.round_id))
    return Totals(
        provider=snapshot.provider,
        window=snapshot.window,
        zone=zone,
        at=snapshot.context.now,
        cells=_cells(ours, theirs, differences.lines, non_cash),
        our_rounds=our_rounds,
        lines=tuple(lines),
        non_cash=non_cash,
        unposted=unposted,
    )


def _compare(snapshot: Snapshot, other_keys: Keys) -> tuple[ComparisonFrames, Counts]:
    """Compare the rows that are not plain, and return their frames."""
    context = snapshot.context
    edge_keys = find_edge_keys(snapshot.timed_rows, snapshot.window, context.rules)
    keys = np.union1d(other_keys, edge_keys)
    require_rounds(snapshot, keys)
    games, counts = record_games(snapshot, keys), round_counts(snapshot, keys)
    records = split_at_window(snapshot.records(keys), other_keys)
    edge_rows = unmatched_edge_rows(records) if len(edge_keys) else PAIRS.empty()
    pairs = pair(fold(records.ours, nets=True), fold(records.theirs)).frame()
    classified = classify(_tie(pairs, edge_rows, context.rules), context)
    frames = ComparisonFrames(
        pairs=classified.as_frame(),
        breaks=with_unanswered(snapshot, pair_spellings(classified.break_rows)).frame(),
        ours=_joined(records.ours, records.ours_edge),
        theirs=_joined(records.theirs, records.theirs_edge),
        games=games,
    )
    return frames, counts


def _joined(window: Columns, edge: Columns) -> pd.DataFrame:
    return pd.concat([window.frame(), edge.frame()], ignore_index=True)


def _sums(
    snapshot: Snapshot, plain: PlainSums, other_keys: Keys, zone: str
) -> tuple[dict[TotalsCell, Figures], dict[TotalsCell, Figures]]:
    """Sum both sides of the window by cell."""
    if len(other_keys) > _OTHER_KEYS_MAX:
        return our_sums(snapshot, zone), their_sums(snapshot, zone)
    ours, theirs = sums_of_keys(snapshot, other_keys, zone)
    for cell, (our_sum, their_sum) in plain.cells(snapshot).items():
        ours[cell] = ours.get(cell, NO_FIGURES) + our_sum
        theirs[cell] = theirs.get(cell, NO_FIGURES) + their_sum
    return ours, theirs


def _their_days(
    snapshot: Snapshot, plain: PlainSums, other_keys: Keys, zone: str
) -> dict[tuple[date, str], Figures] | None:
    """Sum theirs by day and currency, unless too many rows would be looked up."""
    if len(other_keys) > _OTHER_KEYS_MAX:
        return None
    days = plain.their_days()
    for place, figures in their_days_of_keys(snapshot, other_keys, zone).items():
        days[place] = days.get(place, NO_FIGURES) + figures
    return days


def _tie(pairs: pd.DataFrame, edge_rows: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Match one-sided pairs by attributes, also with edge rows."""
    undecided = may_be_tied(pairs, rules)
    if not undecided.any():
        return pairs
    unmatched = pd.concat([pairs[undecided], edge_rows], ignore_index=True)
    tied = window_rows(tie_by_attributes(unmatched, rules))
    return pd.concat([pairs[~undecided], tied], ignore_index=True)


def _with_learned_games(
    operations: tuple[NonCashOperation, ...], differences: DifferenceLines
) -> tuple[NonCashOperation, ...]:
    games = {(round_of(name), code): game for (name, code), game in differences.learned.items()}
    return tuple(
        replace(op, cell=op.cell._replace(game=games[op.round_id, op.cell.currency]))
        if (op.round_id, op.cell.currency) in games
        else op
        for op in operations
    )


def _move_learned_rounds(
    ours: dict[TotalsCell, Figures],
    differences: DifferenceLines,
    frames: ComparisonFrames,
    counts: Counts,
    zone: str,
) -> None:
    """Move rounds whose game only a matched record shows from the unknown game to theirs."""
    if not differences.learned:
        return
    for row, day in with_days(frames.ours[frames.ours["inside"]], zone):
        game = differences.learned.get((row.round_id, row.currency))
        if game is None:
            continue
        bets, wins, rollbacks = counts[round_of(row.round_id), row.player, row.currency]
        figures = Figures(
            rounds=1,
            bets=bets,
            wins=wins,
            rollbacks=rollbacks,
            stake=row.stake,
            payout=row.payout,
        )
        cell = TotalsCell(day, game, row.currency)
        ours[TotalsCell(day, UNKNOWN_GAME, row.currency)] -= figures
        ours[cell] = ours.get(cell, Figures()) + figures


def _cells(
    ours: Mapping[TotalsCell, Figures],
    theirs: Mapping[TotalsCell, Figures],
    lines: Iterable[DifferenceLine],
    non_cash: Iterable[NonCashOperation],
) -> dict[TotalsCell, TotalsRow]:
    causes: defaultdict[TotalsCell, Counter[str]] = defaultdict(Counter)
    for line in lines:
        causes[line.cell][line.cause] += line.ggr
    adjusted, funded = _sum_parts(non_cash, adjusts=True), _sum_parts(non_cash, adjusts=False)
    nothing = Figures()
    return {
        cell: TotalsRow(
            name=(str(cell.day), cell.game),
            currency=cell.currency,
            ours=ours.get(cell, nothing),
            theirs=theirs.get(cell, nothing),
            adjusted=adjusted.get(cell, nothing),
            funded=funded.get(cell, nothing),
            causes=causes.get(cell, {}),
        )
        for cell in sorted({*ours, *theirs, *causes})
        if ours.get(cell, nothing) != nothing or cell in theirs or cell in causes
    }


def _sum_parts(
    operations: Iterable[NonCashOperation], *, adjusts: bool
) -> dict[TotalsCell, Figures]:
    sums: defaultdict[TotalsCell, Figures] = defaultdict(Figures)
    for operation in operations:
        if operation.adjusts == adjusts:
            sums[operation.cell] += Figures(stake=operation.stake, payout=operation.payout)
    return sums


def _summed(
    cells: Mapping[TotalsCell, TotalsRow], name_of: Callable[[TotalsCell], Name]
) -> tuple[TotalsRow, ...]:
    groups: dict[tuple[Name, str], list[TotalsRow]] = {}
    for cell, row in cells.items():
        groups.setdefault((name_of(cell), cell.currency), []).append(row)
    return tuple(_sum(name, code, groups[name, code]) for name, code in sorted(groups))


def _sum(name: Name, currency: str, rows: list[TotalsRow]) -> TotalsRow:
    causes: Counter[str] = Counter()
    for row in rows:
        causes.update(row.causes)
    nothing = Figures()
    return TotalsRow(
        name=name,
        currency=currency,
        ours=sum((row.ours for row in rows), nothing),
        theirs=sum((row.theirs for row in rows), nothing),
        adjusted=sum((row.adjusted for row in rows), nothing),
        funded=sum((row.funded for row in rows), nothing),
        causes={cause: causes[cause] for cause in sorted(causes)},
    )
