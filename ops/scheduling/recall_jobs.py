"""The job that brings rows back from archives, for callbacks and people that wait for them."""

from datetime import timedelta

import structlog
from sqlalchemy import Engine, text

from ledger.archive.recall import recall, recall_wanted
from ops.runtime.child_jobs import ChildJobs
from storage.transactions import engine_at, reading
from vocabulary.errors import Contradiction, TieoutError
from workers.scheduler import Job

#: Time between two looks at what is wanted: a provider sends again after a few seconds.
EVERY = timedelta(seconds=10)
#: Longest time for what is wanted at once; a store that does not answer takes half a minute.
TIMEOUT = timedelta(minutes=10)

_WANTED = """
SELECT recall_id FROM recalls WHERE came_at IS NULL ORDER BY recall_id LIMIT 1000
"""

log = structlog.get_logger()


def recall_job(engine: Engine, database_url: str, child_jobs: ChildJobs) -> Job:
    """Bring back what is wanted; one scheduler does it for all.

    It reads files and may wait for a store, so it runs in a child process. What fails is wanted
    again at the next turn.
    """

    def run(_slot: str) -> None:
        if not _wanted(engine):
            return
        try:
            count = child_jobs.call(recall_now, database_url, timeout=TIMEOUT)
        except TieoutError as error:
            log.warning("rows_not_recalled", why=str(error))
            return
        log.info("recalls_met", operations=count)

    return Job(name="recall", every=EVERY, run=run, exclusive=True)


def recall_now(database_url: str) -> int:
    """Bring back what is wanted; returns how many operations came.

    A demand that an archive contradicts keeps no other waiting.

    Raises:
        Unavailable: the database or an archive is out of reach.
    """
    with engine_at(database_url, pool_size=1) as engine:
        try:
            return recall_wanted(engine).operations
        except Contradiction:
            return sum(_recall_one(engine, demand) for demand in _wanted(engine))


def _recall_one(engine: Engine, demand: int) -> int:
    try:
        return recall(engine, demand).operations
    except Contradiction as error:
        log.error("rows_not_recalled", demand=demand, why=str(error))  # noqa: TRY400 - no bug
        return 0


def _wanted(engine: Engine) -> list[int]:
    with reading(engine, "recalls") as connection:
        return list(connection.execute(text(_WANTED)).scalars())
