"""Check what providers claim against the books, by the terms of the settings."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from feeds.statements.reading.file_format import FileRules
from ops.finance.comparison import ComparisonTerms, comparison_over, totals_of
from ops.providers.configured import configured_provider
from ops.scheduling.business_days import business_day_of, needs_signature
from ops.settings.fee_conversion import fee_terms
from ops.settings.model import ProviderSettings
from reconcile.invoices.check import InvoiceCheck, check_invoice
from reconcile.invoices.claims import Invoice
from reconcile.invoices.file import read_invoice
from reconcile.invoices.register.states import CheckSummary
from reconcile.invoices.terms import FeeTerms
from reconcile.totals.render import Exponents
from reconcile.totals.tie_out import Totals
from vocabulary.clock import Clock
from vocabulary.errors import Malformed
from vocabulary.money import text_from_minor
from vocabulary.window import Window, day_window, days_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoiced:
    """A checked invoice, the totals it was compared with, and the provider's exponents."""

    check: InvoiceCheck
    totals: Totals
    exponents: Exponents


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCheck:
    """A check as the register keeps it, and all that it found."""

    summary: CheckSummary
    invoiced: Invoiced


def invoice_terms(entry: ProviderSettings) -> FeeTerms:
    """The terms of a provider.

    Raises:
        Malformed: the settings have none.
    """
    if entry.terms is None:
        raise Malformed("--provider", f"no terms are set for {entry.slug}: [providers.terms]")
    return fee_terms(entry.terms, entry.exponents)


def read_claims(entry: ProviderSettings, data: bytes, name: str, rules: FileRules) -> Invoice:
    """Read an invoice of a provider from the bytes of its file.

    Raises:
        Malformed: the provider has no terms.
        InvoiceUnreadable: with every problem and its place in the file.
    """
    return read_invoice(
        data,
        name,
        currency=invoice_terms(entry).currency,
        exponents=configured_provider(entry).provider.exponents,
        rules=rules,
    )


def check_claims(comparison: ComparisonTerms, claimed: Invoice, clock: Clock) -> Invoiced:
    """Check what an invoice claims against the totals of a window.

    Raises:
        Malformed: the provider has no terms.
        Refused: the invoice is in another currency than the terms.
        Unavailable: the database cannot be reached.
    """
    terms, exponents = (
        invoice_terms(comparison.entry),
        comparison.configured.provider.exponents,
    )
    period_totals = totals_of(comparison, clock)
    check = check_invoice(claimed, period_totals, terms, exponents)
    return Invoiced(check=check, totals=period_totals, exponents=exponents)


def check_for_register(
    engine: Engine,
    url: str,
    entry: ProviderSettings,
    claimed: Invoice,
    *,
    first: date,
    last: date,
    clock: Clock,
) -> RegisterCheck:
    """Check what an invoice claims for its days, both included, as the books are now.

    Raises as ``check_claims``.
    """
    zone = ZoneInfo(entry.timezone)
    window = Window(start=day_window(first, zone).start, end=day_window(last, zone).end)
    invoiced = check_claims(comparison_over(url, entry, window, clock), claimed, clock)
    with engine.connect() as connection:
        unsigned = _unsigned(connection, entry, first, last, clock)
    check, digits = invoiced.check, invoiced.check.digits
    summary = CheckSummary(
        claimed=text_from_minor(claimed.fee, digits),
        ours=text_from_minor(check.ours.total, digits),
        difference=text_from_minor(check.difference, digits),
        by_ggr=text_from_minor(check.by_ggr, digits),
        by_terms=text_from_minor(check.by_terms, digits),
        ties=check.ties,
        unsigned=unsigned,
        unposted=check.unposted,
    )
    return RegisterCheck(summary=summary, invoiced=invoiced)


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
