"""The provider that a job names."""

from ops.settings.model import ProviderSettings, Settings
from vocabulary.errors import Malformed


def entry_of(settings: Settings, slug: str) -> ProviderSettings:
    """A configured provider.

    Raises:
        Malformed: the settings of the scheduler have none of that name.
    """
    for entry in settings.providers:
        if entry.slug == slug:
            return entry
    raise Malformed("provider", f"a configured provider is expected, not {slug}")
