"""Tables of the open breaks, and of the rounds behind the tie-out."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from reconcile.totals.differences import DifferenceLine
from reports.grid import (
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Value,
    amount_columns,
    owed_column,
    readable,
    who_owes,
)
from reports.pack import Pack
from reports.queries import OpenBreak

_HOUR = timedelta(hours=1)
_AMOUNTS = [
    Column(
        f"{heading} {side}",
        14,
        name=f"{side}_{name}",
        number=True,
        stacked=(name, side) != ("stake", "ours"),
        on_paper=False,
    )
    for heading, name in (("Stake", "stake"), ("Payout", "payout"))
    for side in ("ours", "theirs")
]

_COLUMNS = (
    Column("Break", 26, name="id", is_id=True),
    Column("Kind", 22, name="kind", stacked=True, is_code_name=True),
    Column("Impact", 16, name="impact", on_page=False, on_paper=False),
    owed_column("Difference", name="difference"),
    Column("Currency", 10, name="currency", stacked=True),
    Column("Who owes", 20, name="who_owes", stacked=True, on_paper=False),
    Column(
        "GGR",
        16,
        name="invoice_difference",
        number=True,
        signed=True,
        stacked=True,
        on_paper=False,
    ),
    Column("Round", 24, name="round_id", is_id=True),
    Column(
        "Their round id",
        18,
        name="alias",
        stacked=True,
        is_id=True,
        on_page=False,
        on_paper=False,
    ),
    Column("Player", 16, name="player", stacked=True, is_id=True),
    Column("What happened", 50, name="explanation"),
    Column("Evidence", 70, name="evidence", stacked=True, is_id=True, on_paper=False),
    *_AMOUNTS,
    Column("Standing", 14, name="standing", is_code_name=True),
    Column("State", 20, name="state", stacked=True, is_code_name=True, on_paper=False),
    Column("Assignee", 12, name="assignee", stacked=True, on_paper=False),
    Column("Reopened", 10, name="reopened", number=True, on_page=False, on_paper=False),
    Column("Provider says", 14, name="answer", on_page=False, on_paper=False),
    Column("First seen (UTC)", 25, name="first_seen", on_paper=False),
    Column("Age, hours", 10, name="age_hours", stacked=True, on_paper=False),
    Column("Due (UTC)", 25, name="due"),
    Column("Overdue", 10, name="overdue", stacked=True),
    Column("Run", 28, name="run_id", is_id=True, on_page=False, on_paper=False),
)


def breaks_grid(pack: Pack) -> Grid:
    """All breaks that runs still find, money first."""
    return Grid(
        name="Breaks",
        slug="breaks",
        sheet="Breaks",
        note="Every break that is still found, of this run and of earlier ones: money first, by"
        " currency, the largest first. The standing says whether somebody has to act. GGR:"
        " theirs less ours, which an invoice counts. Age counts from opening or reopening. The"
        " evidence names operations and transactions of ours, and records and versions of the"
        " provider's history; `tieout breaks show ID` shows them.",
        empty=no_breaks(pack),
        anchor=0,
        columns=_COLUMNS,
        rows=[_break(pack, break_) for break_ in pack.breaks],
    )


def no_breaks(pack: Pack) -> str:
    """Why a table of breaks has no row."""
    return "No break is open." if pack.is_compared else pack.empty_text


def _break(pack: Pack, break_: OpenBreak) -> GridRow:
    return (
        *(break_.break_id, break_.kind, break_.impact),
        *(Amount(break_.difference, break_.currency), break_.currency),
        who_owes(break_.impact, break_.invoice),
        Amount(break_.invoice, break_.currency),
        *(break_.round_id, break_.alias, break_.player or ""),
        *(break_.explanation, _evidence(break_.evidence)),
        *_amounts(pack, break_),
        str(break_.standing),
        *(break_.state, break_.assignee or "", break_.reopened, break_.answer or ""),
        *(Instant(break_.first_seen), (pack.generated_at - break_.opened_at) // _HOUR),
        "nobody has to act" if break_.due is None else Instant(break_.due),
        "OVERDUE" if pack.is_overdue(break_) else "",
        break_.run_id,
    )


def _amounts(pack: Pack, break_: OpenBreak) -> list[Value]:
    amounts: list[Value] = []
    for name in ("stake", "payout"):
        for side in (break_.ours, break_.theirs):
            text = (side or {}).get(name)
            if text is None:
                amounts.append("")
            else:
                amounts.append(Amount(pack.minor(text, break_.currency), break_.currency))
    return amounts


def _evidence(evidence: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{readable(name)}: {_listed(value)}" for name, value in sorted(evidence.items())
    )


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def differences_grid(pack: Pack) -> Grid:
    """The rounds behind the tie-out's differences, the largest first."""
    return Grid(
        name="Differences",
        slug="differences",
        sheet="Differences",
        note="The rounds behind the tie-out: how much each contributes to the difference of"
        " GGR, the provider's less ours; by currency, the largest first. Cause elsewhere:"
        " counted in another period or for another game; undone: rolled back by another"
        " record.",
        empty="No round contributes to a difference." if pack.is_compared else pack.empty_text,
        columns=(
            *(
                Column("Day", 12),
                Column("Game", 22),
                Column("Currency", 10),
                Column("Cause", 22, is_code_name=True),
            ),
            *amount_columns(("GGR",), signed=True),
            *(Column("Round", 26, is_id=True), Column("Player", 18, is_id=True)),
            Column("Break", 26, is_id=True, links=True),
        ),
        rows=[
            (
                *(line.cell.day, line.cell.game, line.cell.currency, line.cause),
                *(Amount(line.ggr, line.cell.currency), line.round_id, line.player),
                line.break_id or "",
            )
            for line in sorted(pack.tie_out.lines if pack.tie_out else (), key=_largest)
        ],
    )


def _largest(line: DifferenceLine) -> tuple[object, ...]:
    return line.cell.currency, -abs(line.ggr), line.cell, line.cause, line.round_id
