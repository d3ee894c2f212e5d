"""Background work yields to callbacks: it and its PostgreSQL backends get a low priority.

A process and those that it starts share a niceness, and Linux derives their I/O priority from
it. Their backends are children of the server, so they are found by the application name of
their connections and made as nice from outside. Parallel workers of a statement have the name
of its backend. This works where the server runs on this machine and belongs to the same user,
as the embedded one does; another server has only clients that are slower to ask.
"""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ops.background.governor import PauseLimit, pace
from ops.background.niceness import lower
from ops.settings.model import Settings
from ops.settings.receiver_urls import receiver_urls
from ops.work import Work

#: Seconds between two looks for new backends.
LOOK_EVERY_S = 0.2
#: Seconds until a server that cannot be reached is tried again.
RETRY_S = 5.0
#: The environment variable from which libpq takes the name of a connection.
_NAME_OF_CONNECTIONS = "PGAPPNAME"
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How far a process yields.

    Attributes:
        nice: 0 to 19; 0: not at all.
        database_url: where its backends are.
        limit: when it pauses; None: never. Not if ``nice`` is 0.
    """

    nice: int
    database_url: str
    limit: PauseLimit | None = None


def priority_of(settings: Settings, work: Work, database_url: str) -> Priority:
    """How far a part of the work yields by the settings."""
    nice: int = getattr(settings.background, work.value)
    return Priority(
        nice=nice, database_url=database_url, limit=_limit_of(settings, work, database_url)
    )


def yield_to_callbacks(priority: Priority) -> None:
    """Lower the priority of this process, of those that it starts and of their backends.

    Its own work pauses while callbacks are slow. It lasts until the process ends. Call it
    before other threads start.
    """
    if not priority.nice:
        return
    _lower_priority(priority)
    if priority.limit is not None:
        pace(priority.limit)


def _limit_of(settings: Settings, work: Work, database_url: str) -> PauseLimit | None:
    background = settings.background
    if not background.callback_p99_ms:
        return None
    return PauseLimit(
        p99_s=background.callback_p99_ms / 1000,
        least_share=background.least_percent / 100,
        work=work.value,
        receivers=receiver_urls(settings),
        database_url=database_url,
    )


def _lower_priority(priority: Priority) -> None:
    lower(0, priority.nice)
    if not _is_on_this_machine(priority.database_url):
        return
    name = f"tieout background {os.getpid()}"
    os.environ[_NAME_OF_CONNECTIONS] = name
    threading.Thread(
        target=_keep_lowering, args=(priority, name), name="priorities", daemon=True
    ).start()


def _keep_lowering(priority: Priority, name: str) -> None:
    while True:
        try:
            with psycopg.connect(priority.database_url, autocommit=True) as connection:
                while True:
                    for (pid,) in connection.execute(_BACKENDS, [name]).fetchall():
                        if _is_postgres(pid):
                            lower(pid, priority.nice)
                    time.sleep(LOOK_EVERY_S)
        except psycopg.Error:
            time.sleep(RETRY_S)


def _is_on_this_machine(database_url: str) -> bool:
    """Whether the server is reached over a Unix socket."""
    return str(conninfo_to_dict(database_url).get("host") or "").startswith("/")


def _is_postgres(pid: int) -> bool:
    """Whether the process is a server's: in a container, pids may be those of others."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False
