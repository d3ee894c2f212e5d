"""The context of a worker process, and the worker as operators see it."""

import os
import socket
import uuid
from collections.abc import Callable

from sqlalchemy import Engine

from ops.providers.configured import configured_for_proofs
from ops.settings.model import Settings
from storage.queue.liveness import ProcessIdentity
from vocabulary.build import version
from vocabulary.clock import Clock, SystemClock
from workers.context import WorkerContext


def this_worker(role: str, clock: Clock) -> ProcessIdentity:
    """Describe this process to operators; its name is unique among all that ever ran."""
    host, pid = socket.gethostname(), os.getpid()
    return ProcessIdentity(
        name=f"{host}:{pid}:{uuid.uuid4().hex[:8]}",
        role=role,
        host=host,
        pid=pid,
        version=version(),
        started_at=clock.now(),
    )


def worker_context_of(
    engine: Engine,
    settings: Settings,
    *,
    worker: str,
    pause_reason: Callable[[str], str | None],
) -> WorkerContext:
    """The context of a worker, with every configured provider.

    Args:
        engine: the database.
        settings: the configuration of the providers.
        worker: the name of the process.
        pause_reason: returns why work on a queue must pause now, or None.
    """
    return WorkerContext(
        engine=engine,
        clock=SystemClock(),
        providers={
            slug: (entry.dialect, entry.provider)
            for slug, entry in configured_for_proofs(settings).items()
        },
        worker=worker,
        pause_reason=pause_reason,
    )
