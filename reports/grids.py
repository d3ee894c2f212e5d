"""Tables that every file of a pack shows alike: made once, written by each in its own way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconcile.explained import HORIZONS, percent
from reconcile.totals import Row
from reconcile.totals_lines import ELSEWHERE, NO_BREAKS, TIMING
from reports.pack import Pack


@dataclass(frozen=True, slots=True)
class Amount:
    """Minor units of a currency."""

    minor: int
    currency: str


#: A value: text, a count, or an amount.
Value = str | int | Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table.

    Attributes:
        name: heads it; ``slug`` names its file.
        note: what the figures mean, in a sentence.
        columns: (heading, width in characters).
    """

    name: str
    slug: str
    note: str
    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[Value]]


def grids(pack: Pack) -> tuple[Grid, ...]:
    """Every grid of a pack, empty ones included."""
    return (_tie_out(pack), _differences(pack), _explained(pack))


def _tie_out(pack: Pack) -> Grid:
    sides = ("ours", "theirs")
    return Grid(
        name="Tie-out",
        slug="tie-out",
        note="By business day, game and currency. The difference of GGR, theirs less ours, is"
        " the sum of breaks, timing, what is counted elsewhere, and the rest; the residual is"
        " zero where totals tie. Adjusted and funded are parts of our GGR.",
        columns=(
            *(("Day", 12), ("Game", 22), ("Currency", 10)),
            *(
                (f"{what} {side}", 12)
                for what in ("Bets", "Wins", "Rollbacks")
                for side in sides
            ),
            *((f"{what} {side}", 16) for what in ("Stake", "Payout", "GGR") for side in sides),
            *((name, 14) for name in ("Difference", "Adjusted", "Funded")),
            *((name, 14) for name in ("Breaks", "Timing", "Elsewhere", "Rest", "Residual")),
        ),
        rows=[_tied(row) for row in (pack.tied.by("day", "game") if pack.tied else ())],
    )


def _tied(row: Row) -> Sequence[Value]:
    ours, theirs = row.ours, row.theirs
    rest = NO_BREAKS - {TIMING, ELSEWHERE}
    amounts = (
        *(ours.stake, theirs.stake, ours.payout, theirs.payout, ours.ggr, theirs.ggr),
        *(row.difference.ggr, row.adjusted.ggr, row.funded.ggr, row.breaks),
        *(row.causes.get(cause, 0) for cause in (TIMING, ELSEWHERE)),
        *(sum(row.causes.get(cause, 0) for cause in rest), row.residual),
    )
    counts = (ours.bets, theirs.bets, ours.wins, theirs.wins, ours.rollbacks, theirs.rollbacks)
    told: list[Value] = [*row.name, row.currency, *counts]
    return [*told, *(Amount(minor, row.currency) for minor in amounts)]


def _differences(pack: Pack) -> Grid:
    return Grid(
        name="Differences",
        slug="differences",
        note="The rounds behind the tie-out: what each of them makes of the difference of GGR.",
        columns=(
            *(("Day", 12), ("Game", 22), ("Currency", 10), ("Cause", 22), ("GGR", 16)),
            *(("Round", 26), ("Player", 18), ("Break", 26)),
        ),
        rows=[
            (
                *(str(line.cell.day), line.cell.game, line.cell.currency, line.cause),
                *(Amount(line.ggr, line.cell.currency), line.round_id, line.player),
                line.break_id or "",
            )
            for line in (pack.tied.lines if pack.tied else ())
        ],
    )


def _explained(pack: Pack) -> Grid:
    return Grid(
        name="Explained",
        slug="explained",
        note="What share of rows, and of their stake and payout, was explained within an hour,"
        " a day, and two business days of being known; rows that are younger do not count.",
        columns=(
            ("Of", 10),
            *(
                (f"{what} {name}", 16)
                for name in HORIZONS
                for what in ("Due", "Explained", "%")
            ),
        ),
        rows=list(_shares(pack)),
    )


def _shares(pack: Pack) -> Iterator[Sequence[Value]]:
    if pack.explained is None or not pack.explained.rows:
        return
    shares = pack.explained.shares
    counts = [(each.due, each.explained) for each in shares]
    yield "rows", *(v for due, done in counts for v in (due, done, percent(done, due) or ""))
    for code in sorted({code for each in shares for code in each.money}):
        told: list[Value] = [code]
        for each in shares:
            done, due = each.money.get(code, (0, 0))
            told += [Amount(due, code), Amount(done, code), percent(done, due) or ""]
        yield told
