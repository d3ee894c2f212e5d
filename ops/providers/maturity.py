"""The maturity of a configured provider: declared in its settings, or learned from its feed."""

from feeds.arrival_delay import MaturityRules, ProviderMaturity, maturity_for
from ops.settings.model import ProviderSettings
from storage.transactions import engine_at
from vocabulary.clock import Clock
from vocabulary.maturity import RecordKind


def maturity_rules(entry: ProviderSettings) -> MaturityRules:
    """The maturity rules in the settings of a provider."""
    feed = entry.feed
    return MaturityRules(
        declared=entry.maturity,
        declared_by_kind={RecordKind(name): age for name, age in feed.operations.items()},
        learns=feed.maturity == "learned",
        per_mille=feed.per_mille,
        samples_min=feed.samples_min,
        floor=feed.floor,
        ceiling=feed.ceiling,
        lookback=feed.over,
    )


def maturity_now(database_url: str, entry: ProviderSettings, clock: Clock) -> ProviderMaturity:
    """The maturity at this moment by kind of record, with its basis."""
    with engine_at(database_url, pool_size=1) as engine, engine.connect() as connection:
        return maturity_for(connection, entry.slug, maturity_rules(entry), clock.now())
