"""Totals that tie: by day, game and currency, ours, theirs, and every unit in between.

The sums come from the database, the lines from the comparison: two ways to the same figure.
``residual`` is what they do not agree on; it is zero, or something is wrong that no report may
hide. Nothing is stored.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from reconcile.matching.buckets import conserved
from reconcile.matching.classify import classify, otherwise_told
from reconcile.matching.conservation import tally
from reconcile.matching.edge_rows import loose_beyond, of_the_window, parted
from reconcile.matching.exact import agree
from reconcile.matching.passes import tie_by_attributes
from reconcile.matching.rounds import fold, pair
from reconcile.runs.evaluate import Terms
from reconcile.snapshot.edge_keys import margin_of
from reconcile.snapshot.frames import PAIRS
from reconcile.snapshot.immature import young_since
from reconcile.snapshot.rules import Rules
from reconcile.snapshot.shared_rounds import round_of
from reconcile.snapshot.snapshot import Snapshot, open_books
from reconcile.totals.differences import (
    NO_BREAKS,
    ComparisonFrames,
    DifferenceLine,
    DifferenceLines,
    days_of,
    lines_of,
)
from reconcile.totals.sums import (
    UNKNOWN_GAME,
    Figures,
    PartOfOurs,
    TotalsCell,
    counts_of_rounds,
    games_of_records,
    on_two_days,
    parts_of_ours,
    sums_of_ours,
    sums_of_theirs,
    unposted_batches,
)
from vocabulary.maturity import as_ages
from vocabulary.window import Window

#: What the rows of a summary stand for.
Name = tuple[str, ...]
#: Bets, wins and rollbacks by round and currency.
Counts = Mapping[tuple[str, str, str], tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsRow:
    """One cell, or several added up. Amounts in minor units of ``currency``.

    Attributes:
        adjusted: of ours, corrections by hand that name a round.
        funded: of ours, what a fund other than cash stands behind.
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
        """What breaks make of the difference of GGR."""
        return sum(ggr for cause, ggr in self.causes.items() if cause not in NO_BREAKS)

    @property
    def residual(self) -> int:
        """What of the difference of GGR no line explains: zero where totals tie."""
        return self.difference.ggr - sum(self.causes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Both sides of one provider and window, cell by cell.

    Attributes:
        zone: of the business days.
        cells: in order of day, game and currency.
        lines: the rounds that make the differences, in order of their cells.
        unposted: batches that were accepted and are in neither figure yet.
    """

    provider: str
    window: Window
    zone: str
    at: datetime
    cells: Mapping[TotalsCell, TotalsRow]
    lines: tuple[DifferenceLine, ...]
    parts: tuple[PartOfOurs, ...]
    unposted: int

    @property
    def ties(self) -> bool:
        """Whether every difference is explained to the unit, cell by cell."""
        return all(row.residual == 0 for row in self.cells.values())

    @property
    def agrees(self) -> bool:
        """Whether the two sides say the same of every cell."""
        return all(
            row.difference.stake == 0 == row.difference.payout for row in self.cells.values()
        )

    def by(self, *what: str) -> tuple[TotalsRow, ...]:
        """The cells added up by ``day``, ``game`` or both; always also by currency."""
        return _summed(
            self.cells, lambda cell: tuple(str(getattr(cell, name)) for name in what)
        )


def totals(database_url: str, terms: Terms, *, now: datetime, zone: str) -> Totals:
    """Add up both sides of a window and explain every difference.

    Raises:
        Unavailable: the database cannot be reached.
        Contradiction: a pass does not conserve its rows.
    """
    with open_books(
        database_url,
        terms.provider,
        terms.window,
        overdue=None,
        balances=terms.rules.attributes,
        young=young_since(as_ages(terms.maturity), now),
    ) as books:
        found, counts = _found(books, terms, now, zone)
        told = lines_of(terms.provider, found, zone)
        ours, theirs = sums_of_ours(books, zone), sums_of_theirs(books, zone)
        parts = _of_learned_games(parts_of_ours(books, zone), told)
        unposted = unposted_batches(books)
    _move(ours, told, found, counts, zone)
    return Totals(
        provider=terms.provider,
        window=terms.window,
        zone=zone,
        at=now,
        cells=_cells(ours, theirs, told.lines, parts),
        lines=tuple(
            sorted(told.lines, key=lambda line: (line.cell, line.cause, line.round_id))
        ),
        parts=parts,
        unposted=unposted,
    )


def _found(
    books: Snapshot, terms: Terms, now: datetime, zone: str
) -> tuple[ComparisonFrames, Counts]:
    """What the comparison says, of the rows that need a closer look here."""
    sides = books.keys()
    suspect = np.union1d(books.straddling(), on_two_days(books, zone))
    agreed = agree(sides.ours, sides.theirs, suspect=suspect)
    conserved("ours", tally(sides.ours), agreed.matched + agreed.ours_remains)
    conserved("theirs", tally(sides.theirs), agreed.matched + agreed.theirs_remains)
    margin = margin_of(books.near, terms.window, terms.rules)
    keys = np.union1d(agreed.residual, margin)
    full = books.records(keys)
    games, counts = games_of_records(books, keys), counts_of_rounds(books, keys)
    read = parted(full.ours, full.theirs, agreed.residual)
    far = loose_beyond(read) if len(margin) else PAIRS.empty()
    pairs = _tied(pair(fold(read.ours), fold(read.theirs)), far, terms.rules)
    ours = pd.concat([read.ours, read.ours_beyond])
    theirs = pd.concat([read.theirs, read.theirs_beyond])
    judged = classify(pairs, now=now, maturity=terms.maturity, rules=terms.rules)
    found = ComparisonFrames(
        pairs=judged.told(), breaks=judged.breaks, ours=ours, theirs=theirs, games=games
    )
    return found, counts


def _tied(pairs: pd.DataFrame, far: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Pairs whose one-sided rows are tied by what they hold, also to rows beyond the window."""
    if not rules.attributes:
        return pairs
    waits = (pairs["side"] != "both") & ~otherwise_told(pairs)
    if not waits.any():
        return pairs
    loose = pd.concat([pairs[waits], far], ignore_index=True)
    tied = of_the_window(tie_by_attributes(loose, rules))
    return pd.concat([pairs[~waits], tied], ignore_index=True)


def _of_learned_games(
    parts: tuple[PartOfOurs, ...], told: DifferenceLines
) -> tuple[PartOfOurs, ...]:
    learned = {(round_of(name), code): game for (name, code), game in told.learned.items()}
    return tuple(
        replace(part, cell=replace(part.cell, game=learned[part.round_id, part.cell.currency]))
        if (part.round_id, part.cell.currency) in learned
        else part
        for part in parts
    )


def _move(
    ours: dict[TotalsCell, Figures],
    told: DifferenceLines,
    found: ComparisonFrames,
    counts: Counts,
    zone: str,
) -> None:
    """Rounds whose game only their tie to a record tells, from unknown to where they belong."""
    if not told.learned:
        return
    for row, day in days_of(found.ours[found.ours["inside"]], zone):
        game = told.learned.get((row.round_id, row.currency))
        if game is None:
            continue
        bets, wins, rollbacks = counts[round_of(row.round_id), row.player, row.currency]
        one = Figures(
            rounds=1,
            bets=bets,
            wins=wins,
            rollbacks=rollbacks,
            stake=row.stake,
            payout=row.payout,
        )
        was, cell = (
            TotalsCell(day, UNKNOWN_GAME, row.currency),
            TotalsCell(day, game, row.currency),
        )
        ours[was] -= one
        ours[cell] = ours.get(cell, Figures()) + one


def _cells(
    ours: Mapping[TotalsCell, Figures],
    theirs: Mapping[TotalsCell, Figures],
    lines: Iterable[DifferenceLine],
    parts: Iterable[PartOfOurs],
) -> dict[TotalsCell, TotalsRow]:
    causes: dict[TotalsCell, dict[str, int]] = {}
    for line in lines:
        here = causes.setdefault(line.cell, {})
        here[line.cause] = here.get(line.cause, 0) + line.ggr
    adjusted, funded = _parts(parts, adjusts=True), _parts(parts, adjusts=False)
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


def _parts(parts: Iterable[PartOfOurs], *, adjusts: bool) -> dict[TotalsCell, Figures]:
    sums: dict[TotalsCell, Figures] = {}
    for part in parts:
        if part.adjusts == adjusts:
            figures = Figures(stake=part.stake, payout=part.payout)
            sums[part.cell] = sums.get(part.cell, Figures()) + figures
    return sums


def _summed(
    cells: Mapping[TotalsCell, TotalsRow], name: Callable[[TotalsCell], Name]
) -> tuple[TotalsRow, ...]:
    groups: dict[tuple[Name, str], list[TotalsRow]] = {}
    for cell, row in cells.items():
        groups.setdefault((name(cell), cell.currency), []).append(row)
    return tuple(_sum(named, code, groups[named, code]) for named, code in sorted(groups))


def _sum(name: Name, currency: str, rows: list[TotalsRow]) -> TotalsRow:
    causes: dict[str, int] = {}
    for row in rows:
        for cause, ggr in row.causes.items():
            causes[cause] = causes.get(cause, 0) + ggr
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
