"""How the feeds of every provider stand."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from console.config import ProviderTerms, Visit
from console.replies import HtmlPage
from console.sentences import counted
from feeds.overview import ProviderFeeds, feeds_of


def show(visit: Visit) -> HtmlPage:
    """One line for each provider: reach, lateness, files, findings."""
    terms = visit.config.providers
    with visit.console.readers.connect() as connection:
        listed = [(term, feeds_of_term(connection, term, visit.now)) for term in terms]
    values = {
        "sentence": _sentence(listed, visit.now),
        "listed": [
            {"term": term, "feeds": feeds, "stale": is_stale(term, feeds, visit.now)}
            for term, feeds in listed
        ],
    }
    return HtmlPage(template="feeds/feeds.html", values=values)


def feeds_of_term(connection: Connection, term: ProviderTerms, now: datetime) -> ProviderFeeds:
    """How the feeds of a configured provider stand."""
    return feeds_of(connection, term.slug, now, pushes=term.pushes)


def is_stale(term: ProviderTerms, feeds: ProviderFeeds, now: datetime) -> bool:
    """Whether a feed should have delivered something newer."""
    return feeds.is_stale(now, term.stale_after)


def _sentence(listed: Sequence[tuple[ProviderTerms, ProviderFeeds]], now: datetime) -> str:
    if not listed:
        return "No provider is configured: `tieout init` writes settings with examples."
    stale = [term.slug for term, feeds in listed if is_stale(term, feeds, now)]
    wrong = [feeds.provider for _, feeds in listed if feeds.errors]
    parts = [f"{', '.join(stale)} should have delivered something newer"] if stale else []
    if wrong:
        verb = "has" if len(wrong) == 1 else "have"
        parts.append(f"{', '.join(wrong)} {verb} findings that leave records out")
    if not parts:
        return f"Nothing is wrong with the feeds of {counted(len(listed), 'provider')}."
    return f"{'; '.join(parts)}."
