"""``tieout invoice receive``: register an invoice, keep its file and check it."""

import shlex
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from ops.commands.database import refusals
from ops.commands.finance.invoice_check import claims_of, file_bytes
from ops.commands.identity import open_books_for
from ops.commands.invoice.output import print_taken_step
from ops.commands.next_commands import print_next
from ops.commands.option_values import read_period
from ops.commands.options import AsJson, By, Provider
from ops.commands.provider_choice import entry_named
from ops.commands.table_options import (
    Decimal,
    Encoding,
    NullText,
    NumericIds,
    Thousands,
    table_rules,
)
from ops.context import context_of, database_url, own_exponents
from ops.finance.invoices import check_for_register
from reconcile.invoices.register.states import InvoiceRequest, InvoiceState
from reconcile.invoices.register.store import NewInvoice, load_invoice, receive_invoice
from storage.transactions import transaction
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.people import Right

#: How a table is read if no option says otherwise.
_READING = MappingProxyType({"decimal": ".", "thousands": "", "encoding": "utf-8"})


def receive(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The invoice: .toml, .json, .csv or .xlsx.")],
    *,
    provider: Provider,
    period: Annotated[str, typer.Option(help="A month such as 2026-06, DAY or DAY..DAY.")],
    number: Annotated[
        str | None, typer.Option(help="The provider's number; else that in the file.")
    ] = None,
    decimal: Decimal = ".",
    thousands: Thousands = "",
    encoding: Encoding = "utf-8",
    null_text: NullText = None,
    numeric_ids: NumericIds = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Register an invoice and check it; exit 1 if its number or file is known already."""
    context, clock = context_of(ctx), SystemClock()
    rules = table_rules(decimal, thousands, encoding, null_text, numeric_ids=numeric_ids)
    entry = entry_named(context.settings, provider)
    first, last = read_period(period, "--period", zone=entry.timezone)
    data = file_bytes(file)
    claimed = claims_of(entry, data, file.name, rules)
    invoice = NewInvoice(
        claimed=claimed,
        provider=provider,
        number=_number(number, claimed.name),
        first=first,
        last=last,
        file_name=file.name,
        file=data,
    )
    engine, actor = open_books_for(ctx, by, Right.RECORD_INVOICES)
    check = check_for_register(
        engine, database_url(context), entry, claimed, first=first, last=last, clock=clock
    ).summary
    request = InvoiceRequest(
        state=InvoiceState.RECEIVED, by=actor.person.name, eyes=actor.eyes, check=check
    )
    with refusals(), transaction(engine, "invoices") as connection:
        registered = load_invoice(connection, receive_invoice(connection, invoice, request))
    assert registered is not None
    if check.doubts and not as_json:
        typer.echo(check.doubts)
        if not check.ties:
            print_next(_check_command(ctx, file, provider, first, last))
    print_taken_step(registered, own_exponents(ctx), as_json=as_json)


def _check_command(
    ctx: typer.Context, file: Path, provider: str, first: date, last: date
) -> str:
    """The command that shows the rounds behind a difference, reading the file alike."""
    words = ["tieout", "invoice", "check", str(file), "--provider", provider]
    words += ["--period", f"{first}/{last + timedelta(days=1)}"]
    for name, default in _READING.items():
        if ctx.params[name] != default:
            words += [f"--{name}", ctx.params[name]]
    for null in ctx.params["null_text"] or ():
        words += ["--null-text", null]
    if ctx.params["numeric_ids"]:
        words.append("--numeric-ids")
    return shlex.join(words)


def _number(typed: str | None, read: str) -> str:
    """The number as typed, or as read from the file."""
    number = read if typed is None else typed
    if not number.strip() or not number.isprintable():
        raise Malformed("--number", "the provider's number of the invoice is expected")
    return number
