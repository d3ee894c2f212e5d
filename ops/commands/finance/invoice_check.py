"""Check an invoice file against the ledger by the terms of the settings."""

from datetime import timedelta
from pathlib import Path

import typer

from feeds.statements.reading.file_format import FileRules
from ops.commands.option_values import read_period
from ops.commands.provider_choice import entry_named
from ops.commands.reconcile.comparison_terms import comparison_of
from ops.context import Context
from ops.finance.invoices import Invoiced, check_claims, read_claims
from ops.settings.model import ProviderSettings
from reconcile.invoices.claims import Invoice
from reconcile.invoices.file import USUAL_RULES
from vocabulary.clock import Clock


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
    zone = entry_named(context.settings, provider).timezone
    edges = period_of(period, zone)
    comparison = comparison_of(context, provider, edges, maturity, clock)
    claimed = claims_of(comparison.entry, file_bytes(file), file.name, rules)
    return check_claims(comparison, claimed, clock)


def claims_of(entry: ProviderSettings, data: bytes, name: str, rules: FileRules) -> Invoice:
    """Read an invoice of a provider from the bytes of its file.

    Raises:
        typer.BadParameter: the provider has no terms.
        InvoiceUnreadable: with every problem and its place in the file.
    """
    if entry.terms is None:
        raise typer.BadParameter(
            f"no terms are set for {entry.slug}: [providers.terms]",
            param_hint="--provider",
        )
    return read_claims(entry, data, name, rules)


def period_of(period: str, zone: str) -> tuple[str, str]:
    """The first day of a period, and the day after it; ``FROM/TO`` may have instants.

    Raises:
        Malformed: no period; see ``read_period``.
    """
    if "/" in period:
        start, end = period.split("/", 1)
        return start, end
    first, last = read_period(period, "--period", zone=zone)
    return first.isoformat(), (last + timedelta(days=1)).isoformat()


def file_bytes(file: Path) -> bytes:
    """The content of a file.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error
