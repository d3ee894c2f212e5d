"""What the register stores of a check: the fee by our books, and the days not signed."""

from datetime import date

from sqlalchemy import Connection, Engine

from ops.commands.finance.invoice_check import checked_claims
from ops.commands.provider_choice import entry_named
from ops.context import Context
from ops.scheduling.business_days import business_day_of, days_between, needs_signature
from ops.settings.model import ProviderSettings
from reconcile.invoices.file import Invoice
from reconcile.invoices.register.states import CheckSummary
from vocabulary.clock import Clock
from vocabulary.money import exponent_of, text_from_minor


def summarize_check(
    context: Context,
    engine: Engine,
    claimed: Invoice,
    *,
    provider: str,
    first: date,
    last: date,
    clock: Clock,
) -> CheckSummary:
    """Check what an invoice claims for its days, both included, as the books are now.

    Raises:
        typer.BadParameter: no such provider or terms.
        Refused: the invoice is in another currency than the terms.
    """
    invoiced = checked_claims(
        context, claimed, provider=provider, first=first, last=last, clock=clock
    )
    entry = entry_named(context.settings, provider)
    with engine.connect() as connection:
        unsigned = _unsigned(connection, entry, first, last, clock)
    check, digits = invoiced.check, exponent_of(claimed.currency)
    return CheckSummary(
        claimed=text_from_minor(claimed.fee, digits),
        ours=text_from_minor(check.ours.total, digits),
        difference=text_from_minor(check.difference, digits),
        by_ggr=text_from_minor(check.by_ggr, digits),
        by_terms=text_from_minor(check.by_terms, digits),
        ties=check.ties and not invoiced.totals.unposted,
        unsigned=unsigned,
    )


def _unsigned(
    connection: Connection, entry: ProviderSettings, first: date, last: date, clock: Clock
) -> dict[str, str]:
    """The days of a period that are not signed, with their states."""
    statuses = (
        business_day_of(connection, entry, day, clock.now())
        for day in days_between(first, last)
    )
    return {
        str(status.day): str(status.state)
        for status in statuses
        if needs_signature(connection, status)
    }
