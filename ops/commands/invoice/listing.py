"""``tieout invoice list|show``: the register of invoices."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from ops.commands.database import open_books
from ops.commands.invoice.output import print_invoice, print_invoices
from ops.commands.options import AsJson, ProviderFilter
from ops.commands.provider_choice import check_provider
from ops.context import context_of, own_exponents
from reconcile.invoices.register.states import InvoiceState
from reconcile.invoices.register.store import (
    RegisteredInvoice,
    ids_of_number,
    invoice_file,
    list_invoices,
    load_invoice,
)
from reports.find.short_ids import ShortIdKind, complete_id
from vocabulary.errors import Malformed

InvoiceName = Annotated[
    str, typer.Argument(metavar="INVOICE", help="Its id, the start of it, or its number.")
]


def list_registered(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    state: Annotated[
        InvoiceState | None, typer.Option(help="Only invoices in this state.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the invoices of the register with their states."""
    check_provider(context_of(ctx).settings, provider)
    with open_books(ctx).connect() as connection:
        invoices = list_invoices(connection, provider)
    chosen = [invoice for invoice in invoices if state in (None, invoice.state)]
    print_invoices(chosen, own_exponents(ctx), as_json=as_json)


def show(
    ctx: typer.Context,
    invoice: InvoiceName,
    *,
    provider: ProviderFilter = None,
    copy: Annotated[
        Path | None, typer.Option("--file", help="Write the file as it was received here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one invoice: its file, its checks, and what was done to it."""
    engine = open_books(ctx)
    registered = invoice_named(engine, invoice, provider)
    if copy is not None:
        with engine.connect() as connection:
            copy.write_bytes(invoice_file(connection, registered.invoice_id))
    print_invoice(registered, own_exponents(ctx), as_json=as_json)


def invoice_named(engine: Engine, name: str, provider: str | None) -> RegisteredInvoice:
    """The invoice of that id, of that start of an id, or of that number.

    Raises:
        Malformed: there is none, or several are called so.
    """
    with engine.connect() as connection:
        matches = ids_of_number(connection, name, provider)
    if len(matches) > 1:
        owners = ", ".join(owner for _, owner in matches)
        raise Malformed(name, f"several providers have an invoice {name}: {owners}; --provider")
    known = matches[0][0] if matches else complete_id(engine, ShortIdKind.INVOICE, name)
    with engine.connect() as connection:
        invoice = load_invoice(connection, known)
    if invoice is None or provider not in (None, invoice.provider):
        raise Malformed(name, "no such invoice; `tieout invoice list` shows all")
    return invoice
