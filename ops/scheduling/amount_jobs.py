"""The job that lists the amounts of operations, so that a search reads few of them."""

from datetime import timedelta

import structlog

from ledger.amounts.listing import list_operation_amounts
from ops.runtime.child_jobs import ChildJobs
from storage.transactions import engine_at
from workers.scheduler import Job

#: Time between two looks for batches that can be listed.
EVERY = timedelta(minutes=5)
#: Longest time for one round.
TIMEOUT = timedelta(hours=1)

log = structlog.get_logger()


def amount_job(database_url: str, child_jobs: ChildJobs) -> Job:
    """List the amounts of batches since the last listed one; one scheduler does it."""

    def run(_slot: str) -> None:
        count = child_jobs.call(list_amounts_of, database_url, timeout=TIMEOUT)
        if count:
            log.info("amounts_listed", stretches=count)

    return Job(name="operation_amounts", every=EVERY, run=run, exclusive=True)


def list_amounts_of(database_url: str) -> int:
    """List the amounts of a database; returns how many stretches of batches were added."""
    with engine_at(database_url, pool_size=2) as engine:
        return list_operation_amounts(engine)
