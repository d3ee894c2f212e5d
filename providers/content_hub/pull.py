"""Pulling the hub's transactions from its API, an hour at a time.

The list has no pages, and a reply is read up to a bound, so a window is asked for in hours.
Times have no zone and no fractions of a second: we assume UTC, and that both ends are included.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from providers.content_hub.amounts import decimal_text
from providers.content_hub.client import ContentHubClient
from providers.content_hub.feed import FIELDS, record_of
from providers.content_hub.launch import client_of
from providers.contract import Provider
from providers.outbound.access import ApiAccess
from providers.outbound.pull import PulledFeeds, PulledItem, UnreadableItem
from providers.outbound.replies import Document
from providers.wire.fields import one_of
from vocabulary.errors import ApiRefused, Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.instants import instant_from_text
from vocabulary.window import Window

TRANSACTIONS = "transactions"
SUCCESS = "TS_SUCCESS"
#: A transaction that moved, and one that we declined.
STATUSES = (SUCCESS, "TS_DECLINED")

#: Most requests of one pull, a year of hours: the first pull of a feed begins in 1970.
HOURS_MAX = 366 * 24

_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


class ContentHubPull:
    """Transactions by the time they were made."""

    def __init__(self, client: ContentHubClient, provider: Provider) -> None:
        self._client = client
        self._provider = provider

    async def read(
        self, _feed: str, window: Window
    ) -> AsyncIterator[PulledItem | UnreadableItem]:
        """Every transaction of the window that moved, each once.

        Raises:
            ApiRefused: the window has more hours than may be asked for at once.
        """
        self._check_length(window)
        for since, until in _hours(window):
            fields = {"start_time": _plain(since), "end_time": _plain(until + _SECOND)}
            for place, document in enumerate(await self._client.transactions(fields)):
                item = self._item(document, f"{_plain(since)}, transactions[{place}]")
                if isinstance(item, UnreadableItem) or (
                    item is not None and since <= item.created_at < until
                ):
                    yield item

    def _check_length(self, window: Window) -> None:
        hours = -((window.start - window.end) // _HOUR)
        if hours > HOURS_MAX:
            raise ApiRefused(
                f"{hours} hours are a request each, and at most {HOURS_MAX} are asked for at"
                " once; pull once with --from, the day of the first round",
                provider=self._provider.slug,
                endpoint=f"feed {TRANSACTIONS}",
                attempts=0,
            )

    async def close(self) -> None:
        """Do nothing: no request outlives its call."""

    def _item(self, document: Document, place: str) -> HistoryRecord | UnreadableItem | None:
        """One transaction; None where it moved nothing."""
        try:
            if one_of(document.get("status"), STATUSES, "status") != SUCCESS:
                return None
            raw = json.dumps(document, sort_keys=True).encode()
            return record_of(self._provider, _texts(document, self._provider), raw)
        except Malformed as error:
            return UnreadableItem(place, str(error))


def _hours(window: Window) -> Iterator[tuple[datetime, datetime]]:
    """The window in pieces of at most an hour."""
    since = window.start
    while since < window.end:
        until = min(since + _HOUR, window.end)
        yield since, until
        since = until


def _plain(instant: datetime) -> str:
    """Whole seconds in UTC, without a zone; a fraction is cut off."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _texts(document: Document, provider: Provider) -> Mapping[str, str]:
    """The fields of a transaction, as a line of a statement has them.

    Raises:
        Malformed: the amount or the time is not of its type.
    """
    values = {name: document.get(name) or "" for name in FIELDS}
    texts = {name: value if isinstance(value, str) else "" for name, value in values.items()}
    made = instant_from_text(texts["created_at"], path="created_at")
    return {
        **texts,
        "amount": decimal_text(document.get("amount"), provider, path="amount"),
        "created_at": texts["created_at"] if made.tzinfo else f"{texts['created_at']}Z",
    }


def connect(access: ApiAccess) -> ContentHubPull:
    """Connect to the API; no request is sent yet."""
    return ContentHubPull(client_of(access), access.provider)


FEEDS = PulledFeeds(kinds={TRANSACTIONS: HistoryRecord}, connect=connect)
