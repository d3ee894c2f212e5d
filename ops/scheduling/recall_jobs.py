"""The job that brings rows back from archives, for callbacks and people that wait for them."""

from datetime import timedelta

import structlog
from sqlalchemy import Engine, text

from ledger.archive.recall import Recalled, recall_wanted
from ops.runtime.child_jobs import ChildJobs
from storage.transactions import engine_at, reading
from vocabulary.errors import TieoutError
from workers.scheduler import Job

#: Time between two looks at what is wanted: a provider sends again after a few seconds.
EVERY = timedelta(seconds=10)
#: Longest time for what is wanted at once; a store that does not answer takes half a minute.
TIMEOUT = timedelta(minutes=10)

#: Reasons of one turn that are logged.
REASONS_MAX = 10
_WANTED = "SELECT EXISTS (SELECT FROM recalls WHERE came_at IS NULL)"

log = structlog.get_logger()


def recall_job(engine: Engine, database_url: str, child_jobs: ChildJobs) -> Job:
    """Bring back what is wanted; one scheduler does it for all.

    It reads files and may wait for a store, so it runs in a child process. What fails is wanted
    again at the next turn.
    """

    def run(_slot: str) -> None:
        if not _is_anything_wanted(engine):
            return
        try:
            recalled = child_jobs.call(recall_now, database_url, timeout=TIMEOUT)
        except TieoutError as error:
            log.warning("rows_not_recalled", why=str(error))
            return
        for why in list(dict.fromkeys(recalled.waiting))[:REASONS_MAX]:
            log.warning("rows_not_recalled", why=why)
        log.info(
            "recalls_met",
            demands=recalled.demands,
            operations=recalled.operations,
            waiting=len(recalled.waiting),
        )

    return Job(name="recall", every=EVERY, run=run, exclusive=True)


def recall_now(database_url: str) -> Recalled:
    """Bring back what is wanted.

    Raises:
        Unavailable: the database is out of reach.
    """
    with engine_at(database_url, pool_size=1) as engine:
        return recall_wanted(engine)


def _is_anything_wanted(engine: Engine) -> bool:
    with reading(engine, "recalls") as connection:
        return bool(connection.execute(text(_WANTED)).scalar_one())
