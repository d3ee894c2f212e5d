"""Pulling the platform's rounds and its own log of what it sent us.

The API lists sessions, each with its rounds. An item that cannot be understood is a finding
with its place, and the rest is still read.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta

from providers.contract import Provider
from providers.outbound.access import ApiAccess
from providers.outbound.pull import LoggedDelivery, PulledFeeds, PulledItem, UnreadableItem
from providers.outbound.replies import Document, count_at, flag_at, member, object_at
from providers.wire.decode import Json
from providers.wire.fields import history_instant, identifier
from providers.wire.javascript import stringify
from providers.xigs.client import XigsClient
from providers.xigs.feed import record_of, require_fields
from providers.xigs.launch import client_of
from providers.xigs.pages import Item
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

ROUNDS = "rounds"
DELIVERIES = "deliveries"

#: Largest plausible numbers in a delivery log.
STATUS_MAX = 999
RETRIES_MAX = 1_000_000
#: Levels of a logged document; callbacks have two or three.
NESTING_MAX = 200

#: Days are asked for up to one more: no document says whether the last one is included.
_ONE_DAY = timedelta(days=1)


class XigsPull:
    """Rounds by their sessions, which cannot be asked for by time; the log by whole days."""

    def __init__(self, client: XigsClient, provider: Provider) -> None:
        self._client = client
        self._provider = provider

    def read(self, feed: str, window: Window) -> AsyncIterator[PulledItem | UnreadableItem]:
        """Every item of a feed that belongs to the window, and later rounds."""
        return self._rounds(window) if feed == ROUNDS else self._deliveries(window)

    async def close(self) -> None:
        """Cancel requests that are still running."""
        await self._client.close()

    async def _rounds(self, window: Window) -> AsyncIterator[HistoryRecord | UnreadableItem]:
        async for session in self._client.sessions(rounds=True):
            for item in rounds_of(
                session, self._provider, since=window.start, until=window.end
            ):
                yield item

    async def _deliveries(
        self, window: Window
    ) -> AsyncIterator[LoggedDelivery | UnreadableItem]:
        since, until = window.start.date(), (window.end + _ONE_DAY).date()
        for webhook_id in [webhook.item_id async for webhook in self._client.webhooks()]:
            log = self._client.webhook_log(webhook_id, since=since, until=until)
            async for item in log:
                yield delivery_of(item, webhook_id)


def connect(access: ApiAccess) -> XigsPull:
    """Connect to the API; no request is sent yet."""
    return XigsPull(client_of(access), access.provider)


FEEDS = PulledFeeds(kinds={ROUNDS: HistoryRecord, DELIVERIES: LoggedDelivery}, connect=connect)


def rounds_of(
    session: Item, provider: Provider, *, since: datetime, until: datetime
) -> Iterator[HistoryRecord | UnreadableItem]:
    """The rounds of one session that were updated from ``since`` on.

    A round that names no player or game has those of its session. One that cannot be read and
    was updated at ``until`` or later is left to a later pull.

    Yields:
        One record or finding per round; a round whose time cannot be read is never left out.
    """
    rounds = session.document.get("rounds")
    if not isinstance(rounds, list):
        yield UnreadableItem(session.place, "rounds: a list is expected")
        return
    for number, document in enumerate(rounds):
        try:
            record = _round(document, session.document, provider)
        except Malformed as error:
            if not _is_outside(document, since, until):
                yield UnreadableItem(f"{session.place}.rounds[{number}]", str(error))
        else:
            if record.updated_at >= since:
                yield record


def delivery_of(item: Item, webhook_id: str) -> LoggedDelivery | UnreadableItem:
    """One callback as the platform logged it: what it sent and what we answered."""
    try:
        return _delivery(item, webhook_id)
    except Malformed as error:
        return UnreadableItem(item.place, str(error))


def _delivery(item: Item, webhook_id: str) -> LoggedDelivery:
    # While a delivery is still running some of its fields are null, as if they were absent.
    fields: dict[str, Json] = {
        name: value for name, value in item.document.items() if value is not None
    }
    answered = "responseCode" in fields
    return LoggedDelivery(
        webhook_id=webhook_id,
        delivery_id=item.item_id,
        event_type=identifier(member(fields, "eventType"), "eventType"),
        payload=_content(fields.get("payload"), "payload"),
        response_code=_count(fields, "responseCode", STATUS_MAX) if answered else None,
        response_body=_content(fields.get("responseBody"), "responseBody"),
        success=flag_at(fields, "success", absent=False),
        attempted_at=history_instant(member(fields, "timestamp"), "timestamp"),
        retry_count=_count(fields, "retryCount", RETRIES_MAX) if "retryCount" in fields else 0,
    )


def _count(document: Json, name: str, limit: int) -> int:
    count = count_at(document, name)
    if count > limit:
        raise Malformed(name, f"a number up to {limit} is expected")
    return count


def _content(value: Json, path: str) -> bytes:
    """A body as logged: text as it is, a document in compact JSON, nothing where it is null."""
    if value is None:
        return b""
    if _is_deep(value):
        raise Malformed(path, "nesting within reason is expected")
    text = value if type(value) is str else stringify(value)
    # JSON can spell half a surrogate pair and UTF-8 cannot: keep its escape.
    return text.encode("utf-8", "backslashreplace")


def _is_deep(value: Json) -> bool:
    """Whether a document is nested deeper than ``NESTING_MAX``."""
    level = [value]
    for _ in range(NESTING_MAX):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _round(document: Json, session: Document, provider: Provider) -> HistoryRecord:
    inherited = {name: session.get(name) for name in ("userId", "gameId")}
    whole = {**inherited, **object_at(document, "round")}
    require_fields(whole, "round")
    return record_of(whole, provider, raw=_content(document, "round"))


def _is_outside(document: Json, since: datetime, until: datetime) -> bool:
    try:
        updated_at = history_instant(member(document, "updatedAt"), "updatedAt")
    except Malformed:
        return False
    return not since <= updated_at < until
