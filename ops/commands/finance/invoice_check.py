"""Check an invoice file against the ledger by the terms of the settings."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import typer

from feeds.statements.file_format import FileRules
from ops.commands.provider_choice import entry_named
from ops.commands.reconcile.comparison_terms import ComparisonTerms, comparison_of
from ops.context import Context
from ops.providers.configured import configured_provider
from ops.settings.fee_conversion import fee_terms
from ops.settings.model import ProviderSettings
from reconcile.invoices.check import InvoiceCheck, check_invoice
from reconcile.invoices.file import USUAL_RULES, Invoice, read_invoice
from reconcile.invoices.terms import FeeTerms
from reconcile.totals.render import Exponents
from reconcile.totals.tie_out import Totals, totals
from vocabulary.clock import Clock

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoiced:
    """A checked invoice, the totals it was compared with, and the provider's exponents."""

    check: InvoiceCheck
    totals: Totals
    exponents: Exponents


def checked(
    context: Context,
    file: Path,
    *,
    provider: str,
    period: str,
    maturity: str | None,
    clock: Clock,
    rules: FileRules = USUAL_RULES,
) -> Invoiced:
    """Check an invoice file against the totals of its period.

    Raises:
        typer.BadParameter: no such provider, period, file or terms.
        Refused: the invoice cannot be read, or is in another currency than the terms.
        Unavailable: the database cannot be reached.
    """
    comparison = comparison_of(context, provider, period_of(period), maturity, clock)
    claimed = read_claims(context, provider, file_bytes(file), file.name, rules)
    return _compared(comparison, claimed, clock)


def checked_claims(
    context: Context, claimed: Invoice, *, provider: str, first: date, last: date, clock: Clock
) -> Invoiced:
    """Check what an invoice claims against the totals of its days, both included.

    Raises:
        typer.BadParameter: no such provider or terms.
        Refused: the invoice is in another currency than the terms.
        Unavailable: the database cannot be reached.
    """
    window = (str(first), str(last + timedelta(days=1)))
    comparison = comparison_of(context, provider, window, None, clock)
    return _compared(comparison, claimed, clock)


def read_claims(
    context: Context, provider: str, data: bytes, name: str, rules: FileRules
) -> Invoice:
    """Read an invoice of a provider from the bytes of its file.

    Raises:
        typer.BadParameter: no such provider or terms.
        InvoiceUnreadable: with every problem and its place in the file.
    """
    entry = entry_named(context.settings, provider)
    return read_invoice(
        data,
        name,
        currency=_terms(entry).currency,
        exponents=configured_provider(entry).provider.exponents,
        rules=rules,
    )


def _compared(comparison: ComparisonTerms, claimed: Invoice, clock: Clock) -> Invoiced:
    terms, exponents = _terms(comparison.entry), comparison.configured.provider.exponents
    period_totals = totals(
        comparison.url,
        comparison.request,
        now=clock.now(),
        zone=comparison.configured.timezone,
    )
    check = check_invoice(claimed, period_totals, terms, exponents)
    return Invoiced(check=check, totals=period_totals, exponents=exponents)


def _terms(entry: ProviderSettings) -> FeeTerms:
    if entry.terms is None:
        raise typer.BadParameter(
            f"no terms are set for {entry.slug}: [providers.terms]",
            param_hint="--provider",
        )
    return fee_terms(entry.terms)


def period_of(period: str) -> tuple[str, str]:
    """The first day of a period, and the day after it.

    Raises:
        typer.BadParameter: neither a month nor two dates.
    """
    if "/" in period:
        start, end = period.split("/", 1)
        return start, end
    month = _MONTH.fullmatch(period)
    try:
        first = date(int(month[1]), int(month[2]), 1) if month else None
    except ValueError:
        first = None
    if first is None:
        raise typer.BadParameter(
            "a month such as 2026-06, or two dates such as 2026-06-01/2026-06-15",
            param_hint="--period",
        )
    following = (first + timedelta(days=31)).replace(day=1)
    return first.isoformat(), following.isoformat()


def file_bytes(file: Path) -> bytes:
    """The content of a file.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error
