"""``tieout journal list``: the journals that were issued."""

from datetime import date
from typing import Annotated, Any

import typer

from ledger.enums import OWN_SLUG
from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.option_values import read_period
from ops.commands.options import AsJson, ProviderFilter
from ops.commands.provider_choice import entry_named
from ops.commands.tables import wide_table
from ops.context import context_of
from reports.journal.model import IssuedJournal
from reports.journal.store import JournalPeriod, load_journals
from vocabulary.clock import iso
from vocabulary.money import text_from_minor

_COLUMNS = ("no.", "id", "day", "kind", "issued", "by", "debit = credit")


def list_journals(
    ctx: typer.Context,
    *,
    period: Annotated[
        str | None, typer.Option(help="A month such as 2026-06, DAY or DAY..DAY; else all.")
    ] = None,
    provider: ProviderFilter = None,
    as_json: AsJson = False,
) -> None:
    """List issued journals by number, with their sums; --json has their lines."""
    settings = context_of(ctx).settings
    slugs, zone = [entry.slug for entry in settings.providers], settings.reporting.zone
    if provider is not None and provider != OWN_SLUG:
        zone = entry_named(settings, provider).timezone
    providers = (provider,) if provider is not None else (OWN_SLUG, *slugs)
    first, last = date.min, date.max
    if period is not None:
        first, last = read_period(period, "--period", zone=zone)
    with open_books(ctx).connect() as connection:
        chosen = JournalPeriod(first=first, last=last, providers=providers)
        journals = load_journals(connection, chosen)
    if as_json:
        print_json([journal_json(journal) for journal in journals], indent=2, instant=iso)
    else:
        wide_table(_COLUMNS, map(_cells, journals), left=6, empty="no journal")


def journal_json(journal: IssuedJournal) -> dict[str, Any]:
    """A journal as ``--json`` prints it; amounts are decimal text."""
    key = journal.key
    return {
        "number": journal.number,
        "external_id": journal.external_id,
        "provider": key.provider,
        "kind": key.kind,
        "day": key.business_day,
        "currency": key.currency,
        "version": journal.version,
        "issued_at": journal.issued_at,
        "issued_by": journal.issued_by,
        "narration": journal.narration,
        "lines": [
            {
                "nature": line.nature,
                "account": line.account,
                "code": line.code,
                "debit": text_from_minor(max(-line.minor, 0), journal.digits),
                "credit": text_from_minor(max(line.minor, 0), journal.digits),
            }
            for line in journal.lines
        ],
    }


def _cells(journal: IssuedJournal) -> list[str]:
    key = journal.key
    total = f"{text_from_minor(journal.debit, journal.digits)} {key.currency}"
    return [
        *(str(journal.number), journal.external_id, str(key.business_day), str(key.kind)),
        *(iso(journal.issued_at), journal.issued_by, total),
    ]
