"""Settings of a provider's feed: how often it is pulled, how late it may be."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ops.settings.dialects import dialects
from ops.settings.values import Count, Duration, Section, Timeout, Whole, WrongParts

PerMille = Annotated[Whole, Field(ge=1, le=1_000)]


class FeedSettings(Section):
    """The provider's feed.

    Attributes:
        pull_every: how often the scheduler pulls the API; 0s: only on request.
        pull_within: longest time for pulling one feed completely; then it is given up.
        stale_after: longest time without new records; after it the feed counts as stale: an
            alert, and ``feed status`` exits 1; unset: never.
        maturity: whether maturity is learned from the feed's lateness, given enough samples.
        operations: declared maturity of one kind, if it differs from the provider's.
        per_mille: the share of records, of 1 000, that must have arrived.
        samples_min: with fewer records the declared maturity holds.
        floor, ceiling: bounds of the learned maturity.
        over: how far back records count.
    """

    pull_every: Duration = timedelta(0)
    pull_within: Timeout = timedelta(hours=1)
    stale_after: Timeout | None = None
    maturity: Literal["declared", "learned"] = "declared"
    operations: Mapping[Literal["bet", "win", "rollback"], Duration] = Field(
        default_factory=dict
    )
    per_mille: PerMille = 995
    samples_min: Count = 200
    floor: Duration = timedelta(minutes=1)
    ceiling: Timeout = timedelta(days=3)
    over: Timeout = timedelta(days=14)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "FeedSettings":
        if self.floor > self.ceiling:
            raise ValueError("a floor that is not above the ceiling")
        return self


def pushes_history(dialect: str) -> bool:
    """Whether a provider sends its history by itself: it is neither imported nor pulled."""
    return dialects()[dialect].statement is None and not pulled_feeds(dialect)


def pulled_feeds(dialect: str) -> tuple[str, ...]:
    """The feeds that a dialect's API offers, in the order in which they are pulled."""
    pull = dialects()[dialect].api().pull
    return () if pull is None else tuple(pull.kinds)


def checked_pull(feed: FeedSettings, dialect: str, *, has_api: bool) -> FeedSettings:
    """Check the settings against what the provider's API offers.

    Raises:
        WrongParts: there is nothing to pull, or nowhere to pull it from.
    """
    if not feed.pull_every:
        return feed
    if not pulled_feeds(dialect):
        raise WrongParts([("pull_every", "0s: the API of this dialect offers no history")])
    if not has_api:
        raise WrongParts([("pull_every", "0s, or a table api that says where to pull from")])
    return feed
