"""Load everything a pack shows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from breaks.policy import DEFAULT_RULES, SlaRule
from reconcile.runs.request import stored_request
from reconcile.totals.resolution_rate import resolution_rates
from reconcile.totals.tie_out import totals
from reports.pack import CheckedInvoice, Pack
from reports.queries import business_days, game_totals, open_breaks
from reports.rates import ReportingRates
from reports.stored_runs import StoredRun, last_run
from storage.engine import url_of
from vocabulary.window import Window


def load_pack(
    connection: Connection,
    provider: str,
    *,
    window: Window | None,
    generated_at: datetime,
    exponents: Mapping[str, int],
    zone: str = "UTC",
    rules: tuple[SlaRule, ...] = DEFAULT_RULES,
    invoices: tuple[CheckedInvoice, ...] = (),
    rates: ReportingRates | None = None,
) -> Pack:
    """Load the pack of one provider's last run.

    Args:
        connection: reads the database.
        provider: its slug.
        window: report the last run over exactly this window; None: over any window.
        generated_at: the instant of the report.
        exponents: the provider's overrides of digits after the decimal point.
        zone: time zone of the provider's business days.
        rules: when breaks are due.
        invoices: checked invoices to include.
        rates: into the reporting currency; None: nothing is converted.
    """
    run = last_run(connection, provider, window)
    pack = Pack(
        provider=provider,
        generated_at=generated_at,
        run=run,
        breaks=open_breaks(connection, provider, rules),
        game_totals=() if run is None else game_totals(connection, provider, run.window),
        exponents=exponents,
        zone=zone,
        days=() if run is None else business_days(connection, provider, run.window, zone),
        invoices=invoices,
        rates=rates,
    )
    return pack if run is None else _with_totals(connection, pack, run)


def _with_totals(connection: Connection, pack: Pack, run: StoredRun) -> Pack:
    row = {
        "provider": pack.provider,
        "window_from": run.window.start,
        "window_to": run.window.end,
        "manifest": run.manifest,
    }
    tie_out = totals(
        url_of(connection.engine),
        stored_request(row, None),
        now=run.started_at,
        zone=pack.zone,
    )
    resolution_rate = resolution_rates(
        connection, pack.provider, run.window, now=pack.generated_at, zone=pack.zone
    )
    return replace(pack, tie_out=tie_out, resolution_rate=resolution_rate)
