"""Totals by day and game, by game, and how soon rows were explained."""

from collections.abc import Iterator, Sequence

from reconcile.totals.differences import ELSEWHERE, NO_BREAKS, TIMING
from reconcile.totals.resolution_rate import HORIZONS, percent
from reconcile.totals.tie_out import TotalsRow as Tied
from reports.grid import Amount, Column, Grid, GridRow, Value, amounts
from reports.report import Pack

_SIDES = ("ours", "theirs")
_COUNTED = ("bets", "wins", "rollbacks")
_SUMMED = ("stake", "payout", "ggr")


def tie_out_grid(pack: Pack) -> Grid:
    """Both sides by day, game and currency, with what lies between them."""
    return Grid(
        name="Tie-out",
        slug="tie-out",
        sheet="Tie-out",
        note="By business day, game and currency. The difference of GGR, theirs less ours, is"
        " the sum of breaks, timing, what is counted elsewhere, and the rest; the residual is"
        " zero where totals tie. Adjusted and funded are parts of our GGR.",
        empty="Nothing was booked and nothing was reported in this window.",
        columns=(
            *(Column("Day", 12), Column("Game", 22), Column("Currency", 10, under=True)),
            *(
                Column(f"{what} {side}", 12, number=True, under=side == "theirs")
                for what in ("Bets", "Wins", "Rollbacks")
                for side in _SIDES
            ),
            *(
                Column(f"{what} {side}", 16, number=True, under=side == "theirs")
                for what in ("Stake", "Payout", "GGR")
                for side in _SIDES
            ),
            *amounts(("Difference",), 14, signed=True),
            Column("Adjusted", 14, number=True),
            Column("Funded", 14, number=True, under=True),
            *amounts(("Breaks", "Timing", "Elsewhere"), 14, signed=True),
            Column("Rest", 14, number=True, signed=True, under=True),
            *amounts(("Residual",), 14, signed=True),
        ),
        rows=[_tied(row.name, row) for row in _in_order(pack)],
        foot=[_tied(("all days", "all games"), row) for row in _sums(pack)],
    )


def _in_order(pack: Pack) -> list[Tied]:
    """By day and currency; in it the largest difference first, then the largest GGR."""
    rows = pack.tied.by("day", "game") if pack.tied else ()
    return sorted(
        rows,
        key=lambda row: (
            *(row.name[0], row.currency),
            *(-abs(row.difference.ggr), -abs(row.ours.ggr), row.name[1]),
        ),
    )


def _sums(pack: Pack) -> tuple[Tied, ...]:
    return pack.tied.by() if pack.tied and pack.tied.cells else ()


def _tied(name: Sequence[str], row: Tied) -> GridRow:
    sides = (row.ours, row.theirs)
    rest = NO_BREAKS - {TIMING, ELSEWHERE}
    counts = [getattr(side, what) for what in _COUNTED for side in sides]
    sums = [
        *(getattr(side, what) for what in _SUMMED for side in sides),
        *(row.difference.ggr, row.adjusted.ggr, row.funded.ggr, row.breaks),
        *(row.causes.get(cause, 0) for cause in (TIMING, ELSEWHERE)),
        *(sum(row.causes.get(cause, 0) for cause in rest), row.residual),
    ]
    return *name, row.currency, *counts, *(Amount(minor, row.currency) for minor in sums)


def totals_grid(pack: Pack) -> Grid:
    """What our rounds moved, by game and currency."""
    return Grid(
        name="Totals",
        slug="totals",
        sheet="Totals",
        note="What our rounds that began in the window moved, by game: stake, payout, and GGR,"
        " which is stake less payout. By currency, the largest GGR first.",
        empty="No activity: nothing was booked in this window.",
        columns=(
            *(
                Column("Provider", 18, name="provider", page=False),
                Column("Game", 26, name="game"),
            ),
            Column("Currency", 10, name="currency"),
            Column("Rounds", 12, name="rounds", number=True),
            *(
                Column(each, 18, name=each.lower(), number=True)
                for each in ("Stake", "Payout", "GGR")
            ),
        ),
        rows=[
            (
                *(pack.provider, each.game, each.currency, each.rounds),
                *(Amount(m, each.currency) for m in (each.stake, each.payout, each.ggr)),
            )
            for each in pack.totals
        ],
        foot=[_total(pack, code) for code in sorted({each.currency for each in pack.totals})],
    )


def _total(pack: Pack, code: str) -> GridRow:
    some = [each for each in pack.totals if each.currency == code]
    sums = [sum(getattr(each, what) for each in some) for what in _SUMMED]
    rounds = sum(each.rounds for each in some)
    return pack.provider, "all games", code, rounds, *(Amount(each, code) for each in sums)


def explained_grid(pack: Pack) -> Grid:
    """How soon rows, and their money, were explained."""
    return Grid(
        name="Explained",
        slug="explained",
        sheet="Explained",
        note="What share of rows, and of their stake and payout, was explained within an hour,"
        " a day, and two business days of being known; rows that are younger do not count,"
        " and where none is old enough there is no percentage.",
        empty="The window holds no row.",
        columns=(
            Column("Of", 10),
            *(
                Column(f"{what} {name}", 16, number=True)
                for name in HORIZONS
                for what in ("Due", "Explained", "%")
            ),
        ),
        rows=list(_shares(pack)),
    )


def _shares(pack: Pack) -> Iterator[GridRow]:
    if pack.explained is None or not pack.explained.rows:
        return
    shares = pack.explained.rates
    counts = [(each.due, each.resolved) for each in shares]
    yield "rows", *(v for due, done in counts for v in (due, done, percent(done, due) or ""))
    for code in sorted({code for each in shares for code in each.money}):
        told: list[Value] = [code]
        for each in shares:
            done, due = each.money.get(code, (0, 0))
            told += [Amount(due, code), Amount(done, code), percent(done, due) or ""]
        yield told
