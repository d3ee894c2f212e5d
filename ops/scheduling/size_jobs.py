"""The job that measures the tables, so that their growth is known."""

from datetime import timedelta

from sqlalchemy import Engine

from storage.table_sizes import measure_sizes
from vocabulary.clock import Clock
from workers.scheduler import Job

#: Time between two measurements; each day keeps its last.
EVERY = timedelta(hours=1)


def size_job(engine: Engine, clock: Clock) -> Job:
    """Keep the sizes of today; one scheduler does it for all."""
    return Job(
        name="table_sizes",
        every=EVERY,
        run=lambda _slot: measure_sizes(engine, clock.now().date()),
        exclusive=True,
    )
