"""The feeds that a provider's own API offers: each pulled whole, then stored whole."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine

from feeds.pull.deliveries import store_deliveries
from feeds.pull.pull_log import (
    PULL_SOURCE,
    record_failed_pull,
    record_pull,
    record_repeated_page,
)
from feeds.pull.staging import Staging, UnreadableItems, stage
from feeds.pull.watermarks import move_watermark, next_window, watermark_of
from feeds.records import FeedCount, store_records
from ops.providers.apis import desk
from ops.settings.feed import PULLED_FEEDS
from ops.settings.model import ProviderSettings
from ops.settings.values import duration_text
from providers.contract import Provider
from providers.pulled import LoggedDelivery, UnreadableItem
from providers.xigs.client import XigsClient
from providers.xigs.feed import delivery_of, rounds_of
from providers.xigs.pages import REPEATED_PAGE
from vocabulary.clock import Clock
from vocabulary.errors import ApiError, ApiUnavailable
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

#: Days are asked for up to one more, because no document says whether the last one is inside.
ONE_DAY = timedelta(days=1)

T = TypeVar("T")
NOTHING_WRONG = UnreadableItems(0, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPull:
    """What came of pulling one feed.

    Attributes:
        received, stored: items understood, and those of them that were new or changed.
        late: new ones of a time that had been read before.
        findings: items that could not be read.
        watermark: the mark afterwards; everything before it is stored.
        error: why nothing was stored and the mark is where it was.
    """

    feed: str
    window: Window
    received: int = 0
    stored: int = 0
    late: int = 0
    findings: UnreadableItems = NOTHING_WRONG
    watermark: datetime | None = None
    error: ApiError | None = None


class _Xigs:
    """Rounds by their sessions, which cannot be asked for by time; the log by whole days."""

    def __init__(self, client: XigsClient, provider: Provider) -> None:
        self._client = client
        self._provider = provider

    async def rounds(self, window: Window) -> AsyncIterator[HistoryRecord | UnreadableItem]:
        async for session in self._client.sessions(rounds=True):
            for found in rounds_of(
                session, self._provider, since=window.start, until=window.end
            ):
                yield found

    async def deliveries(
        self, window: Window
    ) -> AsyncIterator[LoggedDelivery | UnreadableItem]:
        since, until = window.start.date(), (window.end + ONE_DAY).date()
        for webhook_id in [each.item_id async for each in self._client.webhooks()]:
            log = self._client.webhook_log(webhook_id, since=since, until=until)
            async for item in log:
                yield delivery_of(item, webhook_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed(Generic[T]):
    """One feed: what its items are, how they are told and where they go."""

    name: str
    kind: type[T]
    tell: Callable[[_Xigs, Window], AsyncIterator[T | UnreadableItem]]
    store: Callable[[Connection, str, Iterable[T], datetime, datetime | None], FeedCount]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A feed, what is wanted of it, and where it is laid aside."""

    feed: _Feed[Any]
    window: Window
    spool: Staging[Any]


def _store_rounds(
    connection: Connection,
    slug: str,
    told: Iterable[HistoryRecord],
    now: datetime,
    before: datetime | None,
) -> FeedCount:
    return store_records(
        connection,
        slug,
        told,
        source=PULL_SOURCE,
        received_at=now,
        read_to=before,
        keeps_keys=True,
    )


def _store_deliveries(
    connection: Connection,
    slug: str,
    told: Iterable[LoggedDelivery],
    now: datetime,
    _before: datetime | None,
) -> FeedCount:
    stored = store_deliveries(connection, slug, told, pulled_at=now)
    return FeedCount(received=stored, versions=0, stored=stored)


_FEEDS: Mapping[str, Sequence[_Feed[Any]]] = MappingProxyType(
    {
        "xigs": (
            _Feed(
                name=PULLED_FEEDS["xigs"][0],
                kind=HistoryRecord,
                tell=_Xigs.rounds,
                store=_store_rounds,
            ),
            _Feed(
                name=PULLED_FEEDS["xigs"][1],
                kind=LoggedDelivery,
                tell=_Xigs.deliveries,
                store=_store_deliveries,
            ),
        )
    }
)
#: Dialects whose API tells history.
PULLED = frozenset(PULLED_FEEDS)


def pull_feeds(
    engine: Engine,
    entry: ProviderSettings,
    provider: Provider,
    *,
    window: Window | None,
    past_unreadable: bool,
    clock: Clock,
) -> tuple[FeedPull, ...]:
    """Pull every feed of a provider; the failure of one leaves the others alone.

    Args:
        engine: of the books; no connection is held while the provider is asked.
        entry: a provider whose dialect is one of ``PULLED``.
        provider: the same one, as its dialect sees it.
        window: what to ask for; None: from a little before each feed's mark until now.
        past_unreadable: the marks move past items that could not be read.
        clock: tells until when.

    Raises:
        SettingsInvalid: its API is not configured.
    """
    feeds, now = _FEEDS[entry.dialect], clock.now()
    with engine.connect() as connection:
        windows = [
            window
            or next_window(
                connection, entry.slug, feed.name, overlap=entry.feed_overlap, now=now
            )
            for feed in feeds
        ]
    with ExitStack() as stack:
        spools = [stack.enter_context(Staging(feed.kind)) for feed in feeds]
        asked = [_Asked(*each) for each in zip(feeds, windows, spools, strict=True)]
        found = asyncio.run(_gather(entry, provider, asked, clock))
        return tuple(
            _failed(engine, entry.slug, each, result, now=now)
            if isinstance(result, ApiError)
            else _kept(engine, entry.slug, each, result, insists=past_unreadable, now=now)
            for each, result in zip(asked, found, strict=True)
        )


async def _gather(
    entry: ProviderSettings,
    provider: Provider,
    asked: Sequence[_Asked],
    clock: Clock,
) -> list[UnreadableItems | ApiError]:
    """Lay every feed aside, or find out why not."""
    found: list[UnreadableItems | ApiError] = []
    async with _teller(entry, provider, clock) as teller:
        for each in asked:
            try:
                async with asyncio.timeout(entry.feed.pull_within.total_seconds()):
                    told = await stage(each.feed.tell(teller, each.window), each.spool)
            except ApiError as error:
                found.append(error)
            except TimeoutError:
                found.append(_too_slow(entry, each))
            else:
                found.append(told)
    return found


def _too_slow(entry: ProviderSettings, asked: _Asked) -> ApiUnavailable:
    """One feed that takes for ever shall not keep the next from being pulled."""
    limit = duration_text(entry.feed.pull_within)
    return ApiUnavailable(
        f"not told whole within {limit}",
        provider=entry.slug,
        endpoint=f"feed {asked.feed.name}",
        attempts=1,
    )


@asynccontextmanager
async def _teller(
    entry: ProviderSettings, provider: Provider, clock: Clock
) -> AsyncIterator[_Xigs]:
    async with desk(entry) as (_, out):
        assert entry.api is not None  # the desk was opened
        assert entry.api.key is not None  # and its settings are those of the dialect
        client = XigsClient(out, api_key=entry.api.key.value.decode(), clock=clock)
        try:
            yield _Xigs(client, provider)
        finally:
            await client.close()


def _failed(
    engine: Engine, slug: str, asked: _Asked, error: ApiError, *, now: datetime
) -> FeedPull:
    """Nothing of the feed is stored, which is a finding until it is pulled."""
    name, window = asked.feed.name, asked.window
    with engine.begin() as connection:
        if REPEATED_PAGE in str(error):
            record_repeated_page(connection, slug, name, window=window, now=now)
        else:
            record_failed_pull(connection, slug, name, window=window, why=str(error), now=now)
    return FeedPull(feed=asked.feed.name, window=asked.window, error=error)


def _kept(
    engine: Engine,
    slug: str,
    asked: _Asked,
    found: UnreadableItems,
    *,
    insists: bool,
    now: datetime,
) -> FeedPull:
    """Store a feed that is whole, with its mark, in one transaction."""
    feed, window, spool = asked.feed, asked.window, asked.spool
    with engine.begin() as connection:
        before = watermark_of(connection, slug, feed.name)
        count = feed.store(connection, slug, spool, now, before)
        watermark = move_watermark(
            connection,
            slug,
            feed.name,
            window=window,
            whole=found.count == 0 or insists,
            pulled_at=now,
            records=spool.items,
        )
        record_pull(
            connection,
            slug,
            feed.name,
            window=window,
            received=spool.items,
            count=count,
            unreadable=found,
            now=now,
        )
    return FeedPull(
        feed=feed.name,
        window=window,
        received=spool.items,
        stored=count.stored,
        late=count.late,
        findings=found,
        watermark=watermark,
    )
