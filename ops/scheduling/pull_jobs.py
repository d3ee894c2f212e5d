"""Feeds that are pulled on a schedule: each provider by a job of its own.

A provider that is down, slow or unreadable costs its own slot only: its watermark stays, a
finding is stored, and the next slot pulls from the watermark on.
"""

from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import Engine

from ops.background.priorities import Priority, priority_of
from ops.providers.feed_pull import FeedPull, pull_due
from ops.runtime.child_jobs import ChildJobs
from ops.settings.model import ProviderSettings, Settings
from ops.settings.sections.feed import pulled_feeds
from ops.work import Work
from storage.broker.redis import FETCH_QUEUE
from storage.queue.liveness import paused_queues
from vocabulary.clock import iso
from workers.scheduler import Job

#: Time for everything but the requests: to start, and to store what was received.
STORE_TIMEOUT = timedelta(hours=1)

log = structlog.get_logger()


def pull_jobs(
    settings: Settings, engine: Engine, database_url: str, child_jobs: ChildJobs
) -> list[Job]:
    """A job for every provider whose settings say how often it is pulled.

    Args:
        settings: the providers.
        engine: where pauses are looked up.
        database_url: where the pulls store.
        child_jobs: runs the pulls in child processes.
    """
    return [
        Job(
            name=f"pull.{entry.slug}",
            every=entry.feed.pull_every,
            run=partial(
                _pull,
                entry,
                engine,
                child_jobs,
                priority_of(settings, Work.IMPORTS, database_url),
            ),
            exclusive=True,
        )
        for entry in settings.providers
        if entry.feed.pull_every
    ]


def _pull(
    entry: ProviderSettings,
    engine: Engine,
    child_jobs: ChildJobs,
    priority: Priority,
    _slot: str,
) -> None:
    """Pull every feed of a provider, in their order.

    Raises:
        Unavailable: the database is out of reach, or the scheduler is stopping.
        JobFailed: the pull itself is broken, whatever the provider answers.
    """
    if FETCH_QUEUE in paused_queues(engine):
        log.info("feed_pull_paused", provider=entry.slug, queue=FETCH_QUEUE)
        return
    timeout = entry.feed.pull_within * len(pulled_feeds(entry.dialect)) + STORE_TIMEOUT
    pulls = child_jobs.call(
        pull_due, priority.database_url, entry, timeout=timeout, priority=priority
    )
    for pull in pulls:
        _log(entry.slug, pull)


def _log(slug: str, pull: FeedPull) -> None:
    if pull.error is not None:
        log.warning("feed_not_pulled", provider=slug, feed=pull.feed, why=str(pull.error))
        return
    log.info(
        "feed_pulled",
        provider=slug,
        feed=pull.feed,
        received=pull.received,
        stored=pull.stored,
        late=pull.late,
        unreadable=pull.findings.count,
        watermark=pull.watermark and iso(pull.watermark),
    )
