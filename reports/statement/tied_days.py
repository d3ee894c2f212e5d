"""Both sides of business days from a tie-out: a pack need not add its rows up once more."""

from collections.abc import Hashable, Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from reconcile.days.day_sums import kept_sides
from reconcile.days.figures import BothSides, SideTotals
from reconcile.days.sums import SidesReader
from reconcile.totals.cells import NO_FIGURES, Figures
from reconcile.totals.tie_out import Totals
from vocabulary.window import Window, day_window


def tied_sides(tie_out: Totals) -> SidesReader:
    """Read the sides of days that a tie-out contains from it, and others from the database."""
    zone = ZoneInfo(tie_out.zone)

    def read(
        connection: Connection, provider: str, window: Window, stamp: Hashable
    ) -> BothSides:
        day = window.start.astimezone(zone).date()
        is_inside = tie_out.window.start <= window.start and window.end <= tie_out.window.end
        is_whole = is_inside and window == day_window(day, zone)
        if tie_out.their_days is None or provider != tie_out.provider or not is_whole:
            return kept_sides(connection, provider, window, stamp)
        ours = (
            (row.currency, row.ours) for cell, row in tie_out.cells.items() if cell.day == day
        )
        theirs = (
            (code, figures) for (of, code), figures in tie_out.their_days.items() if of == day
        )
        return BothSides(ours=_by_currency(ours), theirs=_by_currency(theirs))

    return read


def _by_currency(parts: Iterable[tuple[str, Figures]]) -> dict[str, SideTotals]:
    sums: dict[str, Figures] = {}
    for code, figures in parts:
        sums[code] = sums.get(code, NO_FIGURES) + figures
    return {
        code: SideTotals(rounds=total.rounds, stake=total.stake, payout=total.payout)
        for code, total in sorted(sums.items())
        if total.rounds
    }
