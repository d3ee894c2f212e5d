"""Tables of the tie-out, of our totals by game, and of the resolution rate."""

from collections.abc import Iterator, Sequence

from reconcile.totals.differences import ELSEWHERE, NO_BREAKS, TIMING
from reconcile.totals.resolution_rate import HORIZONS, percent
from reconcile.totals.tie_out import TotalsRow
from reports.grid import Amount, Column, Grid, GridRow, Value, amount_columns
from reports.pack import Pack

_SIDES = ("ours", "theirs")
_COUNTED = ("rounds", "bets", "wins", "rollbacks")
_SUMMED = ("stake", "payout", "ggr")

#: The proof first; what does not belong on paper last.
_TIE_OUT_COLUMNS = (
    *(Column("Day", 12), Column("Game", 22), Column("Currency", 10, stacked=True)),
    *(Column(f"GGR {side}", 16, number=True, stacked=side == "theirs") for side in _SIDES),
    *amount_columns(("Difference", "Breaks", "Timing"), 14, signed=True),
    Column("Other period", 14, "Elsewhere", number=True, signed=True),
    Column("Rest", 14, number=True, signed=True, stacked=True),
    *amount_columns(("Residual",), 14, signed=True),
    *(
        Column(f"{name} {side}", 16, number=True, stacked=side == "theirs", on_paper=False)
        for name in ("Stake", "Payout")
        for side in _SIDES
    ),
    Column("Adjusted", 14, number=True, on_paper=False),
    Column("Funded", 14, number=True, stacked=True, on_paper=False),
    *(
        Column(f"Rounds {side}", 12, number=True, stacked=side == "theirs", on_paper=False)
        for side in _SIDES
    ),
    *(
        Column(f"{name} {side}", 12, number=True, on_page=False, on_paper=False)
        for name in ("Bets", "Wins", "Rollbacks")
        for side in _SIDES
    ),
)


def tie_out_grid(pack: Pack) -> Grid:
    """Both sides by day, game and currency, with the parts of their difference."""
    return Grid(
        name="Tie-out",
        slug="tie-out",
        sheet="Tie-out",
        note="By business day, game and currency. The difference of GGR, theirs less ours, is"
        " the sum of breaks, timing, what they count in another period (or game), and"
        " the rest (grouped, tolerated, rolled back); the residual is zero where totals tie."
        " Adjusted and funded are parts of our GGR. Both sides count a round once. Bets, wins"
        " and rollbacks are operations of ours and records of theirs: equal only where the"
        " provider reports each operation as a record of its own.",
        empty=pack.empty_text,
        columns=_TIE_OUT_COLUMNS,
        rows=[_tie_out_row(row.name, row) for row in _in_order(pack)],
        foot=[_tie_out_row(("all days", "all games"), row) for row in _sums(pack)],
    )


def _in_order(pack: Pack) -> list[TotalsRow]:
    """By day and currency; within them the largest difference first, then the largest GGR."""
    rows = pack.tie_out.by("day", "game") if pack.tie_out else ()
    return sorted(
        rows,
        key=lambda row: (
            *(row.name[0], row.currency),
            *(-abs(row.difference.ggr), -abs(row.ours.ggr), row.name[1]),
        ),
    )


def _sums(pack: Pack) -> tuple[TotalsRow, ...]:
    return pack.tie_out.by() if pack.tie_out and pack.tie_out.cells else ()


def _tie_out_row(labels: Sequence[str], row: TotalsRow) -> GridRow:
    sides = (row.ours, row.theirs)
    other_causes = NO_BREAKS - {TIMING, ELSEWHERE}
    proof = [
        *(side.ggr for side in sides),
        *(row.difference.ggr, row.breaks),
        *(row.causes.get(cause, 0) for cause in (TIMING, ELSEWHERE)),
        *(sum(row.causes.get(cause, 0) for cause in other_causes), row.residual),
        *(getattr(side, name) for name in ("stake", "payout") for side in sides),
        *(row.adjusted.ggr, row.funded.ggr),
    ]
    counts = [getattr(side, name) for name in _COUNTED for side in sides]
    return *labels, row.currency, *(Amount(minor, row.currency) for minor in proof), *counts


def totals_grid(pack: Pack) -> Grid:
    """What our rounds moved, by game and currency."""
    return Grid(
        name="Totals",
        slug="totals",
        sheet="Totals",
        note="Stake, payout and GGR (stake less payout) of our rounds that began in the window,"
        " by game; by currency, the largest GGR first.",
        empty="No activity: nothing was booked in this window."
        if pack.is_compared
        else pack.empty_text,
        columns=(
            *(
                Column("Provider", 18, name="provider", on_page=False),
                Column("Game", 26, name="game"),
            ),
            Column("Currency", 10, name="currency"),
            Column("Rounds", 12, name="rounds", number=True),
            *(
                Column(heading, 18, name=heading.lower(), number=True)
                for heading in ("Stake", "Payout", "GGR")
            ),
        ),
        rows=[
            (
                *(pack.provider, total.game, total.currency, total.rounds),
                *(Amount(m, total.currency) for m in (total.stake, total.payout, total.ggr)),
            )
            for total in pack.game_totals
        ],
        foot=[_total(pack, code) for code in sorted({t.currency for t in pack.game_totals})],
    )


def _total(pack: Pack, code: str) -> GridRow:
    totals = [total for total in pack.game_totals if total.currency == code]
    sums = [sum(getattr(total, name) for total in totals) for name in _SUMMED]
    rounds = sum(total.rounds for total in totals)
    return pack.provider, "all games", code, rounds, *(Amount(minor, code) for minor in sums)


def resolution_rate_grid(pack: Pack) -> Grid:
    """The share of rows, and of their money, that was explained within each horizon."""
    return Grid(
        name="Resolution rate",
        slug="explained",
        sheet="Explained",
        note="Resolution rate: the share of rows, and of their stake and payout, that was"
        " explained within an hour, a day, and two business days of being known. Younger rows"
        " do not count; without any row old enough there is no percentage.",
        empty="The window holds no row." if pack.is_compared else pack.empty_text,
        columns=(
            Column("Of", 10),
            *(
                Column(f"{figure} {horizon}", 16, number=True)
                for horizon in HORIZONS
                for figure in ("Due", "Explained", "%")
            ),
        ),
        rows=list(_shares(pack)),
    )


def _shares(pack: Pack) -> Iterator[GridRow]:
    if pack.resolution_rate is None or not pack.resolution_rate.rows:
        return
    shares = pack.resolution_rate.rates
    counts = [(share.due, share.resolved) for share in shares]
    yield "rows", *(v for due, done in counts for v in (due, done, percent(done, due) or ""))
    for code in sorted({code for share in shares for code in share.money}):
        row: list[Value] = [code]
        for share in shares:
            done, due = share.money.get(code, (0, 0))
            row += [Amount(due, code), Amount(done, code), percent(done, due) or ""]
        yield row
