"""Days in words, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import typer

from ops.commands.json_output import print_json
from ops.commands.tables import wide_table
from reconcile.days.corrections import DayCorrection
from reconcile.days.figures import NO_MONEY, NO_TOTALS, DayFigures, changes_between
from reconcile.days.since import fixed_step, signed_text, since_lines
from reconcile.days.states import DayStatus, DayStep
from vocabulary.clock import iso

FIGURES = (
    *("ours GGR", "theirs GGR", "difference", "in breaks", "unexplained", "open breaks"),
)
COLUMNS = ("provider", "day", "state", *FIGURES)


def print_days(days: Iterable[DayStatus], *, as_json: bool) -> None:
    """Print days, one line for each currency."""
    listed = list(days)
    if as_json:
        print_json([day_json(day) for day in listed], indent=2, instant=iso)
        return
    if listed:  # where every day was refused, a heading alone says nothing
        rows = (row for day in listed for row in day_rows(day))
        wide_table(COLUMNS, rows, left=3, empty="no day")
    for day in listed:
        for line in since_lines(day):
            typer.echo(line)


def day_commands(step: str, days: Sequence[DayStatus]) -> list[str]:
    """The commands that take a step on all these days, one for each date.

    ``yesterday`` is another date where it is later.
    """
    return [
        f"tieout day {step} {_days_of(date, [day for day in days if day.day == date])}"
        + _reason_for(step, [day for day in days if day.day == date])
        for date in sorted({day.day for day in days})
    ]


def _days_of(date: date, days: Iterable[DayStatus]) -> str:
    slugs = sorted({day.provider for day in days})
    return " ".join([str(date), *(f"--provider {slug}" for slug in slugs)])


def _reason_for(step: str, days: Iterable[DayStatus]) -> str:
    """The option without which a step is refused."""
    has_open = any(any(day.figures.open_texts()) for day in days)
    needs = step == "reopen" or (step == "prepare" and has_open)
    return " --reason WHY" if needs else ""


def print_day(day: DayStatus, corrections: Iterable[DayCorrection]) -> None:
    """Print one day with what it waits for, what people did, and its corrections."""
    print_days([day], as_json=False)
    for text in day.missing if not day.is_closed else ():
        typer.echo(f"waits: {text}")
    if day.closed is not None:
        closed = day.closed
        why = f": {closed.reason}" if closed.reason else ""
        typer.echo(f"{iso(closed.closed_at)} closed by {closed.by or 'a run'}{why}")
    for step in day.steps:
        why = f": {step.reason}" if step.reason else ""
        typer.echo(f"{iso(step.at)} {step.action} by {step.by}{why}")
    for correction in corrections:
        typer.echo(_correction_line(correction, day.zone))


def _correction_line(correction: DayCorrection, zone: str) -> str:
    days = {
        "round of": correction.began_at,
        "decided on": correction.decided_at,
    }
    when = ", ".join(
        f"{word} {instant.astimezone(ZoneInfo(zone)).date()}"
        for word, instant in days.items()
        if instant is not None
    )
    people = " and ".join(filter(None, (correction.proposed_by, correction.decided_by)))
    return (
        f"correction {correction.id} {correction.state}: {correction.amount}"
        f" {correction.currency} by {people}, {when}: {correction.reason}"
    )


def day_rows(day: DayStatus) -> list[list[str]]:
    """The cells of a day under ``COLUMNS``, a row for each currency."""
    figures = day.figures
    rows = [_cells(figures, currency) for currency in figures.currencies] or [["-"] * 6]
    return [[day.provider, str(day.day), _state_text(day), *cells] for cells in rows]


def day_json(day: DayStatus) -> dict[str, Any]:
    """A day as ``--json`` prints it."""
    step = fixed_step(day)
    changes = [] if step is None else changes_between(step.figures, day.figures)
    return {
        "provider": day.provider,
        "day": day.day,
        "window": {"from": day.window.start, "to": day.window.end},
        "zone": day.zone,
        "state": day.state,
        "waits_for": day.missing if day.closed is None else (),
        "closed": day.closed
        and {
            "at": day.closed.closed_at,
            "run_id": day.closed.run_id,
            "by": day.closed.by,
            "reason": day.closed.reason,
        },
        "figures": day.figures.to_json(),
        "steps": [_step_json(one) for one in day.steps],
        "changed_since": day.has_changed,
        "since_sign_off": [
            {
                "currency": one.currency,
                "ours": signed_text(day.figures, one.currency, one.ours),
                "theirs": signed_text(day.figures, one.currency, one.theirs),
                "open_before": one.open_before,
                "open_now": one.open_now,
            }
            for one in changes
        ],
    }


def _cells(figures: DayFigures, currency: str) -> list[str]:
    money = figures.breaks.get(currency, NO_MONEY)
    ggr = [figures.ours, figures.theirs]
    sides = [
        f"{figures.text(currency, side.get(currency, NO_TOTALS).ggr)} {currency}"
        for side in ggr
    ]
    open_money = f"{money.count}" + (
        f"  {signed_text(figures, currency, money.owed)} {figures.text(currency, money.owing)}"
        if money.count
        else ""
    )
    return [
        *sides,
        signed_text(figures, currency, figures.difference(currency)),
        signed_text(figures, currency, money.in_breaks),
        figures.text(currency, figures.unexplained(currency)),
        open_money,
    ]


def _state_text(day: DayStatus) -> str:
    last = day.last
    return str(day.state) if last is None else f"{day.state} ({last.action} by {last.by})"


def _step_json(step: DayStep) -> dict[str, Any]:
    return {
        "number": step.number,
        "action": step.action,
        "by": step.by,
        "at": step.at,
        "reason": step.reason,
        "two_people": step.two_people,
        "run_id": step.run_id,
        "seal": step.seal,
        "figures": step.figures.to_json(),
    }
