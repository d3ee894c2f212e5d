"""How a provider's feed is expected to behave: when it is stale, and how late it may be."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ops.settings_values import Count, Duration, Section, Timeout, Whole

PerMille = Annotated[Whole, Field(ge=1, le=1_000)]


class FeedSettings(Section):
    """The provider's feed.

    Attributes:
        stale_after: nothing new for longer is a finding; unset: never.
        maturity: whether the feed's own lateness decides, where there is enough of it.
        operations: declared maturity of one kind, where it differs from the provider's.
        per_mille: the share of records, of 1 000, that must have arrived.
        samples_min: fewer records teach nothing, and the declared maturity holds.
        floor, ceiling: bounds of what is learned.
        over: how far back is looked.
    """

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
