"""``tieout totals``: both sides by day, game or currency, and the causes of differences."""

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Maturity, Provider
from ops.commands.reconcile.comparison_terms import ComparisonTerms, comparison_of
from ops.context import context_of
from ops.settings.reporting import reporting_rates
from reconcile.totals.render import Exponents, causes_text, rounds_json, totals_json
from reconcile.totals.tie_out import Totals, totals
from reports.conversion import Consolidation, consolidated, consolidation_json, missing_text
from reports.coverage import comparisons, gaps
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.money import exponent_of, text_from_minor

_NOT_COMPARED = (
    "neither side has a round in this window, and no run compared all of it, so nothing can be"
    " said about it; run `tieout reconcile` over it first"
)


class TotalsSplit(StrEnum):
    """What totals can be split by; they are always split by currency too."""

    DAY = "day"
    GAME = "game"
    CURRENCY = "currency"


def show(
    ctx: typer.Context,
    *,
    provider: Provider,
    start: Annotated[str, typer.Option("--from", help="Start: a date or instant.")],
    end: Annotated[str, typer.Option("--to", help="End, exclusive: a date or instant.")],
    splits: Annotated[
        list[TotalsSplit] | None, typer.Option("--by", help="day (default), game, currency.")
    ] = None,
    rounds: Annotated[
        str | None, typer.Option(metavar="DAY", help="The rounds behind one day's differences.")
    ] = None,
    maturity: Maturity = None,
    as_json: AsJson = False,
) -> None:
    """Add up both sides and name the rounds behind each difference.

    Exit 1 where breaks cause one, or where the window is empty and no run compared it.
    """
    clock = SystemClock()
    context = context_of(ctx)
    rates = reporting_rates(context.settings.reporting)
    comparison = comparison_of(context, provider, (start, end), maturity, clock)
    day = None if rounds is None else _day(rounds)
    exponents = comparison.configured.provider.exponents
    result = totals(
        comparison.url, comparison.request, now=clock.now(), zone=comparison.configured.timezone
    )
    consolidation = None if rates is None else consolidated(result, rates, exponents)
    names = tuple(
        split.value
        for split in splits or [TotalsSplit.DAY]
        if split is not TotalsSplit.CURRENCY
    )
    is_compared = bool(result.cells) or _is_compared(comparison)
    if as_json:
        document = {**totals_json(result, names, exponents), "compared": is_compared}
        if day is not None:
            document["rounds"] = rounds_json(result, day, exponents)
        if consolidation is not None:
            document["reporting"] = consolidation_json(consolidation, exponents)
        print_json(document, indent=2)
    elif is_compared:
        _print(result, names, exponents)
        if day is not None:
            _print_rounds(result, day, exponents)
        if consolidation is not None:
            _print_consolidation(consolidation)
    if not is_compared:
        typer.echo(f"{provider}: {_NOT_COMPARED}", err=True)
    differs = any(line.break_id for line in result.lines)
    raise typer.Exit(1 if differs or not result.ties or not is_compared else 0)


def _is_compared(comparison: ComparisonTerms) -> bool:
    """Whether stored runs compared the whole window, so that an empty one is known to be."""
    window = comparison.request.window
    with engine_at(comparison.url, pool_size=1) as engine, engine.connect() as connection:
        compared = comparisons(connection, comparison.request.provider, window)
    return not gaps(window, [part.window for part in compared])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        hint = "a date such as 2026-03-01 is expected"
        raise typer.BadParameter(hint, param_hint="--rounds") from error


def _print(result: Totals, names: tuple[str, ...], exponents: Exponents) -> None:
    table = Table(*names, "currency", "rounds", "GGR ours", "GGR theirs", "difference")
    table.add_column("explained by")
    table.add_column("residual")
    for row in result.by(*names):
        digits = exponent_of(row.currency, exponents)
        amounts = (row.ours.ggr, row.theirs.ggr, row.difference.ggr)
        table.add_row(
            *row.name,
            row.currency,
            f"{row.ours.rounds} / {row.theirs.rounds}",
            *(text_from_minor(minor, digits) for minor in amounts),
            causes_text(row.causes, digits),
            text_from_minor(row.residual, digits),
        )
    Console().print(table)
    if result.unposted:
        typer.echo(f"{result.unposted} accepted batches are not posted yet and not in here")
    typer.echo("every difference is explained" if result.ties else "THE TOTALS DO NOT TIE")


def _print_consolidation(consolidation: Consolidation) -> None:
    code, digits = consolidation.currency, exponent_of(consolidation.currency)
    ours, theirs = consolidation.ours, consolidation.theirs
    texts = [text_from_minor(minor, digits) for minor in (ours, theirs, theirs - ours)]
    typer.echo(f"GGR in {code}: ours {texts[0]}, theirs {texts[1]}, difference {texts[2]}")
    if consolidation.missing:
        typer.echo(missing_text(consolidation.missing))


def _print_rounds(result: Totals, day: date, exponents: Exponents) -> None:
    table = Table("round", "player", "game", "cause", "GGR, theirs less ours", "break")
    for line in result.lines:
        if line.cell.day == day:
            digits = exponent_of(line.cell.currency, exponents)
            amount = f"{text_from_minor(line.ggr, digits)} {line.cell.currency}"
            named = line.break_id or ""
            table.add_row(line.round_id, line.player, line.cell.game, line.cause, amount, named)
    Console().print(table)
