"""The provider that an option names, as its settings or completed by its dialect."""

import typer

from ops.providers.configured import ConfiguredProvider, configured, configured_provider
from ops.settings.model import ProviderSettings, Settings


def provider_named(settings: Settings, slug: str) -> ConfiguredProvider:
    """The provider of that slug.

    Raises:
        typer.BadParameter: no provider has that slug.
    """
    return configured_provider(entry_named(settings, slug))


def entry_named(settings: Settings, slug: str) -> ProviderSettings:
    """The settings of the provider of that slug.

    Raises:
        typer.BadParameter: no provider has that slug.
    """
    for entry in settings.providers:
        if entry.slug == slug:
            return entry
    slugs = ", ".join(entry.slug for entry in settings.providers) or "none"
    raise typer.BadParameter(f"no provider is called {slug}; configured: {slugs}")


def check_provider(settings: Settings, slug: str | None) -> None:
    """Check that a filter names a configured provider, or none.

    Raises:
        typer.BadParameter: no provider has that slug.
    """
    if slug is not None:
        entry_named(settings, slug)


def chosen_providers(settings: Settings, slug: str | None) -> list[ConfiguredProvider]:
    """The provider of that slug, or without one every configured provider.

    Raises:
        typer.BadParameter: no provider has that slug.
    """
    if slug is None:
        return list(configured(settings).values())
    return [provider_named(settings, slug)]
