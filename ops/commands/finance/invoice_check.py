"""Check an invoice file against the ledger by the terms of the settings."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import typer

from feeds.statements.file_format import FileRules
from ops.commands.reconcile.comparison_terms import ComparisonTerms, comparison_of
from ops.context import Context
from ops.settings.fee_conversion import fee_terms
from reconcile.invoices.check import InvoiceCheck, check_invoice
from reconcile.invoices.file import USUAL_RULES, read_invoice
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
    """Check an invoice against the totals of its period.

    Raises:
        typer.BadParameter: no such provider, period, file or terms.
        Refused: the invoice cannot be read, or is in another currency than the terms.
        Unavailable: the database cannot be reached.
    """
    comparison = comparison_of(context, provider, period_of(period), maturity, clock)
    terms, exponents = _terms(comparison), comparison.configured.provider.exponents
    claimed = read_invoice(
        _bytes(file), file.name, currency=terms.currency, exponents=exponents, rules=rules
    )
    period_totals = totals(
        comparison.url,
        comparison.request,
        now=clock.now(),
        zone=comparison.configured.timezone,
    )
    check = check_invoice(claimed, period_totals, terms, exponents)
    return Invoiced(check=check, totals=period_totals, exponents=exponents)


def _terms(comparison: ComparisonTerms) -> FeeTerms:
    if comparison.entry.terms is None:
        raise typer.BadParameter(
            f"no terms are set for {comparison.entry.slug}: [providers.terms]",
            param_hint="--provider",
        )
    return fee_terms(comparison.entry.terms)


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


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error
