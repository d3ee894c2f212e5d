"""What plain rows add up to, by business day, game and currency."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.matching.conservation import exact_sums
from reconcile.snapshot.arrays import Amounts, changes
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.cells import FIGURE_NAMES, NO_FIGURES, UNKNOWN_GAME, Figures, TotalsCell
from reconcile.totals.packed_cells import Columns, unpacked_counts
from reconcile.totals.plain_rows import AgreedRows

# Games by their hash, from one record of each.
_GAMES = """
SELECT DISTINCT hashtextextended(f.game, 0) & -2 AS hash, f.game
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
 WHERE f.game IS NOT NULL
"""
#: A day, a game by its hash, and a packed currency code.
_PackedCell = tuple[date, int, int]
#: Ours and theirs.
BothSides = tuple[Figures, Figures]
_NOTHING: BothSides = (NO_FIGURES, NO_FIGURES)


@dataclass(slots=True)
class PlainSums:
    """Adds plain rows up; ``add`` is called for each span."""

    _sums: dict[_PackedCell, BothSides] = field(default_factory=dict)
    _examples: dict[int, int] = field(default_factory=dict)

    def add(self, rows: AgreedRows, factor: int) -> None:
        """Add the figures of plain rows, or take them away again."""
        if not len(rows.ours["match_key"]):
            return
        games = rows.theirs["game"] & -2
        groups = _Groups.of(games, rows.ours["currency"])
        sums = groups.both_sides(rows)
        for first, (our_sum, their_sum) in zip(groups.firsts.tolist(), sums, strict=True):
            game, currency = int(games[first]), int(rows.ours["currency"][first])
            self._examples.setdefault(game, int(rows.ours["match_key"][first]))
            cell = (rows.day, game, currency)
            our_old, their_old = self._sums.get(cell, _NOTHING)
            if factor > 0:
                self._sums[cell] = (our_old + our_sum, their_old + their_sum)
            else:
                self._sums[cell] = (our_old - our_sum, their_old - their_sum)

    def cells(self, snapshot: Snapshot) -> dict[TotalsCell, BothSides]:
        """Both sides by cell; looks the names of the games up."""
        examples = np.unique(np.array([*self._examples.values()], dtype=np.int64))
        rows = snapshot.query_keys(_GAMES, examples) if len(examples) else []
        names = {row["hash"]: row["game"] for row in rows}
        cells: dict[TotalsCell, BothSides] = {}
        for (day, game, currency), (ours, theirs) in self._sums.items():
            if ours == NO_FIGURES == theirs:
                continue
            cell = TotalsCell(day, names[game] if game else UNKNOWN_GAME, _code(currency))
            old = cells.get(cell, _NOTHING)
            cells[cell] = (old[0] + ours, old[1] + theirs)
        return cells

    def their_days(self) -> dict[tuple[date, str], Figures]:
        """Theirs by business day and currency."""
        days: dict[tuple[date, str], Figures] = {}
        for (day, _, currency), (_, theirs) in self._sums.items():
            place = (day, _code(currency))
            days[place] = days.get(place, NO_FIGURES) + theirs
        return days


def _code(currency: int) -> str:
    """A packed currency code as text."""
    return currency.to_bytes(8, "big").decode("ascii").rstrip()


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows in the order of their groups, where each group starts, and one row of each."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    firsts: NDArray[np.intp]

    @classmethod
    def of(cls, games: Keys, currencies: Keys) -> "_Groups":
        game_codes, _ = pd.factorize(games)
        codes, distinct = pd.factorize(currencies)
        groups = game_codes * len(distinct) + codes
        # Sixteen bits are counted instead of compared.
        few = len(groups) == 0 or int(groups.max()) < 1 << 15
        order = np.argsort(groups.astype(np.int16 if few else np.int32), kind="stable")
        starts = np.flatnonzero(changes(groups.take(order)))
        return cls(order, starts, order[starts])

    def both_sides(self, rows: AgreedRows) -> list[BothSides]:
        """The sums of each group: the sides differ only in what they count of a round."""
        alike = {
            "rounds": np.diff(self.starts, append=len(self.order)).tolist(),
            "stake": self._sums(rows.ours["stake"]),
            "payout": self._sums(rows.ours["payout"]),
        }
        sides = [
            {**alike, **{name: self._sums(values) for name, values in counts.items()}}
            for counts in (unpacked_counts(rows.ours["counts"]), _their_counts(rows.theirs))
        ]
        ours, theirs = (
            [Figures(*row) for row in zip(*(side[name] for name in FIGURE_NAMES), strict=True)]
            for side in sides
        )
        return list(zip(ours, theirs, strict=True))

    def _sums(self, values: Amounts) -> list[int]:
        return exact_sums(values.take(self.order), self.starts)


def _their_counts(rows: Columns) -> Columns:
    """Records as the sums of the database count them; rolled back ones move nothing."""
    return {
        "bets": (rows["stake"] != 0).astype(np.int64),
        "wins": (rows["payout"] != 0).astype(np.int64),
        "rollbacks": rows["game"] & 1,
    }
