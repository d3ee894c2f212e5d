"""What the processes of the workers' room start from: a desk, and a name for themselves."""

import os
import socket
import uuid
from collections.abc import Callable
from importlib.metadata import version

from sqlalchemy import Engine

from ops.providers.configured import configured
from ops.settings.model import Settings
from storage.queue.heartbeats import Worker
from vocabulary.clock import Clock, SystemClock
from workers.context import WorkerContext


def own_name(role: str, clock: Clock) -> Worker:
    """This process as operators see it; unique among all that ever ran."""
    host, pid = socket.gethostname(), os.getpid()
    return Worker(
        name=f"{host}:{pid}:{uuid.uuid4().hex[:8]}",
        role=role,
        host=host,
        pid=pid,
        version=version("tieout"),
        started_at=clock.now(),
    )


def desk_at(
    engine: Engine, settings: Settings, *, worker: str, hold: Callable[[str], str | None]
) -> WorkerContext:
    """A desk that knows every configured provider.

    Args:
        engine: the database.
        settings: where the providers stand.
        worker: who works there.
        hold: why a queue's work is to be put down now, or None.
    """
    return WorkerContext(
        engine=engine,
        clock=SystemClock(),
        providers={
            slug: (found.dialect, found.provider)
            for slug, found in configured(settings).items()
        },
        worker=worker,
        pause_reason=hold,
    )
