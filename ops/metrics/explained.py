"""Resolution rates as metrics: counts instead of shares, so that they can be added up."""

from collections.abc import Iterable, Iterator

from ops.metrics.catalogue import Sample, sample
from reconcile.totals.resolution_rate import Explained


def explained_samples(rates: Iterable[Explained]) -> Iterator[Sample]:
    """The rows and money of every provider, horizon and currency."""
    for rate in rates:
        provider = rate.provider
        yield sample("explained_rows", provider, value=rate.rows)
        yield sample("explained_rows_open", provider, value=rate.open)
        for share in rate.shares:
            within = (provider, share.horizon)
            yield sample("explained_rows_due", *within, value=share.due)
            yield sample("explained_rows_explained", *within, value=share.explained)
            for code, (explained, due) in share.money.items():
                labels = (*within, code)
                yield sample("explained_money_due_minor", *labels, value=due)
                yield sample("explained_money_explained_minor", *labels, value=explained)
