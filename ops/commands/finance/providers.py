"""The providers that a command reads: one or all."""

from ops.providers.configured import ConfiguredProvider, configured
from ops.providers.matching import provider_named
from ops.settings.model import Settings


def chosen_providers(settings: Settings, slug: str | None) -> list[ConfiguredProvider]:
    """The named provider, or every configured one.

    Raises:
        typer.BadParameter: no provider has that slug.
    """
    providers = configured(settings)
    return list(providers.values()) if slug is None else [provider_named(providers, slug)]
