"""``tieout totals``: both sides by day, game or currency, and the causes of differences."""

import gc
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import typer

from ops.commands.json_output import print_json
from ops.commands.option_values import read_day
from ops.commands.options import AsJson, Maturity
from ops.commands.reconcile.comparison_terms import comparison_of
from ops.commands.scope import ChosenWindow, on_windows, one_or_all
from ops.commands.tables import wide_table
from ops.context import Context, context_of
from ops.finance.comparison import ComparisonTerms
from ops.settings.sections.reporting import reporting_rates
from reconcile.totals.render import (
    Exponents,
    causes_text,
    rounds_json,
    totals_json,
    unposted_text,
)
from reconcile.totals.tie_out import Totals, totals
from reports.conversion import (
    Consolidation,
    consolidated,
    consolidation_json,
    missing_text,
    sum_text,
)
from reports.coverage import comparisons, gaps
from storage.transactions import engine_at
from vocabulary.clock import SystemClock
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

_NOT_COMPARED = (
    "neither side has a round in this window, and no run compared all of it, so nothing can be"
    " said about it; run `tieout reconcile` over it first"
)


class TotalsSplit(StrEnum):
    """What totals can be split by; they are always split by currency too."""

    DAY = "day"
    GAME = "game"
    CURRENCY = "currency"


@on_windows
def show(
    ctx: typer.Context,
    *,
    windows: list[ChosenWindow],
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

    Exit 1 where breaks cause one, or where the window is empty and no run compared it. With
    --json one provider's totals are an object; several, or --all, are a list.
    """
    context = context_of(ctx)
    names = tuple(
        split.value
        for split in splits or [TotalsSplit.DAY]
        if split is not TotalsSplit.CURRENCY
    )
    added = []
    for chosen in windows:
        added.append(_add_up(context, chosen, rounds, maturity))
        if not as_json:
            if len(windows) > 1:
                typer.echo(chosen.entry.slug)
            _print_all(added[-1], names)
        if not added[-1].is_compared:
            typer.echo(f"{chosen.entry.slug}: {_NOT_COMPARED}", err=True)
    if as_json:
        documents = [_totals_document(summed, names) for summed in added]
        print_json(one_or_all(ctx, documents), indent=2)
    raise typer.Exit(0 if all(summed.agree and summed.is_compared for summed in added) else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTotals:
    """The totals of one provider.

    Attributes:
        rounds_day: the day whose rounds are listed; None: no rounds are.
        consolidation: in the reporting currency, if the settings name one.
        is_compared: whether a round is in the window, or stored runs compared all of it.
    """

    totals: Totals
    exponents: Exponents
    rounds_day: date | None
    consolidation: Consolidation | None
    is_compared: bool

    @property
    def agree(self) -> bool:
        """Whether no break causes a difference, and every difference is explained."""
        return self.totals.ties and not any(line.break_id for line in self.totals.lines)


def _add_up(
    context: Context, chosen: ChosenWindow, rounds: str | None, maturity: str | None
) -> ProviderTotals:
    clock, entry = SystemClock(), chosen.entry
    edges = (chosen.window.start.isoformat(), chosen.window.end.isoformat())
    comparison = comparison_of(context, entry.slug, edges, maturity, clock)
    rates = reporting_rates(context.settings.reporting, context.settings.exponents)
    exponents = comparison.configured.provider.exponents
    gc.freeze()  # what is imported is not searched for garbage
    result = totals(comparison.url, comparison.request, now=clock.now(), zone=entry.timezone)
    return ProviderTotals(
        totals=result,
        exponents=exponents,
        rounds_day=read_day(rounds, "--rounds", zone=entry.timezone, now=clock.now()),
        consolidation=None
        if rates is None
        else consolidated(result.ggr_by_day(), rates, exponents),
        is_compared=bool(result.cells) or _is_compared(comparison),
    )


def _is_compared(comparison: ComparisonTerms) -> bool:
    """Whether stored runs compared the whole window, so that an empty one is known to be."""
    window = comparison.request.window
    with engine_at(comparison.url, pool_size=1) as engine, engine.connect() as connection:
        compared = comparisons(connection, comparison.request.provider, window)
    return not gaps(window, [part.window for part in compared])


def _totals_document(summed: ProviderTotals, names: tuple[str, ...]) -> dict[str, Any]:
    document = totals_json(summed.totals, names, summed.exponents)
    document["compared"] = summed.is_compared
    if summed.rounds_day is not None:
        document["rounds"] = rounds_json(summed.totals, summed.rounds_day, summed.exponents)
    if summed.consolidation is not None:
        document["reporting"] = consolidation_json(summed.consolidation, summed.exponents)
    return document


def _print_all(summed: ProviderTotals, names: tuple[str, ...]) -> None:
    if not summed.is_compared:
        return
    _print(summed.totals, names, summed.exponents)
    if summed.rounds_day is not None:
        _print_rounds(summed.totals, summed.rounds_day, summed.exponents)
    if summed.consolidation is not None:
        _print_consolidation(summed.consolidation)


def _print(result: Totals, names: tuple[str, ...], exponents: Exponents) -> None:
    figures = ("rounds", "GGR ours", "GGR theirs", "difference", "residual")
    rows, causes = [], []
    for row in result.by(*names):
        digits = digits_of(row.currency, exponents)
        amounts = (row.ours.ggr, row.theirs.ggr, row.difference.ggr, row.residual)
        rounds = f"{row.ours.rounds} / {row.theirs.rounds}"
        texts = [text_from_minor(minor, digits) for minor in amounts]
        rows.append([*row.name, row.currency, rounds, *texts])
        causes.append(f"explained by {causes_text(row.causes, digits)}" if row.causes else "")
    columns = (*names, "currency", *figures)
    wide_table(columns, rows, left=len(names) + 1, empty="no round", below=causes)
    if result.unposted:
        typer.echo(f"{unposted_text(result.unposted)} and not in here")
    typer.echo("every difference is explained" if result.ties else "THE TOTALS DO NOT TIE")


def _print_consolidation(consolidation: Consolidation) -> None:
    typer.echo(sum_text(consolidation))
    if consolidation.missing:
        typer.echo(missing_text(consolidation.missing))


def _print_rounds(result: Totals, day: date, exponents: Exponents) -> None:
    columns = ("round", "player", "game", "cause", "GGR, theirs less ours", "break")
    rows = []
    for line in result.lines:
        if line.cell.day == day:
            digits = digits_of(line.cell.currency, exponents)
            amount = f"{text_from_minor(line.ggr, digits)} {line.cell.currency}"
            named = line.break_id or ""
            cell = line.cell
            rows.append([line.round_id, line.player, cell.game, line.cause, amount, named])
    wide_table(columns, rows, left=len(columns), empty=f"no round differs on {day}")
