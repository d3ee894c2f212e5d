"""``tieout invoice approve|dispute|pay``: what people do with an invoice."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from ops.commands.database import refusals
from ops.commands.identity import open_books_for
from ops.commands.invoice.listing import InvoiceName, invoice_named
from ops.commands.invoice.output import print_taken_step
from ops.commands.option_values import read_day
from ops.commands.options import AsJson, By, ProviderFilter, Reason
from ops.commands.provider_choice import entry_named
from ops.context import context_of, database_url, own_exponents
from ops.finance.invoices import check_for_register
from reconcile.invoices.register.states import InvoiceRequest, InvoiceState
from reconcile.invoices.register.store import (
    RegisteredInvoice,
    load_invoice,
    store_invoice_step,
)
from storage.transactions import transaction
from vocabulary.clock import SystemClock
from vocabulary.people import Right


def approve(
    ctx: typer.Context,
    invoice: InvoiceName,
    *,
    provider: ProviderFilter = None,
    reason: Annotated[
        str, typer.Option(help="Why, although it does not tie or days are not signed.")
    ] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Approve an invoice that another person received; it is checked again."""
    engine, actor = open_books_for(ctx, by, Right.APPROVE_INVOICES)
    registered = invoice_named(engine, invoice, provider)
    context = context_of(ctx)
    check = check_for_register(
        engine,
        database_url(context),
        entry_named(context.settings, registered.provider),
        registered.claimed,
        first=registered.first_day,
        last=registered.last_day,
        clock=SystemClock(),
    ).summary
    request = InvoiceRequest(
        state=InvoiceState.APPROVED,
        by=actor.person.name,
        eyes=actor.eyes,
        reason=reason,
        check=check,
    )
    _take(ctx, engine, registered, request, as_json=as_json)


def dispute(
    ctx: typer.Context,
    invoice: InvoiceName,
    *,
    reason: Reason,
    provider: ProviderFilter = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Dispute an invoice that is not paid, with what is wrong."""
    engine, actor = open_books_for(ctx, by, Right.RECORD_INVOICES)
    request = InvoiceRequest(
        state=InvoiceState.DISPUTED, by=actor.person.name, eyes=actor.eyes, reason=reason
    )
    registered = invoice_named(engine, invoice, provider)
    _take(ctx, engine, registered, request, as_json=as_json)


def pay(
    ctx: typer.Context,
    invoice: InvoiceName,
    *,
    on: Annotated[str, typer.Option("--date", help="The day of the payment.")],
    reference: Annotated[str, typer.Option(help="The reference of the payment.")],
    provider: ProviderFilter = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record that an approved invoice was paid."""
    engine, actor = open_books_for(ctx, by, Right.RECORD_INVOICES)
    zone = context_of(ctx).settings.reporting.zone
    request = InvoiceRequest(
        state=InvoiceState.PAID,
        by=actor.person.name,
        eyes=actor.eyes,
        paid_on=read_day(on, "--date", zone=zone, now=SystemClock().now()),
        reference=reference,
    )
    registered = invoice_named(engine, invoice, provider)
    _take(ctx, engine, registered, request, as_json=as_json)


def _take(
    ctx: typer.Context,
    engine: Engine,
    invoice: RegisteredInvoice,
    request: InvoiceRequest,
    *,
    as_json: bool,
) -> None:
    zone = ZoneInfo(context_of(ctx).settings.reporting.zone)
    today = SystemClock().now().astimezone(zone).date()
    with refusals(), transaction(engine, "invoices") as connection:
        store_invoice_step(connection, invoice, request, today)
        changed = load_invoice(connection, invoice.invoice_id)
    assert changed is not None
    print_taken_step(changed, own_exponents(ctx), as_json=as_json)
