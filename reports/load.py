"""Load everything a pack shows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from breaks.disputes.store import claimed_disputes
from breaks.policy import DEFAULT_RULES, SlaRule
from reconcile.days.day_sums import kept_sides
from reconcile.runs.request import stored_request
from reconcile.totals.resolution_rate import RatesReading
from reconcile.totals.tie_out import totals_and_rates
from reports.coverage import comparisons, gaps
from reports.pack import CheckedInvoice, Pack, whole_days
from reports.queries import business_days, game_totals, game_totals_of, open_breaks
from reports.rates import ReportingRates
from reports.statement.load import load_statement
from reports.statement.statement import DayReader
from reports.statement.tied_days import tied_sides
from reports.stored_runs import StoredRun, last_run, run_named
from storage.engine import url_of
from storage.transactions import exported
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
    entity: str = "",
    read_day: DayReader | None = None,
) -> Pack:
    """Load the pack of one provider.

    Args:
        connection: reads the database.
        provider: its slug.
        window: what to report; None: the window of the last run.
        generated_at: the instant of the report.
        exponents: the provider's overrides of digits after the decimal point.
        zone: time zone of the provider's business days.
        rules: when breaks are due.
        invoices: checked invoices to include.
        rates: into the reporting currency; None: nothing is converted.
        entity: the company that reports; empty: not set.
        read_day: reads a business day with what its feeds have not reported; None: without.
    """
    run = last_run(connection, provider, window)
    pack = Pack(
        provider=provider,
        generated_at=generated_at,
        window=window or (None if run is None else run.window),
        gaps=(),
        comparisons=(),
        run=run,
        breaks=open_breaks(connection, provider, rules),
        game_totals=(),
        exponents=exponents,
        zone=zone,
        invoices=invoices,
        rates=rates,
        disputes=tuple(claimed_disputes(connection, provider=provider)),
    )
    return _with_period(connection, pack, entity, read_day)


def _with_period(
    connection: Connection, pack: Pack, entity: str, read_day: DayReader | None
) -> Pack:
    """Add what belongs to the period, if there is one."""
    if pack.window is None:
        return pack
    place = (connection, pack.provider, pack.window)
    pack = _with_runs(connection, pack, pack.window)
    statement = load_statement(
        *place,
        zone=pack.zone,
        entity=entity,
        generated_at=pack.generated_at,
        exponents=pack.exponents,
        read_day=read_day,
        sides=kept_sides if pack.tie_out is None else tied_sides(pack.tie_out),
    )
    pack = replace(pack, days=business_days(*place, pack.zone), statement=statement)
    return replace(pack, parts=_parts(connection, pack, place[-1]))


def _with_runs(connection: Connection, pack: Pack, window: Window) -> Pack:
    """Add what runs over the window and its parts found."""
    compared = comparisons(connection, pack.provider, window)
    pack = replace(
        pack,
        comparisons=compared,
        gaps=gaps(window, [comparison.window for comparison in compared]),
    )
    newest = max(compared, key=lambda comparison: comparison.started_at, default=None)
    run = pack.run if newest is None else pack.run or run_named(connection, newest.run_id)
    if newest is None or run is None:
        totals_by_game = game_totals(connection, pack.provider, window, pack.zone)
        return replace(pack, game_totals=totals_by_game)
    row = {
        "provider": pack.provider,
        "window_from": window.start,
        "window_to": window.end,
        "manifest": run.manifest,
    }
    reading = RatesReading.begun(
        connection, pack.provider, window, now=pack.generated_at, zone=pack.zone
    )
    tie_out, resolution_rate = totals_and_rates(
        url_of(connection.engine),
        stored_request(row, None),
        now=run.started_at,
        zone=pack.zone,
        reading=reading,
        snapshot_id=exported(connection),
    )
    return replace(
        pack,
        tie_out=tie_out,
        game_totals=game_totals_of(tie_out.our_rounds.items()),
        resolution_rate=resolution_rate,
    )


def _parts(connection: Connection, pack: Pack, window: Window) -> tuple[StoredRun, ...]:
    """The runs over the days of a window that no single run compared, if every day has one."""
    if pack.run or pack.statement is None or whole_days(window, pack.zone) is None:
        return ()
    by_window = {comparison.window: comparison.run_id for comparison in pack.comparisons}
    ids = [by_window.get(day.window) for day in pack.statement.days]
    if not all(ids):
        return ()
    runs = (run_named(connection, run_id) for run_id in ids if run_id)
    return tuple(run for run in runs if run is not None)
