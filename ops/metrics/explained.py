"""Shares of what was explained as metrics: counts, so that shares can be added up."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ops.metrics.catalogue import Sample, sample

if TYPE_CHECKING:
    from reconcile.totals.resolution_rate import ResolutionRates


def explained_samples(all_told: "Iterable[ResolutionRates]") -> Iterator[Sample]:
    """Every provider, horizon and currency."""
    for told in all_told:
        named = told.provider
        yield sample("explained_rows", named, value=told.rows)
        yield sample("explained_rows_open", named, value=told.open)
        for share in told.rates:
            within = (named, share.horizon)
            yield sample("explained_rows_due", *within, value=share.due)
            yield sample("explained_rows_explained", *within, value=share.resolved)
            for code, (done, due) in share.money.items():
                labels = (*within, code)
                yield sample("explained_money_due_minor", *labels, value=due)
                yield sample("explained_money_explained_minor", *labels, value=done)
