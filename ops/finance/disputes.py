"""Disputes with configured providers: what their packs and answer files need."""

from ops.providers.configured import provider_for_proofs
from ops.settings.model import ProviderSettings
from reports.disputes.export import DisputedProvider


def disputed_provider(entry: ProviderSettings) -> DisputedProvider:
    """The provider of a dispute as the settings say."""
    chosen = provider_for_proofs(entry)
    return DisputedProvider(
        dialect=chosen.dialect,
        provider=chosen.provider,
        answer_within=entry.disputes.answer_within,
    )
