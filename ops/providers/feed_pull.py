"""Pulls the feeds of a provider's API: each is read completely, then stored completely."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from feeds.withdrawals import add_delivered_keys
from ops.providers.api_access import access_to, transport_of
from ops.settings.durations import duration_text
from ops.settings.model import ProviderSettings
from providers.outbound.pull import (
    REPEATED_PAGE,
    LoggedDelivery,
    PullClient,
    PulledFeeds,
    PulledItem,
)
from providers.registry import DIALECTS
from storage.transactions import engine_at
from vocabulary.clock import Clock, SystemClock
from vocabulary.errors import ApiError, ApiUnavailable
from vocabulary.facts import HistoryRecord
from vocabulary.window import Window

NOTHING_WRONG = UnreadableItems(0, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPull:
    """The result of pulling one feed.

    Attributes:
        received, stored: items understood, and those of them that were new or changed.
        late: new ones of a time that had been read before.
        findings: items that could not be read.
        watermark: the watermark afterwards; everything before it is stored.
        error: why nothing was stored and the watermark did not move.
    """

    feed: str
    window: Window
    received: int = 0
    stored: int = 0
    late: int = 0
    findings: UnreadableItems = NOTHING_WRONG
    watermark: datetime | None = None
    error: ApiError | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """A feed, its window, and where its items are staged."""

    feed: str
    kind: type[PulledItem]
    window: Window
    staging: Staging[Any]


def pull_due(database_url: str, entry: ProviderSettings) -> tuple[FeedPull, ...]:
    """Pull every feed of a provider, each from a little before its watermark until now."""
    with engine_at(database_url, pool_size=1) as engine:
        return pull_feeds(
            engine, entry, window=None, past_unreadable=False, clock=SystemClock()
        )


def pull_feeds(
    engine: Engine,
    entry: ProviderSettings,
    *,
    window: Window | None,
    past_unreadable: bool,
    clock: Clock,
) -> tuple[FeedPull, ...]:
    """Pull every feed of a provider; the failure of one leaves the others alone.

    Args:
        engine: of the books; no connection is held while the provider is asked.
        entry: a provider whose dialect offers feeds.
        window: what to pull; None: from a little before each feed's watermark until now.
        past_unreadable: the watermarks move past items that could not be read.
        clock: its now ends the default window.

    Raises:
        SettingsInvalid: its API is not configured.
    """
    feeds, now = DIALECTS[entry.dialect].api().pull, clock.now()
    assert feeds is not None, entry.dialect
    windows = _windows(engine, entry, feeds, window, now=now)
    with ExitStack() as stack:
        requests = [
            _Request(feed, kind, windows[feed], stack.enter_context(Staging(kind)))
            for feed, kind in feeds.kinds.items()
        ]
        results = asyncio.run(_read_all(entry, feeds, requests, clock))
        return tuple(
            _failed(engine, entry.slug, request, result, now=now)
            if isinstance(result, ApiError)
            else _stored(
                engine, entry.slug, request, result, past_unreadable=past_unreadable, now=now
            )
            for request, result in zip(requests, results, strict=True)
        )


def _windows(
    engine: Engine,
    entry: ProviderSettings,
    feeds: PulledFeeds,
    window: Window | None,
    *,
    now: datetime,
) -> dict[str, Window]:
    if window is not None:
        return dict.fromkeys(feeds.kinds, window)
    with engine.connect() as connection:
        return {
            feed: next_window(connection, entry.slug, feed, overlap=entry.feed_overlap, now=now)
            for feed in feeds.kinds
        }


async def _read_all(
    entry: ProviderSettings, feeds: PulledFeeds, requests: Sequence[_Request], clock: Clock
) -> list[UnreadableItems | ApiError]:
    """Stage every feed; a feed that fails gives its error."""
    async with transport_of(entry, clock) as transport:
        client = feeds.connect(access_to(entry, transport, clock))
        try:
            return [await _read(entry, client, request) for request in requests]
        finally:
            await client.close()


async def _read(
    entry: ProviderSettings, client: PullClient, request: _Request
) -> UnreadableItems | ApiError:
    """Stage one feed within a time limit: an endless one must not block the next."""
    limit = entry.feed.pull_within
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await stage(client.read(request.feed, request.window), request.staging)
    except ApiError as error:
        return error
    except TimeoutError:
        return ApiUnavailable(
            f"the feed did not end within {duration_text(limit)}",
            provider=entry.slug,
            endpoint=f"feed {request.feed}",
            attempts=1,
        )


def _failed(
    engine: Engine, slug: str, request: _Request, error: ApiError, *, now: datetime
) -> FeedPull:
    """Store nothing of the feed, which is a finding until it is pulled."""
    feed, window = request.feed, request.window
    with engine.begin() as connection:
        if REPEATED_PAGE in str(error):
            record_repeated_page(connection, slug, feed, window=window, now=now)
        else:
            record_failed_pull(connection, slug, feed, window=window, why=str(error), now=now)
    return FeedPull(feed=feed, window=window, error=error)


def _stored(
    engine: Engine,
    slug: str,
    request: _Request,
    unreadable: UnreadableItems,
    *,
    past_unreadable: bool,
    now: datetime,
) -> FeedPull:
    """Store a whole feed and its watermark in one transaction."""
    feed, window = request.feed, request.window
    with engine.begin() as connection:
        read_before = watermark_of(connection, slug, feed)
        count = _store(connection, slug, request, now=now, read_before=read_before)
        watermark = move_watermark(
            connection,
            slug,
            feed,
            window=window,
            whole=unreadable.count == 0 or past_unreadable,
            pulled_at=now,
            records=count.received,
        )
        record_pull(
            connection,
            slug,
            feed,
            window=window,
            received=count.received,
            count=count,
            unreadable=unreadable,
            now=now,
        )
    return FeedPull(
        feed=feed,
        window=window,
        received=count.received,
        stored=count.stored,
        late=count.late,
        findings=unreadable,
        watermark=watermark,
    )


def _store(
    connection: Connection,
    slug: str,
    request: _Request,
    *,
    now: datetime,
    read_before: datetime | None,
) -> FeedCount:
    """Store the items of a feed by their type."""
    if request.kind is LoggedDelivery:
        deliveries: Iterable[LoggedDelivery] = request.staging
        stored = store_deliveries(connection, slug, deliveries, pulled_at=now)
        return FeedCount(received=request.staging.items, versions=0, stored=stored)
    records: Iterable[HistoryRecord] = request.staging
    end = request.window.end
    count = store_records(
        connection,
        slug,
        (record for record in records if record.updated_at < end),
        source=PULL_SOURCE,
        received_at=now,
        read_to=read_before,
        keeps_keys=True,
    )
    add_delivered_keys(connection, (record for record in records if record.updated_at >= end))
    return count
