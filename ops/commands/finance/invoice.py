"""``tieout invoice check``: what a provider claims, our books, and the rounds in between."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.finance.invoice_check import checked
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Maturity, Provider
from ops.context import current
from reconcile.invoices.check import InvoiceCheck
from reconcile.invoices.render import check_json
from reconcile.totals.render import Exponents, causes_text
from reconcile.totals.tie_out import Totals
from vocabulary.clock import SystemClock
from vocabulary.money import exponent_of, text_from_minor

app = typer.Typer(add_completion=False, no_args_is_help=True)

#: Rounds shown on a terminal; all of them are in the JSON.
SHOWN_MAX = 50


@app.callback()
def invoice() -> None:
    """Check what a provider claims against our books."""


@app.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The invoice: .toml, .json or .csv.")],
    *,
    provider: Provider,
    period: Annotated[str, typer.Option(help="A month such as 2026-06, or FROM/TO.")],
    maturity: Maturity = None,
    as_json: AsJson = False,
) -> None:
    """Compute the fee by the provider's terms; exit 1 where the invoice does not tie."""
    invoiced = checked(
        current(ctx),
        file,
        provider=provider,
        period=period,
        maturity=maturity,
        clock=SystemClock(),
    )
    found, told, exponents = invoiced.check, invoiced.totals, invoiced.exponents
    if as_json:
        print_json(check_json(found, told, exponents), indent=2)
    else:
        _print(found, told, exponents)
    raise typer.Exit(0 if found.ties else 1)


def _print(found: InvoiceCheck, told: Totals, exponents: Exponents) -> None:
    table = Table("game", "currency", "GGR claimed", "GGR ours", "difference", "explained by")
    table.add_column("unexplained")
    for each in found.checked:
        digits = exponent_of(each.currency, exponents)
        amounts = (each.claimed, each.ours, each.difference)
        table.add_row(
            each.game or "all",
            each.currency,
            *(text_from_minor(minor, digits) for minor in amounts),
            causes_text(each.causes, digits) if each.difference else "",
            text_from_minor(each.unexplained, digits),
        )
    console = Console()
    console.print(table)
    _print_rounds(console, found, exponents)
    _print_fee(found)
    if told.unposted:
        typer.echo(f"{told.unposted} accepted batches are not posted yet and not in here")


def _print_rounds(console: Console, found: InvoiceCheck, exponents: Exponents) -> None:
    lines = [line for each in found.checked if each.difference for line in each.lines]
    if not lines:
        return
    table = Table("day", "round", "game", "cause", "GGR, theirs less ours", "break")
    for line in lines[:SHOWN_MAX]:
        digits = exponent_of(line.cell.currency, exponents)
        amount = f"{text_from_minor(line.ggr, digits)} {line.cell.currency}"
        where = (str(line.cell.day), line.round_id, line.cell.game)
        table.add_row(*where, line.cause, amount, line.break_id or "")
    console.print(table)
    if len(lines) > SHOWN_MAX:
        typer.echo(f"and {len(lines) - SHOWN_MAX} more rounds; see --json")


def _print_fee(found: InvoiceCheck) -> None:
    code = found.invoice.currency
    digits = exponent_of(code)
    amounts = (found.invoice.fee, found.ours.total, found.difference)
    claimed, ours, more = (text_from_minor(minor, digits) for minor in amounts)
    typer.echo(f"fee claimed {claimed} {code}, ours {ours} {code}, difference {more} {code}")
    if found.difference:
        parts = (found.by_ggr, found.by_terms)
        by_ggr, by_terms = (text_from_minor(minor, digits) for minor in parts)
        typer.echo(f"of it {by_ggr} by another GGR, {by_terms} by other terms")
    typer.echo("the invoice ties" if found.ties else "THE INVOICE DOES NOT TIE")
