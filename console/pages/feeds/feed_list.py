"""How the feeds of every provider stand."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from console.config import ProviderTerms, Visit
from console.pages.today import yesterday
from console.replies import HtmlPage
from console.sentences import counted
from feeds.overview import ProviderFeeds, feeds_of
from reconcile.days.states import DayStatus


def show(visit: Visit) -> HtmlPage:
    """One line for each provider: reach, lateness, files, findings."""
    terms = visit.config.providers
    with visit.console.readers.connect() as connection:
        listed = [(term, feeds_of_term(connection, term, visit.now)) for term in terms]
        missing = missing_of_yesterday(visit, connection)
    values = {
        "sentence": feeds_sentence(listed, [day.provider for day in missing], visit.now),
        "missing": missing,
        "listed": [
            {"term": term, "feeds": feeds, "stale": is_stale(term, feeds, visit.now)}
            for term, feeds in listed
        ],
    }
    return HtmlPage(template="feeds/feeds.html", values=values)


def missing_of_yesterday(visit: Visit, connection: Connection) -> list[DayStatus]:
    """The last day of each provider whose feeds have not reported all of it.

    As on Today: whoever reads there that a day waits for its feeds looks here for which.
    """
    config, now = visit.config, visit.now
    wanted = [(term.slug, yesterday(now, term.zone)) for term in config.providers]
    return [
        status
        for status in config.listed_days(connection, wanted, now)
        if status.waits_for and not status.is_closed
    ]


def feeds_of_term(connection: Connection, term: ProviderTerms, now: datetime) -> ProviderFeeds:
    """How the feeds of a configured provider stand."""
    return feeds_of(connection, term.slug, now, pushes=term.pushes)


def is_stale(term: ProviderTerms, feeds: ProviderFeeds, now: datetime) -> bool:
    """Whether a feed should have delivered something newer."""
    return feeds.is_stale(now, term.stale_after)


def feeds_sentence(
    listed: Sequence[tuple[ProviderTerms, ProviderFeeds]],
    missing: Sequence[str],
    now: datetime,
) -> str:
    """What is wrong with the feeds, and who has not reported the last day."""
    if not listed:
        return "No provider is configured: `tieout init` writes settings with examples."
    stale = [term.slug for term, feeds in listed if is_stale(term, feeds, now)]
    wrong = [feeds.provider for _, feeds in listed if feeds.errors]
    parts = [f"{', '.join(stale)} should have delivered something newer"] if stale else []
    if wrong:
        verb = "has" if len(wrong) == 1 else "have"
        parts.append(f"{', '.join(wrong)} {verb} findings that leave records out")
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        parts.append(f"{', '.join(missing)} {verb} not reported all of the last day")
    if not parts:
        return f"Nothing is wrong with the feeds of {counted(len(listed), 'provider')}."
    return f"{'; '.join(parts)}."
