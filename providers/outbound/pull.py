"""Pulling history from a provider's own API, whatever the provider."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from providers.outbound.access import ApiAccess
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

#: The reason given when a list repeats a page; it becomes a finding of its own.
REPEATED_PAGE = "another page than those before is expected"


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """An item of a list that could not be understood: a value, never an exception.

    Attributes:
        place: where it stood, such as ``page 2, data[4].rounds[0]``.
        reason: what was expected; never the content.
    """

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDelivery:
    """One callback as the provider logged it.

    Attributes:
        webhook_id: the registered URL it went to; ids may be unique only there.
        payload: the body sent, as far as the log shows it.
        response_code: the status of our reply; None where there was none.
        response_body: our reply; empty where there was none.
        attempted_at: the provider's instant.
        retry_count: how often it was sent again.
    """

    webhook_id: str
    delivery_id: str
    event_type: str
    payload: bytes = field(repr=False)
    response_code: int | None
    response_body: bytes = field(repr=False)
    success: bool
    attempted_at: datetime
    retry_count: int


PulledItem = HistoryRecord | LoggedDelivery


class PullClient(Protocol):
    """Reads the feeds of one provider; every feed raises ApiError."""

    def read(self, feed: str, window: Window, /) -> AsyncIterator[PulledItem | UnreadableItem]:
        """Every item of a feed that belongs to the window.

        Records of the list that are later than the window may follow, too: they are not stored
        and not missing. The provider's clock may be ahead of ours.
        """
        ...

    async def close(self) -> None:
        """Cancel requests that are still running."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledFeeds:
    """The feeds that an API offers.

    Attributes:
        kinds: the name of each feed and the type of its items, in the order of pulling.
        connect: makes the client that reads them all.
    """

    kinds: Mapping[str, type[PulledItem]]
    connect: Callable[[ApiAccess], PullClient]
