"""The time zones of providers, and what is said of one whose zone nobody knows.

Breaks, runs and files of a provider stay when it leaves the settings, and its zone leaves with
it. Its times are shown in UTC then, and no business day is derived from them.
"""

from collections.abc import Iterable, Mapping

from vocabulary.plurals import plural

#: Shows the times of a provider that is not configured.
UNKNOWN_ZONE = "UTC"


def zone_of(zones: Mapping[str, str], provider: str) -> str:
    """The IANA zone in which times of a provider are shown; see ``zone_note``.

    Args:
        zones: of the configured providers, by slug.
        provider: its slug.
    """
    return zones.get(provider, UNKNOWN_ZONE)


def zone_note(zones: Mapping[str, str], providers: Iterable[str]) -> str:
    """A sentence about the providers that are not configured; empty if all are.

    Args:
        zones: as in ``zone_of``.
        providers: the slugs of those whose times are shown.
    """
    unknown = sorted(set(providers) - zones.keys())
    if not unknown:
        return ""
    verb = plural(len(unknown), "is", "are")
    names = ", ".join(unknown)
    return f"{names} {verb} not configured: no zone is known, so days and times are in UTC"
