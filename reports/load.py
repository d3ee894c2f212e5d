"""Read what a pack shows, from the books as they stand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from breaks.policy import DEFAULT_RULES, SlaRule
from reconcile.runs.request import stored_request
from reconcile.totals.resolution_rate import resolution_rates
from reconcile.totals.tie_out import totals
from reports.queries import StoredRun, days_of, game_totals, last_run, open_breaks
from reports.report import CheckedInvoice, Pack
from storage.engine import url_of
from vocabulary.window import Window


def gather(
    connection: Connection,
    provider: str,
    *,
    window: Window | None,
    generated_at: datetime,
    exponents: Mapping[str, int],
    zone: str = "UTC",
    rules: tuple[SlaRule, ...] = DEFAULT_RULES,
    invoices: tuple[CheckedInvoice, ...] = (),
) -> Pack:
    """Read what a pack of one provider shows: its last run, over ``window`` if one is given.

    ``zone`` is that of the provider's business days, ``rules`` say when breaks are due.
    """
    run = last_run(connection, provider, window)
    pack = Pack(
        provider=provider,
        generated_at=generated_at,
        run=run,
        breaks=open_breaks(connection, provider, rules),
        totals=() if run is None else game_totals(connection, provider, run.window),
        exponents=exponents,
        zone=zone,
        days=() if run is None else days_of(connection, provider, run.window, zone),
        invoices=invoices,
    )
    return pack if run is None else _with_totals(connection, pack, run)


def _with_totals(connection: Connection, pack: Pack, run: StoredRun) -> Pack:
    row = {
        "provider": pack.provider,
        "window_from": run.window.start,
        "window_to": run.window.end,
        "manifest": run.manifest,
    }
    told = totals(
        url_of(connection.engine),
        stored_request(row, None),
        now=run.started_at,
        zone=pack.zone,
    )
    soon = resolution_rates(
        connection, pack.provider, run.window, now=pack.generated_at, zone=pack.zone
    )
    return replace(pack, tied=told, explained=soon)
