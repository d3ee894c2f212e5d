"""Feeds that are pulled on a schedule: each provider by a job of its own.

A provider that is down, slow or talks rubbish costs its own slot and nobody else's: the pull
leaves the mark where it is and a finding behind, and the next slot asks again from the mark on.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Engine

from ops.runtime.child_jobs import ChildJobs, ChildResult
from ops.settings.feed import pulled_feeds
from ops.settings.model import ProviderSettings, Settings
from storage.broker.redis import FETCH_QUEUE
from storage.queue.heartbeats import paused_queues
from vocabulary.errors import Unavailable
from workers.scheduler import Job, JobFailed

#: Exit codes of a pull that did what it could: all of it, with findings, provider out of reach.
TOLD = (0, 1, 3)
#: Time for everything besides asking: starting, and storing what was told.
STORING = timedelta(hours=1)

log = structlog.get_logger()


def pull_jobs(
    settings: Settings, engine: Engine, command: Sequence[str], child_jobs: ChildJobs
) -> list[Job]:
    """A job for every provider whose settings say how often it is pulled.

    Args:
        settings: the providers.
        engine: where pauses are looked up.
        command: how ``tieout`` is called with its global options.
        child_jobs: runs the pulls in child processes.
    """
    return [
        Job(
            name=f"pull.{entry.slug}",
            every=entry.feed.pull_every,
            run=partial(_pull, entry, engine, command, child_jobs),
            exclusive=True,
        )
        for entry in settings.providers
        if entry.feed.pull_every
    ]


def _pull(
    entry: ProviderSettings,
    engine: Engine,
    command: Sequence[str],
    child_jobs: ChildJobs,
    _slot: str,
) -> None:
    """Pull every feed of a provider, in their order.

    Raises:
        Unavailable: the database is out of reach, or the scheduler is stopping.
        JobFailed: the pull itself is broken, whatever the provider is like.
    """
    if FETCH_QUEUE in paused_queues(engine):
        log.info("feed_pull_paused", provider=entry.slug, queue=FETCH_QUEUE)
        return
    words = ["feed", "pull", "--provider", entry.slug, "--json"]
    asking = entry.feed.pull_within * len(pulled_feeds(entry.dialect))
    done = child_jobs.run([*command, *words], patience=asking + STORING)
    for told in _feeds(done, entry.slug):
        _log(entry.slug, told)


def _feeds(done: ChildResult, slug: str) -> list[dict[str, Any]]:
    """What the pull says of each feed."""
    if done.code not in TOLD:
        raise JobFailed(f"feed pull of {slug}: {done.reason()}")
    try:
        told: list[dict[str, Any]] = json.loads(done.output)["feeds"]
    except (ValueError, KeyError) as error:
        if done.code == 3:  # it did not come to asking
            raise Unavailable(f"feed pull of {slug}: {done.reason()}") from error
        raise JobFailed(f"feed pull of {slug}: {done.reason()}") from error
    return told


def _log(slug: str, told: Mapping[str, Any]) -> None:
    if told["error"] is not None:
        why = told["error"]["reason"]
        log.warning("feed_not_pulled", provider=slug, feed=told["feed"], why=why)
        return
    log.info(
        "feed_pulled",
        provider=slug,
        feed=told["feed"],
        received=told["received"],
        stored=told["stored"],
        late=told["late"],
        unreadable=told["unreadable"]["count"],
        watermark=told["watermark"],
    )
