"""``tieout invoice check``: compare an invoice with the ledger, down to the rounds."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ops.commands.finance.invoice_check import checked
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Maturity, Provider
from ops.commands.table_options import (
    Decimal,
    Encoding,
    NullText,
    NumericIds,
    Thousands,
    table_rules,
)
from ops.commands.tables import print_table
from ops.context import context_of
from reconcile.invoices.check import InvoiceCheck
from reconcile.invoices.render import check_json
from reconcile.totals.render import Exponents, causes_text, unposted_text
from reconcile.totals.tie_out import Totals
from vocabulary.clock import SystemClock
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor
from vocabulary.plurals import counted

#: Rounds shown on a terminal; all of them are in the JSON.
SHOWN_MAX = 50


def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The invoice: .toml, .json, .csv or .xlsx.")],
    *,
    provider: Provider,
    period: Annotated[
        str, typer.Option(help="A month such as 2026-06, DAY, DAY..DAY or FROM/TO.")
    ],
    maturity: Maturity = None,
    decimal: Decimal = ".",
    thousands: Thousands = "",
    encoding: Encoding = "utf-8",
    null_text: NullText = None,
    numeric_ids: NumericIds = False,
    as_json: AsJson = False,
) -> None:
    """Check an invoice by the provider's terms; exit 1 if it does not tie."""
    invoiced = checked(
        context_of(ctx),
        file,
        provider=provider,
        period=period,
        maturity=maturity,
        clock=SystemClock(),
        rules=table_rules(decimal, thousands, encoding, null_text, numeric_ids=numeric_ids),
    )
    check_, totals, exponents = invoiced.check, invoiced.totals, invoiced.exponents
    if as_json:
        print_json(check_json(check_, totals, exponents), indent=2)
    else:
        _print(check_, totals, exponents)
    raise typer.Exit(0 if check_.ties else 1)


def _print(check_: InvoiceCheck, totals: Totals, exponents: Exponents) -> None:
    table = Table("game", "currency", "GGR claimed", "GGR ours", "difference", "explained by")
    table.add_column("unexplained")
    for line in check_.checked:
        digits = digits_of(line.currency, exponents)
        amounts = (line.claimed, line.ours, line.difference)
        table.add_row(
            line.game or "all",
            line.currency,
            *(text_from_minor(minor, digits) for minor in amounts),
            causes_text(line.causes, digits) if line.difference else "",
            text_from_minor(line.unexplained, digits),
        )
    print_table(table)
    _print_rounds(check_, exponents)
    _print_fee(check_)
    if totals.unposted:
        typer.echo(f"{unposted_text(totals.unposted)} and not in here")


def _print_rounds(check_: InvoiceCheck, exponents: Exponents) -> None:
    lines = [line for checked in check_.checked if checked.difference for line in checked.lines]
    if not lines:
        return
    table = Table("day", "round", "game", "cause", "GGR, theirs less ours", "break")
    for line in lines[:SHOWN_MAX]:
        digits = digits_of(line.cell.currency, exponents)
        amount = f"{text_from_minor(line.ggr, digits)} {line.cell.currency}"
        place = (str(line.cell.day), line.round_id, line.cell.game)
        table.add_row(*place, line.cause, amount, line.break_id or "")
    print_table(table)
    if len(lines) > SHOWN_MAX:
        typer.echo(f"and {counted(len(lines) - SHOWN_MAX, 'more round')}; see --json")


def _print_fee(check_: InvoiceCheck) -> None:
    code = check_.invoice.currency
    digits = check_.digits
    amounts = (check_.invoice.fee, check_.ours.total, check_.difference)
    claimed, ours, more = (text_from_minor(minor, digits) for minor in amounts)
    typer.echo(f"fee claimed {claimed} {code}, ours {ours} {code}, difference {more} {code}")
    if check_.difference:
        parts = (check_.by_ggr, check_.by_terms)
        by_ggr, by_terms = (text_from_minor(minor, digits) for minor in parts)
        typer.echo(f"of it {by_ggr} by another GGR, {by_terms} by other terms")
    typer.echo("the invoice ties" if check_.ties else "THE INVOICE DOES NOT TIE")
