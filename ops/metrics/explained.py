"""Resolution rates of the last days, and the same as metrics: counts, which can be added up."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from ops.metrics.catalogue import Sample, sample
from storage.transactions import engine_at
from vocabulary.clock import Clock, SystemClock
from vocabulary.window import Window

if TYPE_CHECKING:
    from reconcile.totals.resolution_rate import ResolutionRates

#: How far back the metrics look, in days.
DAYS = 14


def recent_rates(
    engine: Engine, zones: Mapping[str, str], clock: Clock, *, days: int
) -> "list[ResolutionRates]":
    """The resolution rates of the last days.

    Args:
        engine: of the books.
        zones: the time zone of each provider, by slug.
        clock: its now ends the window.
        days: how far back to look.
    """
    # pandas would add 84 MB to the scheduler, which never needs it.
    from reconcile.totals.resolution_rate import resolution_rates  # noqa: PLC0415

    now = clock.now()
    window = Window(start=now - timedelta(days=days), end=now)
    with engine.connect() as connection:
        return [
            resolution_rates(connection, provider, window, now=now, zone=zone)
            for provider, zone in zones.items()
        ]


def read_explained(database_url: str, zones: Mapping[str, str]) -> list[Sample]:
    """The metrics of now; every row of the last days is read."""
    with engine_at(database_url, pool_size=1) as engine:
        return list(explained_samples(recent_rates(engine, zones, SystemClock(), days=DAYS)))


def explained_samples(all_rates: "Iterable[ResolutionRates]") -> Iterator[Sample]:
    """Every provider, horizon and currency."""
    for rates in all_rates:
        provider = rates.provider
        yield sample("explained_rows", provider, value=rates.rows)
        yield sample("explained_rows_open", provider, value=rates.open)
        for rate in rates.rates:
            labels = (provider, rate.horizon)
            yield sample("explained_rows_due", *labels, value=rate.due)
            yield sample("explained_rows_explained", *labels, value=rate.resolved)
            for code, (resolved, due) in rate.money.items():
                yield sample("explained_money_due_minor", *labels, code, value=due)
                yield sample("explained_money_explained_minor", *labels, code, value=resolved)
