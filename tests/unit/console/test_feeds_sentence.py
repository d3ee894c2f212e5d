"""The first line of the list of feeds."""

from datetime import UTC, datetime

from console.config import ProviderTerms
from console.pages.feeds.feed_list import feeds_sentence
from feeds.overview import ProviderFeeds

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def listed(slug: str, *, errors: int = 0) -> tuple[ProviderTerms, ProviderFeeds]:
    feeds = ProviderFeeds(
        provider=slug,
        files=0,
        quarantined=0,
        received_at=None,
        covers_to=None,
        freshness=(),
        pulls=(),
        pending=0,
        errors=errors,
        warnings=0,
    )
    return ProviderTerms(slug=slug, zone="UTC", exponents={}), feeds


def test_feeds_that_have_not_reported_the_last_day_are_named() -> None:
    hub, agent = listed("hub"), listed("agent", errors=1)

    assert feeds_sentence([hub], [], NOON) == "Nothing is wrong with the feeds of 1 provider."
    assert feeds_sentence([hub], ["hub"], NOON) == "hub has not reported all of the last day."
    assert feeds_sentence([hub, agent], ["hub", "agent"], NOON) == (
        "agent has findings that leave records out; hub, agent have not reported all of the"
        " last day."
    )
