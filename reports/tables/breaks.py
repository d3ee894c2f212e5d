"""The breaks one by one, and the rounds that make totals differ."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from reconcile.totals.differences import DifferenceLine
from reports.grid import (
    WHO_OWES,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    Value,
    amount_columns,
    owed_column,
    readable,
)
from reports.queries import OpenBreak
from reports.report import Pack

_HOUR = timedelta(hours=1)
_SAID = [
    Column(
        f"{what} {side}",
        14,
        name=f"{side}_{name}",
        number=True,
        under=(name, side) != ("stake", "ours"),
    )
    for what, name in (("Stake", "stake"), ("Payout", "payout"))
    for side in ("ours", "theirs")
]


def breaks_grid(pack: Pack) -> Grid:
    """Every open break, those about money first."""
    return Grid(
        name="Breaks",
        slug="breaks",
        sheet="Breaks",
        note="Every open break, of this run and of earlier ones: money first, by currency, the"
        " largest first. Age counts from when it was opened or reopened. What it rests on names"
        " operations and transactions of our books, records and versions of the provider's"
        " history; `tieout breaks show ID` tells them.",
        empty="No break is open.",
        anchor=0,
        columns=(
            Column("Break", 26, name="id", code=True),
            Column("Kind", 22, name="kind", under=True, named=True),
            Column("Impact", 16, name="impact", page=False),
            owed_column("Difference", name="difference"),
            Column("Currency", 10, name="currency", under=True),
            Column("Who owes", 20, name="who_owes", under=True),
            Column("Round", 26, name="round_id", code=True),
            Column("Theirs, if another", 18, name="alias", under=True, code=True, page=False),
            Column("Player", 18, name="player", under=True, code=True),
            Column("What happened", 70, name="explanation"),
            Column("Rests on", 70, name="evidence", under=True, code=True),
            *_SAID,
            Column("State", 20, name="state", named=True),
            Column("Assignee", 14, name="assignee", under=True),
            Column("Reopened", 10, name="reopened", number=True, page=False),
            Column("Provider says", 14, name="answer", page=False),
            Column("First seen (UTC)", 28, name="first_seen"),
            Column("Age, hours", 10, name="age_hours", under=True),
            Column("Due (UTC)", 28, name="due"),
            Column("Overdue", 10, name="overdue", under=True),
            Column("Run", 28, name="run_id", code=True, page=False),
        ),
        rows=[_break(pack, each) for each in pack.breaks],
    )


def _break(pack: Pack, each: OpenBreak) -> GridRow:
    return (
        *(each.break_id, each.kind, each.impact),
        *(Amount(each.difference, each.currency), each.currency, WHO_OWES[each.impact]),
        *(each.round_id, each.alias, each.player or ""),
        *(each.explanation, _evidence(each.evidence)),
        *_said(pack, each),
        *(each.state, each.assignee or "", each.reopened, each.answer or ""),
        *(Instant(each.first_seen), (pack.generated_at - each.opened_at) // _HOUR),
        "nobody has to act" if each.due is None else Instant(each.due),
        "OVERDUE" if pack.overdue(each) else "",
        each.run_id,
    )


def _said(pack: Pack, each: OpenBreak) -> list[Value]:
    told: list[Value] = []
    for name in ("stake", "payout"):
        for side in (each.ours, each.theirs):
            text = (side or {}).get(name)
            if text is None:
                told.append("")
            else:
                told.append(Amount(pack.minor(text, each.currency), each.currency))
    return told


def _evidence(evidence: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{readable(name)}: {_listed(value)}" for name, value in sorted(evidence.items())
    )


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def differences_grid(pack: Pack) -> Grid:
    """The rounds behind the tie-out, the largest first."""
    return Grid(
        name="Differences",
        slug="differences",
        sheet="Differences",
        note="The rounds behind the tie-out: what each of them makes of the difference of GGR,"
        " the provider's less ours; by currency, the largest first.",
        empty="No round makes a difference.",
        columns=(
            *(
                Column("Day", 12),
                Column("Game", 22),
                Column("Currency", 10),
                Column("Cause", 22, named=True),
            ),
            *amount_columns(("GGR",), signed=True),
            *(Column("Round", 26, code=True), Column("Player", 18, code=True)),
            Column("Break", 26, code=True, links=True),
        ),
        rows=[
            (
                *(str(line.cell.day), line.cell.game, line.cell.currency, line.cause),
                *(Amount(line.ggr, line.cell.currency), line.round_id, line.player),
                line.break_id or "",
            )
            for line in sorted(pack.tied.lines if pack.tied else (), key=_largest)
        ],
    )


def _largest(line: DifferenceLine) -> tuple[object, ...]:
    return line.cell.currency, -abs(line.ggr), line.cell, line.cause, line.round_id
